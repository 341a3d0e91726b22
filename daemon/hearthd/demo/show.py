"""What is said in the pretended room, and what comes of it, told in plain words."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from hearthd.core.conversation.commands import Outcome
from hearthd.core.conversation.phases import Phase
from hearthd.core.errors import HearthdError
from hearthd.core.home.topics import RoomTopics
from hearthd.demo.house import PretendHouse
from hearthd.demo.room import ROOM_FORMAT, PretendMicrophone

WAKE_WORD: Final = "okay nabu"
PAUSE_MS: Final = 150
"""Between the wake word and the wish, as people make it."""
READY_S: Final = 60.0
"""For the server to start, on a small Pi."""
WAKES_S: Final = 2.0
"""From the end of what was said; whoever does not listen by then will not."""
TURN_S: Final = 30.0
"""From the end of what was said to the end of the answer."""
NEWS_MAX: Final = 256
"""Messages that wait to be looked at; between two wishes they may be many."""

Tell = Callable[[str, str], None]
"""Takes what happened, as one word, and the story of it."""
Speak = Callable[[str], Awaitable[bytes]]
"""Turns a text into PCM in `ROOM_FORMAT`."""

_RESTING: Final = frozenset({Phase.IDLE, Phase.FOLLOW_UP})
_ATTENTIVE: Final = frozenset({Phase.WAKING, Phase.LISTENING})


class ShowFailed(HearthdError):
    """Something did not happen that should have."""


class Show:
    """What somebody does in the room of a running daemon, and watches there; lives on the daemon's loop."""

    def __init__(self, microphone: PretendMicrophone, topics: RoomTopics, speak: Speak, tell: Tell) -> None:
        """Have a person `speak` into `microphone`."""
        self._news = asyncio.Queue[tuple[str, bytes]](NEWS_MAX)
        self._microphone = microphone
        self._topics = topics
        self._speak = speak
        self._tell = tell
        self._state: dict[str, object] = {}
        self._attends = False
        """Whether the daemon has listened since the person began to speak."""
        self._outcomes: list[str] = []
        """How each turn ended."""

    def notice(self, topic: str, payload: bytes) -> None:
        """Take what the daemon publishes; what nobody looks at in time is forgotten."""
        if self._news.full():
            self._news.get_nowait()
        self._news.put_nowait((topic, payload))

    async def ready(self) -> None:
        """Wait until somebody answers. Raises `ShowFailed`."""
        self._tell("starts", "the daemon, and the server on this machine that it talks with")
        if not await self._until(lambda: self._state.get("link") == "ready", _now_s() + READY_S):
            raise ShowFailed(f"no server was ready within {READY_S:.0f} s: {self._state.get('problem', 'no reason')}")
        self._tell("ready", f"the {self._state.get('server', '')} server answers, the microphone is open")

    async def say(self, text: str, house: PretendHouse) -> None:
        """Say `text`, behind the wake word unless the daemon still listens, and watch until the turn is over.

        Raises `ShowFailed` when it never is, or was not answered, and what speaking raises.
        """
        wish = await self._speak(text)
        # What came since the last wish was looked at by nobody, and the answer to it may still end.
        await self._until(lambda: self._news.empty() and self._state.get("phase") in _RESTING, _now_s() + TURN_S)
        over, self._attends = len(self._outcomes), False
        if self._state.get("phase") != Phase.FOLLOW_UP:
            await self._call()
        self._tell("spoke", f"“{text}”")
        ends_s = self._microphone.say(wish)
        if not await self._until(lambda: self._attends, ends_s + WAKES_S):
            self._tell("trouble", "nobody woke, which some voices cannot help; the button does as well")
            house.send(self._topics.listen, b"")
            ends_s = self._microphone.say(wish)
        if not await self._until(lambda: len(self._outcomes) > over, ends_s + TURN_S):
            raise ShowFailed(f"nothing came of “{text}” within {TURN_S:.0f} s, in phase {self._state.get('phase')}")
        if self._outcomes[-1] != Outcome.ANSWERED:
            raise ShowFailed(f"“{text}” was not answered: {self._outcomes[-1].replace('_', ' ')}")

    async def _call(self) -> None:
        """Say the wake word, and go on without waiting for what comes of it, as people may."""
        self._tell("spoke", f"“{WAKE_WORD}”")
        pause = bytes(ROOM_FORMAT.frames_of_ms(PAUSE_MS) * ROOM_FORMAT.frame_bytes)
        await self._until(lambda: False, self._microphone.say(await self._speak(WAKE_WORD) + pause))

    async def _until(self, happened: Callable[[], bool], deadline_s: float) -> bool:
        """Watch until something has happened; tells whether it did in time."""
        while not happened():
            try:
                async with asyncio.timeout_at(deadline_s):
                    topic, payload = await self._news.get()
            except TimeoutError:
                return happened()
            self._watch(topic, payload)
        return True

    def _watch(self, topic: str, payload: bytes) -> None:
        if topic == self._topics.state:
            self._state = msgspec.json.decode(payload, type=dict[str, object])
            self._attends |= self._state.get("phase") in _ATTENTIVE
        elif topic == self._topics.event:
            self._happened(msgspec.json.decode(payload, type=dict[str, object]))
        elif topic.endswith("/set"):
            self._tell("switched", f"{topic.removesuffix('/set')} {payload.decode()}")

    def _happened(self, event: Mapping[str, object]) -> None:
        match event:
            case {"event": "wake"}:
                self._attends = True
                self._tell("woken", "the wake word was recognised, on this machine")
            case {"event": "transcript", "text": str(text)}:
                self._tell("heard", f"“{text}”" if text else "nothing that could be a sentence")
            case {"event": "reply", "text": str(text)}:
                self._tell("answered", f"“{text}”")
            case {"event": "error", "problem": str(problem)}:
                self._tell("trouble", problem)
            case {"event": "turn", "outcome": str(outcome), **rest}:
                self._outcomes.append(outcome)
                if isinstance(latency_ms := rest.get("latency_ms"), int):
                    self._tell("done", f"the answer began {latency_ms / 1000:.2f} s after the last word")
            case _:
                pass


def _now_s() -> float:
    return asyncio.get_running_loop().time()
