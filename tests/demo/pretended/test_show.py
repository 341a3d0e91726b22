"""What somebody does in the pretended room, and what is told of it: against a daemon that is played."""

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from hearthd.core.home.topics import RoomTopics
from hearthd.demo.house import PretendHouse
from hearthd.demo.room import PretendMicrophone
from hearthd.demo.show import NEWS_MAX, READY_S, TURN_S, WAKE_WORD, Show, ShowFailed

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS = RoomTopics("hearthd", "demo")
WISH = "turn on the lamp"


async def speak(text: str) -> bytes:
    """Sound that can be read."""
    return text.encode()


class PlayedDaemon(PretendMicrophone):
    """Hears what is said, which takes a second, and publishes what `answers` has for it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []
        self.heard: list[str] = []
        self.house = PretendHouse({}, lambda _topic, _payload: None)
        self.show = Show(self, TOPICS, speak, lambda *line: self.told.append(line))
        self.wakes = True
        self.answers: Callable[[], None] = self.obey

    def say(self, pcm: bytes) -> float:
        """Take what is said."""
        text = pcm.rstrip(b"\0").decode()
        loop = asyncio.get_running_loop()
        loop.call_later(0.9, self._hear, text)
        return loop.time() + 1.0

    def obey(self) -> None:
        """Do as wished, and go on listening."""
        self.shows("listening")
        self.tells("transcript", text=WISH)
        self.show.notice("demo/lamp/set", b"ON")
        self.tells("reply", text="The lamp is on.")
        self.tells("turn", outcome="answered", latency_ms=900)
        self.shows("follow_up")

    def shows(self, phase: str, **more: str) -> None:
        """Publish a state."""
        self.show.notice(TOPICS.state, msgspec.json.encode({"phase": phase, **more}))

    def tells(self, event: str, **fields: object) -> None:
        """Publish an event."""
        self.show.notice(TOPICS.event, msgspec.json.encode({"event": event, **fields}))

    def _hear(self, text: str) -> None:
        self.heard.append(text)
        if text == WAKE_WORD and self.wakes:
            self.tells("wake")
            self.shows("listening")
        elif text != WAKE_WORD:
            self.answers()


async def test_a_wish_is_told_from_the_wake_word_to_the_answer() -> None:
    """Each line as it happens; whoever is still listened to need not wake it again."""
    daemon = PlayedDaemon()
    daemon.shows("idle", link="ready", server="offline")
    await daemon.show.ready()
    for _ in range(2):
        await daemon.show.say(WISH, daemon.house)
    assert daemon.heard == [WAKE_WORD, WISH, WISH]
    assert [what for what, _ in daemon.told] == [
        *("starts", "ready"),
        *("spoke", "woken", "spoke", "heard", "switched", "answered", "done"),
        *("spoke", "heard", "switched", "answered", "done"),
    ]
    assert daemon.told[5:9] == [
        ("heard", f"“{WISH}”"),
        ("switched", "demo/lamp ON"),
        ("answered", "“The lamp is on.”"),
        ("done", "the answer began 0.90 s after the last word"),
    ]


async def test_what_came_since_the_last_wish_counts() -> None:
    """Who stopped listening meanwhile is woken again, and an answer that still sounds is not talked over."""
    daemon = PlayedDaemon()
    daemon.shows("idle")
    await daemon.show.say(WISH, daemon.house)
    daemon.shows("speaking")
    asyncio.get_running_loop().call_later(5.0, daemon.shows, "idle")
    began_s = asyncio.get_running_loop().time()
    await daemon.show.say(WISH, daemon.house)
    assert daemon.heard == [WAKE_WORD, WISH, WAKE_WORD, WISH]
    assert asyncio.get_running_loop().time() == pytest.approx(began_s + 5.0 + 1.0 + 0.9)


async def test_who_does_not_wake_it_presses_the_button() -> None:
    """And says it again, which is told."""
    daemon = PlayedDaemon()
    daemon.wakes = False
    daemon.shows("idle")
    await daemon.house.subscribe([TOPICS.listen])
    pressed = anext(daemon.house.messages())

    def deaf_first() -> None:
        daemon.answers = daemon.obey

    daemon.answers = deaf_first
    await daemon.show.say(WISH, daemon.house)
    assert (await pressed).topic == TOPICS.listen
    assert daemon.heard == [WAKE_WORD, WISH, WISH]
    assert [what for what, _ in daemon.told][:3] == ["spoke", "spoke", "trouble"]


@pytest.mark.parametrize("outcome", ["failed", "nothing_said"])
async def test_a_turn_that_is_not_answered_is_a_failure(outcome: str) -> None:
    """With what the daemon has to say about it."""
    daemon = PlayedDaemon()
    daemon.shows("idle")

    def fails() -> None:
        daemon.tells("transcript", text="")
        daemon.tells("error", problem="the server went")
        daemon.tells("turn", outcome=outcome)

    daemon.answers = fails
    with pytest.raises(ShowFailed, match=f"was not answered: {outcome.replace('_', ' ')}"):
        await daemon.show.say(WISH, daemon.house)
    assert daemon.told[-2:] == [("heard", "nothing that could be a sentence"), ("trouble", "the server went")]


async def test_an_answer_that_never_comes_is_a_failure() -> None:
    """Some time after what was said, with the phase that it hangs in."""
    daemon = PlayedDaemon()
    daemon.shows("idle")
    daemon.answers = lambda: daemon.shows("thinking")
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(ShowFailed, match="within 30 s, in phase thinking"):
        await daemon.show.say(WISH, daemon.house)
    assert asyncio.get_running_loop().time() == pytest.approx(began_s + 2.0 + TURN_S)


async def test_a_server_that_never_comes_is_a_failure() -> None:
    """With the reason, as far as one is known."""
    daemon = PlayedDaemon()
    daemon.shows("idle", link="connecting", problem="the offline server ended with 1")
    with pytest.raises(ShowFailed, match=f"within {READY_S:.0f} s: the offline server ended with 1"):
        await daemon.show.ready()


async def test_news_that_nobody_looks_at_are_forgotten() -> None:
    """The newest are kept, and memory is bounded."""
    daemon = PlayedDaemon()
    for _ in range(2 * NEWS_MAX):
        daemon.tells("utterance")
    daemon.shows("idle", link="ready", server="offline")
    await daemon.show.ready()
    assert daemon.told[-1] == ("ready", "the offline server answers, the microphone is open")
