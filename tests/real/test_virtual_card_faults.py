"""What the virtual sound card breaks on request, seen through plain pyalsaaudio."""

import errno
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import alsaaudio
import numpy as np
import pytest

from tests.doubles.vcard import Direction, EventKind, VirtualCard
from tests.real.test_virtual_card import PERIOD, open_pcm, ramp

both = pytest.mark.parametrize("direction", list(Direction))


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualCard]:
    """A card that this process can open."""
    with VirtualCard(tmp_path) as made:
        monkeypatch.setenv("ALSA_CONFIG_PATH", made.env()["ALSA_CONFIG_PATH"])
        yield made


def running(
    card: VirtualCard, direction: Direction, *, blocking: bool = False, periods: int = 64
) -> tuple[alsaaudio.PCM, Callable[[], int]]:
    """A stream that has begun, and one more transfer on it: the frames moved, 0 or -32. It writes half a buffer."""
    pcm = open_pcm(card, direction, blocking=blocking, periods=periods)
    sound = ramp(periods // 2 * PERIOD).tobytes()

    def move() -> int:
        count: int = pcm.read()[0] if direction is Direction.CAPTURE else pcm.write(sound)
        return count

    move()
    return pcm, move


def move_until_it_fails(move: Callable[[], int]) -> None:
    """The transfer that meets the fault may come after some that find nothing to do."""
    while True:
        move()


@both
def test_xruns_on_request(card: VirtualCard, direction: Direction) -> None:
    """So many xruns as were ordered are reported, each once, and the stream works in between and after."""
    pcm, move = running(card, direction)
    for _ in range(3):
        card.side(direction).xrun()
        assert move() == -32
        assert move() >= 0
        assert pcm.state() == alsaaudio.PCM_STATE_RUNNING
    pcm.close()
    assert card.side(direction).xruns_left == 0
    assert len(card.events(EventKind.XRUN, direction)) == 3


def test_underrun_on_request_loses_what_was_waiting(card: VirtualCard) -> None:
    """Frames that were written but not yet played when the stream broke are not heard."""
    pcm, _ = running(card, Direction.PLAYBACK)
    card.playback.xrun()
    assert pcm.avail() == -32
    [xrun] = card.events(EventKind.XRUN)
    [start] = card.events(EventKind.START)
    card.wait_frames(PERIOD)
    pcm.close()
    assert start.frame + 32 * PERIOD == xrun.frame + xrun.frames
    assert not card.heard_frames(xrun.frame, xrun.frame + PERIOD).any()


@both
def test_vanished_card_fails_every_call(card: VirtualCard, direction: Direction) -> None:
    """Reading, writing, dropping and opening say that there is no such device, and closing still works."""
    pcm, move = running(card, direction)
    card.wait_frames(PERIOD)
    card.side(direction).vanish()
    for _ in range(3):
        with pytest.raises(alsaaudio.ALSAAudioError, match="No such device"):
            move()
    assert pcm.state() == alsaaudio.PCM_STATE_DISCONNECTED
    with pytest.raises(alsaaudio.ALSAAudioError, match="No such device"):
        pcm.drop()
    pcm.close()
    with pytest.raises(alsaaudio.ALSAAudioError, match="No such device"):
        open_pcm(card, direction)
    assert [refused.frames for refused in card.events(EventKind.REFUSED)] == [errno.ENODEV]


@both
def test_card_comes_back_for_those_who_open_it_again(card: VirtualCard, direction: Direction) -> None:
    """A stream that met the loss stays dead after the replug, even if it slept through it; a new one works."""
    old, move = running(card, direction)
    card.side(direction).vanish()
    card.side(direction).come_back()
    with pytest.raises(alsaaudio.ALSAAudioError, match="No such device"):
        move_until_it_fails(move)
    old.close()
    new, move = running(card, direction)
    card.wait_frames(PERIOD)
    assert move() > 0
    new.close()


def test_unplugged_card_loses_both_directions(card: VirtualCard) -> None:
    """A card goes and comes as a whole."""
    card.unplug()
    for direction in Direction:
        with pytest.raises(alsaaudio.ALSAAudioError, match="No such device"):
            open_pcm(card, direction)
    card.replug()
    for direction in Direction:
        open_pcm(card, direction).close()


def test_vanished_loudspeaker_is_silent_at_once(card: VirtualCard) -> None:
    """What was written ahead is not heard after the loss, although nobody called the stream in between."""
    pcm = open_pcm(card, Direction.PLAYBACK, periods=64)
    pcm.write(ramp(60 * PERIOD).tobytes())
    card.playback.vanish()
    lost = card.frame()
    card.wait_frames(5 * PERIOD)
    pcm.close()
    assert not card.heard_frames(lost, lost + 5 * PERIOD).any()


@both
def test_frozen_card_gives_nothing_and_blocks_nobody(card: VirtualCard, direction: Direction) -> None:
    """While frozen, calls that do not block return at once with nothing, poll stays quiet, drop and close work."""
    pcm, move = running(card, direction, periods=32)
    card.side(direction).freeze()
    while move() > 0:
        pass
    frozen = pcm.avail()
    poll = select.poll()
    for descriptor in pcm.polldescriptors():
        poll.register(*descriptor)
    assert poll.poll(100) == []
    card.wait_frames(33 * PERIOD)
    assert move() == 0
    assert frozen == pcm.avail()
    assert pcm.state() == alsaaudio.PCM_STATE_RUNNING
    card.side(direction).thaw()
    assert poll.poll(10_000) != []
    assert move() == -32
    card.side(direction).freeze()
    pcm.drop()
    pcm.close()


def test_frozen_loudspeaker_is_silent(card: VirtualCard) -> None:
    """Between freeze and thaw nothing is heard, whatever is written."""
    pcm = open_pcm(card, Direction.PLAYBACK, periods=64)
    pcm.write(ramp(50 * PERIOD).tobytes())
    card.wait_frames(PERIOD)
    card.playback.freeze()
    frozen = card.frame()
    card.wait_frames(2 * PERIOD)
    assert np.count_nonzero(card.heard_frames(frozen, frozen + 2 * PERIOD)) == 0
    still_frozen = card.frame()
    card.playback.thaw()
    thawed = card.frame() + 1
    card.wait_frames(PERIOD)
    pcm.close()
    assert not card.heard_frames(frozen, still_frozen).any()
    assert card.heard_frames(thawed, thawed + PERIOD - 1).all()


@pytest.mark.parametrize("frozen", [False, True])
def test_vanishing_wakes_a_sleeping_reader(card: VirtualCard, frozen: bool) -> None:
    """A read that sleeps in libasound ends with an error when the device goes, even if it was frozen before."""
    pcm, read = running(card, Direction.CAPTURE, blocking=True)
    if frozen:
        card.capture.freeze()
    errors: list[str] = []

    def listen() -> None:
        try:
            while True:
                read()
        except alsaaudio.ALSAAudioError as error:
            errors.append(str(error))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    card.wait_frames(3 * PERIOD)
    card.capture.vanish()
    listener.join(timeout=20)
    assert errors == ["No such device [hearth_mic]"]
    pcm.close()


@both
def test_one_direction_has_one_user(card: VirtualCard, direction: Direction) -> None:
    """A second open of a direction is refused as busy, and allowed once the first stream is closed."""
    first = open_pcm(card, direction)
    with pytest.raises(alsaaudio.ALSAAudioError, match="Device or resource busy"):
        open_pcm(card, direction)
    first.close()
    open_pcm(card, direction).close()


@both
def test_refused_opens_are_counted_down(card: VirtualCard, direction: Direction) -> None:
    """As many opens fail as were ordered, with the errno that was asked for."""
    card.side(direction).refuse_open(2)
    for _ in range(2):
        with pytest.raises(alsaaudio.ALSAAudioError, match="Device or resource busy"):
            open_pcm(card, direction)
    card.side(direction).refuse_open(error=errno.EACCES)
    with pytest.raises(alsaaudio.ALSAAudioError, match="Permission denied"):
        open_pcm(card, direction)
    card.side(direction).heal()
    open_pcm(card, direction).close()


@both
def test_granted_parameters_differ_without_an_error(card: VirtualCard, direction: Direction) -> None:
    """Another rate and period than asked for are taken in silence; `info` is where the truth stands."""
    if direction is Direction.CAPTURE:
        card.grant_capture(44_100, period_frames=1024)
    else:
        card.playback.grant(44_100, period_frames=1024)
    pcm = open_pcm(card, direction, channels=2)
    info = pcm.info()
    pcm.close()
    assert (info["rate"], info["channels"], info["period_size"]) == (44_100, 1, 1024)


def test_script_is_there_at_a_rate_granted_later(card: VirtualCard) -> None:
    """A card that suddenly runs at another rate still plays what was scripted before."""
    card.write_script(ramp(48_000), 48_000, 0)
    card.grant_capture(16_000)
    assert (card.folder / "capture-16000.s16").stat().st_size == 16_000 * 2


@both
def test_io_error_leaves_the_stream_running(card: VirtualCard, direction: Direction) -> None:
    """One transfer fails with the errno asked for; the next one works."""
    pcm, move = running(card, direction)
    card.side(direction).fail_io()
    with pytest.raises(alsaaudio.ALSAAudioError, match="Input/output error"):
        move_until_it_fails(move)
    assert pcm.state() == alsaaudio.PCM_STATE_RUNNING
    card.wait_frames(1)
    assert move() > 0
    pcm.close()


@both
def test_suspended_stream_works_again_after_a_drop(card: VirtualCard, direction: Direction) -> None:
    """Each call on a suspended stream fails; `drop` lets the next one prepare it."""
    pcm, move = running(card, direction)
    card.side(direction).suspend()
    for _ in range(2):
        with pytest.raises(alsaaudio.ALSAAudioError, match="Streams pipe error"):
            move()
    assert pcm.state() == alsaaudio.PCM_STATE_SUSPENDED
    pcm.drop()
    assert move() >= 0
    assert pcm.state() == alsaaudio.PCM_STATE_RUNNING
    pcm.close()
