"""A Realtime server that says what its test wrote down, on links in memory and in the loop's time.

It keeps the order of a real one (one response at a time, an input buffer for each session) and asserts ours; for the
wire itself there is `tests.doubles.realtime`.
"""

import asyncio
import base64
import json
from collections import deque
from dataclasses import dataclass, field
from itertools import count

from hearthd.core.audio.pcm import LINK_FORMAT
from tests.core.realtime import wire
from tests.core.realtime.wire import Json
from tests.doubles.memory_link import MemoryConnection, MemoryLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function call of the model."""

    name: str = "set_switch"
    arguments: str = '{"device": ["lamp"], "on": true}'


Part = bytes | Call


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server makes of one `response.create`."""

    parts: tuple[Part, ...]
    """Speech and calls, in order; every piece of speech is an item of its own."""
    after_s: float = 0.2
    """From the request to the first message."""
    delta_bytes: int = LINK_FORMAT.frames_of_ms(100) * LINK_FORMAT.frame_bytes
    pace_s: float = 0.0
    """Between two deltas; 0 sends all at once."""
    status: str = "completed"
    ends_after_s: float = 0.0
    """From the last part to `response.done`."""
    ends: bool = True
    """Whether `response.done` follows."""


def says(*parts: Part, **how: object) -> Reply:
    """Return a reply of these parts."""
    return Reply(parts, **how)  # type: ignore[arg-type]


@dataclass(slots=True)
class Session:
    """One connection as the server saw it."""

    connection: MemoryConnection
    texts: list[tuple[float, Json]] = field(default_factory=list)
    """Everything that came, with its moment."""
    unheard: bytearray = field(default_factory=bytearray)
    """Sound appended since the last commit or clear."""
    utterances: list[bytes] = field(default_factory=list)
    """What was committed."""

    def came(self, message_type: str) -> list[Json]:
        """Return what came of one type."""
        return [message for _, message in self.texts if message["type"] == message_type]

    def moment(self, message_type: str) -> float:
        """Return when the latest of one type came."""
        return [at_s for at_s, message in self.texts if message["type"] == message_type][-1]


class ScriptedServer:
    """Serves every connection of a link; `replies` are given in order, and without one it stays silent."""

    def __init__(self, link: MemoryLink) -> None:
        self.link = link
        self.sessions: list[Session] = []
        self.replies: deque[Reply] = deque()
        self.start_s = 0.0
        """From the open connection to `session.updated`."""
        self.sound_bytes = 0
        """How much sound came, in all sessions."""
        self.detects_speech = False
        """Whether it makes turns by itself, as told by `hears_start` and `hears_end`."""
        self._names = count(1)
        self._response: tuple[str, asyncio.Task[None]] | None = None

    @property
    def session(self) -> Session:
        """The newest one."""
        return self.sessions[-1]

    @property
    def utterances(self) -> list[bytes]:
        """Everything that was committed, in all sessions."""
        return [utterance for session in self.sessions for utterance in session.utterances]

    def came(self, message_type: str) -> list[Json]:
        """Return what came of one type, in all sessions."""
        return [message for session in self.sessions for message in session.came(message_type)]

    async def run(self) -> None:
        """Serve for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                connection = await self.link.accept()
                self._response = None
                session = Session(connection)
                self.sessions.append(session)
                tasks.create_task(self._serve(session, tasks))

    def say(self, *texts: str) -> None:
        """Send any texts."""
        self.session.connection.push(*texts)

    async def _serve(self, session: Session, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        session.connection.push(wire.CREATED)
        while True:
            message: Json = json.loads(await session.connection.next_text())
            session.texts.append((loop.time(), message))
            match message["type"]:
                case wire.UPDATE:
                    await asyncio.sleep(self.start_s)
                    session.connection.push(wire.UPDATED)
                case wire.APPEND:
                    pcm = base64.b64decode(str(message["audio"]))
                    self.sound_bytes += len(pcm)
                    session.unheard += pcm
                case wire.COMMIT:
                    assert not self.detects_speech, "a commit although the server makes the turns"
                    self._commit(session)
                case "input_audio_buffer.clear":
                    session.unheard.clear()
                case wire.CREATE:
                    self._respond(session, tasks)
                case "response.cancel":
                    self._cancel(session)
                case _:
                    pass

    def _commit(self, session: Session) -> None:
        session.utterances.append(bytes(session.unheard))
        session.unheard.clear()
        item_id = f"item_{next(self._names)}"
        session.connection.push(wire.text("input_audio_buffer.committed", item_id=item_id))

    def _respond(self, session: Session, tasks: asyncio.TaskGroup) -> None:
        assert self._response is None, "a response was asked for beside a running one"
        if self.replies:
            response_id = f"resp_{next(self._names)}"
            reply = self.replies.popleft()
            task = tasks.create_task(self._reply(session.connection, response_id, reply))
            self._response = (response_id, task)

    def _cancel(self, session: Session) -> None:
        if self._response is not None:
            response_id, task = self._response
            task.cancel()
            self._response = None
            session.connection.push(wire.done(response_id, "cancelled"))

    async def _reply(self, connection: MemoryConnection, response_id: str, reply: Reply) -> None:
        await asyncio.sleep(reply.after_s)
        connection.push(wire.created(response_id))
        for part in reply.parts:
            item_id = f"item_{next(self._names)}"
            if isinstance(part, Call):
                call = wire.call_item(f"call_{item_id}", item_id=item_id, name=part.name, arguments=part.arguments)
                connection.push(wire.item_done(response_id, call))
            else:
                await self._speak(connection, response_id, item_id, part, reply)
        await asyncio.sleep(reply.ends_after_s)
        if reply.ends:
            self._response = None
            connection.push(wire.done(response_id, reply.status))

    async def _speak(
        self, connection: MemoryConnection, response_id: str, item_id: str, pcm: bytes, reply: Reply
    ) -> None:
        for at in range(0, len(pcm), reply.delta_bytes):
            connection.push(wire.audio(response_id, item_id, pcm[at : at + reply.delta_bytes]))
            if reply.pace_s:
                await asyncio.sleep(reply.pace_s)

    # Where the server makes the turns

    def hears_start(self) -> None:
        """Find that somebody speaks."""
        self.say(wire.text("input_audio_buffer.speech_started"))

    def hears_end(self, tasks: asyncio.TaskGroup) -> None:
        """Find that somebody has spoken, commit it, and answer unless the daemon wants to be the one who asks."""
        self.say(wire.text("input_audio_buffer.speech_stopped"))
        self._commit(self.session)
        update = json.dumps(self.session.came(wire.UPDATE)[-1])
        if '"create_response": false' not in update:
            self._respond(self.session, tasks)
