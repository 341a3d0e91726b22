"""How we are, in one sentence; and ready exactly once, when sound is up."""

import asyncio

import pytest

from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Manners
from hearthd.core.realtime.events import SessionReady
from hearthd.engine.liveness import Pulse
from hearthd.engine.reporter import Reporter
from hearthd.engine.status import StatusBoard
from tests.doubles.supervisor import MemorySupervisor

SOUND_UP = (ev.MicrophoneFound(), ev.SpeakerFound())
READY = (*SOUND_UP, SessionReady())
WAKE = ev.WakeHeard("okay_nabu", 0)
COMMITTED = (WAKE, ev.SpeechStarted(1, 0), ev.SpeechEnded(1, capped=False))


class Board(StatusBoard):
    """A board with its machine and its supervisor."""

    def __init__(self) -> None:
        self.supervisor = MemorySupervisor()
        self.reporter = Reporter("state", "event", Pulse("reporter"))
        self.machine = Machine(Manners())
        super().__init__(self.supervisor, self.reporter, '"okay nabu"', 80)

    def happen(self, *events: ev.Event) -> str:
        """Let events happen, one after the other; returns the sentence after the last."""
        for event in events:
            self.machine.step(event, asyncio.get_running_loop().time())
            self.show(self.machine)
        return self.sentence(self.machine)


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ((), "no microphone: not open yet; no loudspeaker: not open yet; the server is not connected"),
        ((ev.MicrophoneFound(),), "no loudspeaker: not open yet; the server is not connected"),
        (SOUND_UP, 'waiting for "okay nabu"; the server is not connected'),
        ((*SOUND_UP, ev.LinkConnecting()), 'waiting for "okay nabu"; connecting to the server'),
        (READY, 'waiting for "okay nabu"; the server is ready'),
        ((*READY, ev.LinkLost("no route")), 'waiting for "okay nabu"; the server is not connected: no route'),
        ((*READY, ev.LinkDenied("http_401", "wrong key")), 'waiting for "okay nabu"; the server refused us: wrong key'),
        (
            (*READY, ev.LinkLost("no route"), WAKE),
            "woken, waiting for the server; the server is not connected: no route",
        ),
        ((*READY, WAKE), "listening to a request; the server is ready"),
        ((*READY, *COMMITTED), "waiting for the answer; the server is ready"),
        ((*READY, *COMMITTED, ev.PlayoutStarted("r")), "speaking; the server is ready"),
        ((*READY, ev.MuteRequested(muted=True)), "muted; the server is ready"),
        ((*READY, ev.MicrophoneLost("read mic: gone")), "no microphone: read mic: gone; the server is ready"),
    ],
)
async def test_the_sentence_says_how_we_are(events: tuple[ev.Event, ...], sentence: str) -> None:
    """For whoever reads `systemctl status`."""
    assert Board().happen(*events) == sentence


async def test_the_broker_is_mentioned_when_it_is_in_trouble() -> None:
    """At the end of the sentence, until it is back."""
    board = Board()
    board.broker_trouble = "nobody listens there"
    assert board.happen(*READY).endswith("; no MQTT broker: nobody listens there")
    board.broker_trouble = None
    assert board.happen(ev.SpeakerFound()).endswith("the server is ready")


async def test_ready_is_said_exactly_once_when_sound_is_up() -> None:
    """Neither before both cards run nor again after one came back; without a server all the same."""
    board = Board()
    board.show(board.machine)
    board.happen(ev.MicrophoneFound(), ev.MicrophoneLost("gone"), ev.SpeakerFound())
    assert [told for told in board.supervisor.told if "READY" in told] == []
    board.happen(ev.MicrophoneFound())
    assert [told for told in board.supervisor.told if "READY" in told] == [
        {"READY": "1", "STATUS": 'waiting for "okay nabu"; the server is not connected'}
    ]
    board.happen(ev.SpeakerLost("gone"), ev.SpeakerFound(), ev.MuteRequested(muted=True), SessionReady())
    assert len([told for told in board.supervisor.told if "READY" in told]) == 1


async def test_who_starts_muted_is_ready_without_a_microphone() -> None:
    """Its device is closed on purpose."""
    board = Board()
    board.happen(ev.SpeakerFound(), ev.MuteRequested(muted=True))
    assert board.supervisor.told[-1] == {"READY": "1", "STATUS": "muted; the server is not connected"}


async def test_the_same_sentence_is_not_told_twice() -> None:
    """Every step looks, few change anything."""
    board = Board()
    board.happen(*READY, ev.SpeakerFound(), ev.SpeakerFound())
    assert len([told for told in board.supervisor.told if "ready" in told["STATUS"]]) == 1


async def test_the_house_sees_the_same() -> None:
    """As fields, with the volume."""
    board = Board()
    board.happen(*READY, WAKE)
    assert board.reporter._state is not None
    state = board.reporter._state
    assert (state.phase, state.link, state.mic, state.volume_percent) == ("listening", "ready", "live", 80)
