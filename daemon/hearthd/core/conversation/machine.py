"""The conversation's machine: facts first, then the rule of the phase, then the ear that follows from it.

Pure: time comes in with each step, and `deadline` says when the machine wants to be stepped with `DeadlinePassed`.
"""

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.moves import Moves
from hearthd.core.conversation.phases import Link, Manners, Mic, Patience, Phase, Shown, shown
from hearthd.core.conversation.rules import RULES
from hearthd.core.realtime.choice import Server


class Machine:
    """Decides what happens next in the conversation; only the conductor steps it."""

    def __init__(self, manners: Manners, patience: Patience | None = None) -> None:
        """Start idle, with the microphone live and the link down."""
        self._moves = Moves(manners, patience or Patience())
        self._ear = do.SetEar(do.EarMode.WATCH, brisk=False)

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""
        return self._moves.phase

    @property
    def deadline(self) -> float | None:
        """Monotonic seconds at which `DeadlinePassed` is due; None exactly while idle."""
        return self._moves.deadline

    @property
    def turn(self) -> int:
        """Number of the current turn, or of the last one while idle."""
        return self._moves.turn

    @property
    def link(self) -> Link:
        """How the link stands."""
        return self._moves.facts.link

    @property
    def server(self) -> Server | None:
        """Who answers, or would if asked; None: nobody can."""
        facts = self._moves.facts
        return None if facts.link_problem and facts.link is not Link.READY else facts.server

    @property
    def server_reason(self) -> str:
        """Why the configured server does not answer, in plain words; empty when it does."""
        return self._moves.facts.server_reason

    @property
    def mic(self) -> Mic:
        """Whether the microphone may be open."""
        return self._moves.facts.mic

    @property
    def uplink_open(self) -> bool:
        """Whether an utterance is being taken down."""
        return self._moves.facts.uplink_open

    @property
    def link_trouble(self) -> str:
        """What keeps the link from being ready, in plain words; empty when nothing does."""
        return self._moves.facts.link_problem

    @property
    def budget_trouble(self) -> str:
        """Why nobody is listened to for want of money, in plain words; empty while there is some."""
        return self._moves.facts.unaffordable

    @property
    def microphone_trouble(self) -> str | None:
        """What keeps us from hearing, in plain words; None when nothing does, or nothing shall be heard."""
        return None if self.mic is Mic.MUTED else self._moves.facts.microphone_lost

    @property
    def speaker_trouble(self) -> str | None:
        """What keeps us from being heard, in plain words; None when nothing does."""
        return self._moves.facts.speaker_lost

    def wants_call(self, call_id: str) -> bool:
        """Tell whether a function call that was to be carried out still is: nobody has broken the answer off."""
        return call_id in self._moves.facts.open_calls

    @property
    def shown(self) -> Shown:
        """What LEDs and the house see."""
        return shown(self.phase, self.link, self.mic, trouble=bool(self.link_trouble))

    def step(self, event: ev.Event, now: float) -> tuple[do.Command, ...]:
        """Take one event at monotonic second `now` and return what has to be done, in order."""
        moves = self._moves
        moves.now = now
        moves.out = list(moves.facts.note(event, moves.turn))
        rule = RULES.get((moves.phase, type(event)))
        if rule is not None:
            rule(moves, event)
        ear = moves.wanted_ear()
        if ear != self._ear:
            self._ear = ear
            moves.out.append(ear)
        return tuple(moves.out)
