"""One order for all news, bounded, and nothing that dies in silence."""

import asyncio
import threading

import pytest

from hearthd.core.conversation import events as ev
from hearthd.engine.inbox import CAPACITY, Inbox, InboxOverflow


def inbox() -> Inbox:
    """Return an inbox of the running loop."""
    return Inbox(asyncio.get_running_loop())


async def test_news_comes_out_in_its_order() -> None:
    """Whoever posted it."""
    box = inbox()
    box.post(ev.SpeakerFound())
    box.post_from_thread(ev.MicrophoneFound())
    box.post(ev.StopRequested())
    assert not box.empty
    taken = [await box.next(2_000.0) for _ in range(3)]
    assert taken == [ev.SpeakerFound(), ev.StopRequested(), ev.MicrophoneFound()]
    assert box.empty


async def test_waiting_ends_at_its_moment() -> None:
    """With nothing, exactly then; with news, as soon as there is some."""
    loop = asyncio.get_running_loop()
    box = inbox()
    assert await box.next(loop.time() + 3.0) is None
    assert loop.time() == 1_003.0
    loop.call_later(1.0, box.post, ev.SpeakerFound())
    assert await box.next(loop.time() + 3.0) == ev.SpeakerFound()
    assert loop.time() == 1_004.0


async def test_news_that_comes_at_the_last_moment_is_not_lost() -> None:
    """Deadline and news in the same instant: whichever comes first, the other is there the next time."""
    loop = asyncio.get_running_loop()
    box = inbox()
    loop.call_later(1.0, box.post, ev.SpeakerFound())
    taken = [await box.next(loop.time() + 1.0), await box.next(loop.time() + 1.0)]
    assert ev.SpeakerFound() in taken


async def test_an_inbox_that_overflows_ends_the_daemon() -> None:
    """The conductor did not keep up: our own bug, which no news may hide."""
    box = inbox()
    for _ in range(CAPACITY):
        box.post(ev.SpeakerFound())
    assert await box.next(2_000.0) == ev.SpeakerFound()
    box.post(ev.SpeakerFound())
    box.post(ev.SpeakerFound())
    with pytest.raises(InboxOverflow, match="1024 events were waiting"):
        await box.next(2_000.0)


async def test_what_a_call_from_a_thread_raises_comes_out() -> None:
    """Else it would be a line in the journal, and the daemon deaf."""

    def fail(number: int) -> None:
        raise ValueError(f"bug {number}")

    box = inbox()
    box.call_from_thread(fail, 1)
    box.call_from_thread(fail, 2)
    with pytest.raises(ValueError, match="bug 1"):
        await box.next(2_000.0)


def test_calls_from_threads_run_on_the_loop_in_their_order() -> None:
    """An end of speech cannot overtake its sound."""
    seen: list[tuple[int, int]] = []

    async def story() -> None:
        box = inbox()
        home = threading.get_ident()

        def note(number: int) -> None:
            seen.append((number, threading.get_ident() - home))

        def tell() -> None:
            for number in range(1_000):
                box.call_from_thread(note, number)
            box.post_from_thread(ev.SpeakerFound())

        thread = threading.Thread(target=tell)
        thread.start()
        assert await box.next(asyncio.get_running_loop().time() + 10.0) == ev.SpeakerFound()
        thread.join()

    asyncio.run(story())
    assert seen == [(number, 0) for number in range(1_000)]


def test_news_for_a_loop_that_is_closed_is_dropped() -> None:
    """A thread that ends later than the daemon harms nobody; any other trouble is a bug."""
    loop = asyncio.new_event_loop()
    box = Inbox(loop)
    loop.close()
    box.post_from_thread(ev.SpeakerFound())
    assert box.empty

    class Odd(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *_arguments: object, **_options: object) -> asyncio.Handle:
            raise RuntimeError("odd")

    odd = Odd()
    with pytest.raises(RuntimeError, match="odd"):
        Inbox(odd).post_from_thread(ev.SpeakerFound())
    odd.close()
