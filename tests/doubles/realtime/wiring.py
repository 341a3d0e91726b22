"""What the parts of one session share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.doubles.realtime.conversation import Conversation
    from tests.doubles.realtime.outbox import Outbox
    from tests.doubles.realtime.record import Record, SessionRecord
    from tests.doubles.realtime.scenario import Cursor, Scenario


@dataclass(frozen=True, slots=True)
class Wiring:
    """One session's neighbours; `scenario`, `cursor` and `record` are the whole server's."""

    scenario: Scenario
    cursor: Cursor
    record: Record
    session: SessionRecord
    outbox: Outbox
    conversation: Conversation
