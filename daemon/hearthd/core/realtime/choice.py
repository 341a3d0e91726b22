"""Which server answers: the configured one while it can, the one in this machine while it cannot.

Pure: time and the standing of both servers are handed in with each look.
"""

from dataclasses import dataclass
from enum import StrEnum

MOMENT_S = 3.0
"""So long a server may be away that was lost, before the other one takes over."""
WAITED_S = 5.0
"""So long may a connection take that nothing speaks against, while somebody waits; from far away it takes 4 s."""
CALM_S = 10.0
"""The same while nobody waits."""
STABLE_S = 5.0
"""A session that lived this long ends an outage; before, a server may take us in only to throw us out."""


class Server(StrEnum):
    """Who answers."""

    ONLINE = "online"
    """The configured one."""
    OFFLINE = "offline"
    """The one that runs on this machine."""


class Footing(StrEnum):
    """How we stand with one server."""

    READY = "ready"
    """A session waits for us."""
    TRYING = "trying"
    """There is none, and one is sought; also between two attempts."""
    RESTING = "resting"
    """There is none, and none is sought, because nobody needs one: nothing is known against the server."""
    REFUSED = "refused"
    """The server said no, and nothing better was heard of it since."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How we have stood with one server, and since when."""

    footing: Footing
    since_s: float
    """Monotonic seconds; for `TRYING` the moment from which there was no use in it."""
    code: str = ""
    """What is wrong with it, for machines; empty while nothing is."""
    problem: str = ""
    """The same in plain words."""


class Why(StrEnum):
    """Why the server on this machine answers."""

    NO_KEY = "no_key"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the server on this machine answers, in detail."""

    why: Why
    code: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that the choice rests on."""

    now_s: float
    online: Standing | None
    """None: it wants a key, and there is none."""
    offline: Standing
    exhausted: str = ""
    """Why no money may be spent, in plain words; empty while it may."""
    waiting: bool = False
    """Whether somebody waits for a server."""
    movable: bool = True
    """Whether no turn is under way that one server has heard anything of and another would not know."""


class ServerChoice:
    """Chooses between two servers; begins with the configured one."""

    def __init__(self) -> None:
        """Have no reason for the other one yet."""
        self.server = Server.ONLINE
        self.reason: Reason | None = None
        """Why the server on this machine answers; None while the configured one does."""
        self.settled = True
        """Whether another look makes sense only when something happens; otherwise time alone may change the choice."""
        self._ready_s: float | None = None
        self._doubtful = False
        """Whether the last session with the configured server died young."""

    def look(self, situation: Situation) -> bool:
        """Choose anew; tells whether the server or the reason is another one now."""
        self._judge(situation)
        wanted = self._reason_of(situation)
        moves = (wanted is None) is not (self.reason is None)
        self.settled = not self._may_ripen(situation, wanted, moves=moves)
        if wanted == self.reason or (moves and not situation.movable):
            return False
        self.reason = wanted
        self.server = Server.ONLINE if wanted is None else Server.OFFLINE
        return True

    def _judge(self, situation: Situation) -> None:
        """Remember whether sessions with the configured server last."""
        online = situation.online
        if online is not None and online.footing is Footing.READY:
            self._ready_s = online.since_s
            if situation.now_s - online.since_s >= STABLE_S:
                self._doubtful = False
        elif self._ready_s is not None:
            self._doubtful = online is not None and bool(online.problem) and online.since_s - self._ready_s < STABLE_S
            self._ready_s = None

    def _reason_of(self, situation: Situation) -> Reason | None:
        online = situation.online
        if online is None:
            return Reason(Why.NO_KEY)
        if situation.offline.footing is Footing.REFUSED:
            return None
        if situation.exhausted:
            return Reason(Why.BUDGET, problem=situation.exhausted)
        match online.footing:
            case Footing.REFUSED:
                return Reason(Why.REFUSED, online.code, online.problem)
            case Footing.TRYING:
                offline_already = self.server is Server.OFFLINE
                if offline_already or situation.now_s - online.since_s >= _patience_s(situation, online):
                    return Reason(Why.UNREACHABLE, online.code, online.problem)
                return None
            case _:
                return self.reason if self._doubtful else None

    def _may_ripen(self, situation: Situation, wanted: Reason | None, *, moves: bool) -> bool:
        if moves and not situation.movable:
            return True
        trying = situation.online is not None and situation.online.footing is Footing.TRYING
        return self._doubtful or (trying and wanted is None)


def _patience_s(situation: Situation, online: Standing) -> float:
    if online.problem:
        return MOMENT_S
    return WAITED_S if situation.waiting else CALM_S
