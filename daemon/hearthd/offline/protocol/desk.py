"""What the parts of one session share: its settings and its house, and the ways out to client and worker."""

from collections.abc import Callable
from dataclasses import dataclass

from hearthd.core.audio.pcm import GATE_FORMAT, LINK_FORMAT
from hearthd.core.audio.resample import Resampler
from hearthd.core.realtime.server_messages import ErrorBody
from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.mind.dialogue import Dialogue
from hearthd.offline.mind.house import House
from hearthd.offline.protocol.conversation import Conversation
from hearthd.offline.protocol.messages import Errored, Event, encode
from hearthd.offline.protocol.refused import INVALID_REQUEST, Refused
from hearthd.offline.protocol.settings import Session
from hearthd.offline.serving.jobs import Conclude, Feed, Listen, Order


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text for the client."""

    text: str
    job: int | None = None
    """The speech that it is a piece of: when it is sent, the next piece may be made."""


class Desk:
    """One session's common ground; belongs to it alone."""

    def __init__(self, session: Session, new_job: Callable[[], int], mark: str) -> None:
        """Begin with `session`; `mark` makes its ids differ from those of all other sessions."""
        self.session = session
        self.house = House(session.tools, session.instructions)
        """What the session's functions and instructions describe."""
        self.dialogue = Dialogue(self.house)
        """Remembers the talk so far."""
        self.conversation = Conversation()
        self.has_spoken = False
        """Whether the client was sent any sound."""
        self.new_job = new_job
        self._mark = mark
        self._count = 0
        self._texts: list[Outgoing] = []
        self._orders: list[Order] = []

    def change(self, session: Session) -> bool:
        """Put `session` in force; tells whether it describes another house."""
        before, self.session = self.session, session
        if (before.tools, before.instructions) == (session.tools, session.instructions):
            return False
        self.house = House(session.tools, session.instructions)
        self.dialogue.adopt(self.house)
        return True

    def other_dialogue(self, tools: tuple[FunctionTool, ...] | None, instructions: str | None) -> Dialogue:
        """Begin a talk that knows nothing of the one so far, with other functions and instructions if given."""
        if tools is None and instructions is None:
            return Dialogue(self.house)
        offered = self.session.tools if tools is None else tools
        return Dialogue(House(offered, self.session.instructions if instructions is None else instructions))

    def new_id(self, kind: str) -> str:
        """Return an id that nothing else has, as long as ids are on the wire."""
        while True:
            self._count += 1
            new = f"{kind}_{self._mark}{self._count:09d}"
            if new not in self.conversation:  # Clients choose ids as well.
                return new

    def send(self, event: Event, job: int | None = None) -> None:
        """Queue `event` for the client."""
        self._texts.append(Outgoing(encode(event, self.new_id("event")), job))

    def complain(self, refused: Refused, event_id: str | None = None) -> None:
        """Tell the client that its message `event_id`, if it was one, cannot be carried out."""
        error = ErrorBody(
            type=INVALID_REQUEST,
            code=refused.code,
            message=refused.message,
            param=refused.param,
            event_id=event_id,
        )
        self.send(Errored(error=error))

    def order(self, order: Order) -> None:
        """Queue `order` for the worker."""
        self._orders.append(order)

    def listen_to(self, pcm: bytes) -> int:
        """Have the worker hear `pcm` at 24 kHz as one utterance, and return the job."""
        resampler = Resampler(LINK_FORMAT.rate_hz, GATE_FORMAT.rate_hz)
        job = self.new_job()
        self.order(Listen(job, self.house.grammar))
        self.order(Feed(job, resampler.feed(pcm) + resampler.flush()))
        self.order(Conclude(job))
        return job

    def drain_texts(self) -> list[Outgoing]:
        """Return what is queued for the client, and forget it."""
        texts, self._texts = self._texts, []
        return texts

    def drain_orders(self) -> list[Order]:
        """Return what is queued for the worker, and forget it."""
        orders, self._orders = self._orders, []
        return orders
