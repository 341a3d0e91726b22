"""The user's side of the talk: sound on its way into the conversation, and texts that join it."""

from collections.abc import Sequence

from hearthd.core.audio.pcm import LINK_FORMAT
from hearthd.core.realtime.allowance import AskKind
from hearthd.core.realtime.client_messages import (
    BufferClear,
    BufferCommit,
    InputText,
    ItemCreate,
    Message,
    Role,
    encode,
)
from hearthd.core.realtime.context import ContextTally
from hearthd.core.realtime.events import InputCommitted
from hearthd.core.realtime.history import PastItem, replay
from hearthd.core.realtime.inputs import InputMeter
from hearthd.core.realtime.outbox import Outbox
from hearthd.core.realtime.responses import Sequencer
from hearthd.core.realtime.session import SessionPlan

CONTEXT_CHARACTERS_MAX = 2_000
"""Of what is told beside the instructions: some 500 tokens, paid for in every response of the conversation."""


class Utterances:
    """Fills the server's input buffer and has it committed, by us or by the server's own detection of speech."""

    def __init__(
        self, plan: SessionPlan, outbox: Outbox, sequencer: Sequencer, tally: ContextTally, *, asks: bool
    ) -> None:
        """Send and report through `outbox`; with `asks`, a commit of the server's is answered at our request."""
        self._plan = plan
        self._outbox = outbox
        self._sequencer = sequencer
        self._tally = tally
        self._asks = asks
        self._buffer = InputMeter()

    def append(self, pcm: bytes) -> None:
        """Add sound to the buffer. Raises `ValueError` for half a frame."""
        if len(pcm) % LINK_FORMAT.frame_bytes:
            raise ValueError(f"{len(pcm)} bytes of PCM end in the middle of a frame")
        if pcm:
            self._buffer.add(len(pcm))
            self._tally.append(len(pcm))
            self._outbox.send_audio(pcm)

    def commit(self) -> None:
        """End an utterance, filled up to what a server accepts; the server does it where it makes the turns."""
        if self._plan.turn_detection != "none":
            return
        self.append(self._buffer.padding())
        self._outbox.send(BufferCommit())
        self._buffer.reset()
        self._tally.commit()
        self._await_item()

    def clear(self) -> None:
        """Forget what the buffer holds, if it holds anything."""
        if not self._buffer.empty:
            self._outbox.send(BufferClear())
            self._buffer.reset()
            self._tally.clear()

    def committed(self, item_id: str) -> None:
        """Take the server's word that the buffer became the user's item."""
        if self._plan.turn_detection != "none":
            self._tally.commit()
            self._sequencer.end_user_turn()
            if self._asks:
                self._sequencer.want(AskKind.REPLY)
                self._await_item()
        self._outbox.report(InputCommitted(item_id))

    def add_text(self, role: Role, text: str) -> None:
        """Let a text join the conversation."""
        self._outbox.send(ItemCreate(item=Message(role=role, content=(InputText(text),))))
        self._tally.add_text(text)

    def restore(self, history: Sequence[PastItem]) -> None:
        """Let an earlier talk join the conversation, as far as it is told again."""
        for item in replay(history, self._plan.dialect):
            self._outbox.send(item)
            self._tally.add_text(encode(item))

    def _await_item(self) -> None:
        if self._plan.dialect.item_comes_late:
            self._sequencer.hold()
