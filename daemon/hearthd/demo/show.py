"""What is said in the pretended room, and what comes of it, told in plain words."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from hearthd.core.conversation.commands import Outcome
from hearthd.core.errors import HearthdError
from hearthd.core.home.topics import RoomTopics
from hearthd.demo.house import PretendHouse
from hearthd.demo.room import ROOM_FORMAT, PretendMicrophone
from hearthd.offline.parts import Synthesiser

WAKE_WORD: Final = "okay nabu"
PAUSE_S: Final = 0.15
"""Between the wake word and the wish, as people make it."""
READY_S: Final = 60.0
"""For the server to load its model, on a small Pi."""
WAKES_S: Final = 2.0
"""From the end of what was said; whoever has not woken by then will not."""
TURN_S: Final = 30.0
"""From the end of what was said to the end of the answer."""
NEWS_MAX: Final = 256
"""Messages that wait to be looked at; between two wishes they may be many."""

Tell = Callable[[str, str], None]
"""Takes what happened, as one word, and the story of it."""


class ShowFailed(HearthdError):
    """Something did not happen that should have."""


class Show:
    """What somebody does in the room of a running daemon, and watches there; lives on the daemon's loop."""

    def __init__(self, microphone: PretendMicrophone, topics: RoomTopics, voice: Synthesiser, tell: Tell) -> None:
        """Speak into `microphone` with the person's `voice`."""
        self._news = asyncio.Queue[tuple[str, bytes]](NEWS_MAX)
        self._microphone = microphone
        self._topics = topics
        self._voice = voice
        self._tell = tell
        self._state: dict[str, object] = {}
        self._woken = False
        self._turns_over = 0
        self._outcome = ""

    def notice(self, topic: str, payload: bytes) -> None:
        """Take what the daemon publishes; what nobody looks at in time is forgotten."""
        if self._news.full():
            self._news.get_nowait()
        self._news.put_nowait((topic, payload))

    async def ready(self) -> None:
        """Wait until somebody answers. Raises `ShowFailed`."""
        loop = asyncio.get_running_loop()
        if not await self._until(lambda: self._state.get("link") == "ready", loop.time() + READY_S):
            raise ShowFailed(f"no server was ready within {READY_S:.0f} s: {self._state.get('problem', 'no reason')}")
        self._tell("ready", f"the {self._state.get('server', '')} server answers")

    async def say(self, text: str, house: PretendHouse) -> None:
        """Say `text`, behind the wake word unless the daemon still listens, and watch until the turn is over.

        Raises `ShowFailed` when it never is, or was not answered.
        """
        turns_over, self._woken = self._turns_over, self._state.get("phase") == "follow_up"
        if not self._woken:
            self._tell("spoke", f"“{WAKE_WORD}”")
            self._microphone.say(await self._spoken(WAKE_WORD) + bytes(ROOM_FORMAT.frames_of_ms(1000 * PAUSE_S) * 2))
        self._tell("spoke", f"“{text}”")
        wish = await self._spoken(text)
        ends_s = self._microphone.say(wish)
        if not await self._until(lambda: self._woken, ends_s + WAKES_S):
            self._tell("trouble", "the wake word was not recognised in this voice; the button does as well")
            house.send(self._topics.listen, b"")
            ends_s = self._microphone.say(wish)
        if not await self._until(lambda: self._turns_over > turns_over, ends_s + TURN_S):
            raise ShowFailed(f"nothing came of “{text}” within {TURN_S:.0f} s, in phase {self._state.get('phase')}")
        if self._outcome != Outcome.ANSWERED:
            raise ShowFailed(f"“{text}” was not answered: {self._outcome}")

    async def _spoken(self, text: str) -> bytes:
        return await asyncio.to_thread(lambda: b"".join(self._voice.speak(text)))

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
        elif topic == self._topics.event:
            self._happened(msgspec.json.decode(payload, type=dict[str, object]))
        elif topic.endswith("/set"):
            self._tell("switched", f"{topic.removesuffix('/set')} {payload.decode()}")

    def _happened(self, event: Mapping[str, object]) -> None:
        match event.get("event"):
            case "wake":
                self._woken = True
                self._tell("woken", "the wake word was recognised, on this machine")
            case "transcript":
                self._tell("heard", f"“{event.get('text', '')}”")
            case "reply":
                self._tell("answered", f"“{event.get('text', '')}”")
            case "error":
                self._tell("trouble", str(event.get("problem", "")))
            case "turn":
                self._turns_over += 1
                self._outcome = str(event.get("outcome", ""))
            case _:
                pass
