"""Contract of the meter: what a response costs at most before it is made, and what it did cost after."""

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.money.bookings import Bill, Purpose
from hearthd.core.money.budget import Wish
from hearthd.core.money.cost import Cost, Rates, Tariff, cost_of
from hearthd.core.money.meter import LOST_REPLY_MS, SessionMeter
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.allowance import AskKind, ContextSize
from hearthd.core.realtime.usage import TranscriptionUsage, Usage

RATES = Rates(
    text_in=6,
    cached_text_in=1,
    text_out=24,
    audio_in=100,
    cached_audio_in=3,
    audio_out=200,
    image_in=8,
    cached_image_in=1,
)
TARIFF = Tariff(server="online", model="m", rates=RATES, transcription_minute_pusd=60_000)
READS = ContextSize(text_tokens=800, audio_tokens=25, image_tokens=2)
USAGE = Usage(text_in=810, cached_text_in=700, audio_in=26, text_out=10, audio_out=50)
SECOND = bytes(48_000)


def meter() -> SessionMeter:
    """Return the meter of a session in which nothing was said yet."""
    return SessionMeter(TARIFF)


def began(response_id: str = "r1", kind: AskKind = AskKind.REPLY) -> wire.ResponseBegan:
    """Return the beginning of a response."""
    return wire.ResponseBegan(response_id, kind)


def sound(pcm: bytes = SECOND, response_id: str = "r1") -> wire.ReplyAudio:
    """Return a second of it."""
    return wire.ReplyAudio(response_id, "i1", 0, pcm)


def ended(
    response_id: str = "r1",
    usage: Usage | None = None,
    status: wire.ResponseStatus = wire.ResponseStatus.COMPLETED,
    *,
    output_audio_ms: int = 0,
    input_audio_ms: int = 0,
    context: ContextSize = READS,
) -> wire.ResponseEnded:
    """Return its end."""
    return wire.ResponseEnded(
        response_id=response_id,
        status=status,
        usage=usage,
        context=context,
        input_audio_ms=input_audio_ms,
        output_audio_ms=output_audio_ms,
    )


def run(session: SessionMeter, *events: wire.LinkEvent, start_s: float = 0.0) -> list[Bill]:
    """Show events a tenth of a second apart; returns the bills."""
    bills = [session.saw(event, start_s + number / 10) for number, event in enumerate(events, 1)]
    return [bill for bill in bills if bill is not None]


# ------------------------------------------------------------------------------------------------- beforehand


def test_the_worst_case_is_a_context_without_cache_and_a_reply_of_the_dearest_kind() -> None:
    """800 tokens of text, 25 of sound and 2 of an image at the full price."""
    assert meter().wish(READS, 1_024) == Wish(
        input_pusd=800 * 6 + 25 * 100 + 2 * 8, max_output_tokens=1_024, token_pusd=200
    )


def test_what_is_set_aside_counts_until_the_end() -> None:
    """From the request on, through the beginning, to the bill."""
    session = meter()
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    assert session.reserved_pusd == 500
    run(session, began(), sound())
    assert session.reserved_pusd == 500
    run(session, ended(usage=USAGE))
    assert session.reserved_pusd == 0


def test_a_request_that_was_never_taken_up_is_forgotten_with_the_next_one() -> None:
    """Also when it is withdrawn, or when the server refused it."""
    session = meter()
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    session.ask(AskKind.REPLY, READS, 300, 1.0)
    assert session.reserved_pusd == 300
    session.withdraw()
    assert session.reserved_pusd == 0
    session.ask(AskKind.REPLY, READS, 500, 2.0)
    assert run(session, ended("", status=wire.ResponseStatus.FAILED)) == []
    assert session.reserved_pusd == 0


def test_what_runs_has_come_to_something_by_now() -> None:
    """The context and the sound so far: 20 tokens of it, and 4 of text, for a second."""
    session = meter()
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    assert session.incurred_pusd == 0
    run(session, began(), sound())
    assert session.incurred_pusd == 800 * 6 + 25 * 100 + 2 * 8 + 20 * 200 + 4 * 24


# ------------------------------------------------------------------------------------------------- afterwards


def test_the_servers_count_is_the_bill() -> None:
    """With its purpose, how long it took and when the first sound came."""
    session = meter()
    session.ask(AskKind.FOLLOW_UP, READS, 500, 0.0)
    assert run(session, began(), sound(), sound(), ended(usage=USAGE, output_audio_ms=2_000)) == [
        Bill(purpose=Purpose.FOLLOW_UP, usage=USAGE, cost=cost_of(USAGE, RATES), duration_ms=400, latency_ms=200)
    ]


def test_without_a_count_it_is_estimated_and_marked() -> None:
    """10 tokens a second of the user's sound are in the context, 20 a second of the reply's; calls are text."""
    session = meter()
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    call = wire.CallRequested("r1", "c1", "switch", '{"on": true}')
    [bill] = run(session, began(), sound(), call, ended(output_audio_ms=1_000))
    assert bill.estimated
    assert bill.usage == Usage(text_in=800, audio_in=25, image_in=2, audio_out=20, text_out=bill.usage.text_out)
    assert bill.usage.text_out >= 4 + 3
    assert bill.cost == cost_of(bill.usage, RATES)


def test_what_failed_in_silence_costs_nothing_and_what_was_cancelled_does() -> None:
    """A server that made nothing charges nothing; a cancelled response has read its context."""
    session = meter()
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    assert run(session, began(), ended(status=wire.ResponseStatus.FAILED)) == []
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    [bill] = run(session, began("r2"), ended("r2", status=wire.ResponseStatus.CANCELLED))
    assert (bill.estimated, bill.usage) == (True, Usage(text_in=800, audio_in=25, image_in=2))
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    [spoken] = run(session, began("r3"), ended("r3", status=wire.ResponseStatus.FAILED, output_audio_ms=500))
    assert spoken.usage.audio_out == 10


def test_a_response_that_nobody_asked_for_is_billed_too() -> None:
    """Where the server makes the turns; and one of which only the end arrives."""
    session = meter()
    assert [bill.purpose for bill in run(session, began(), ended(usage=USAGE))] == [Purpose.REPLY]
    assert [bill.usage for bill in run(session, ended("r9", USAGE))] == [USAGE]


def test_news_of_other_responses_and_of_other_things_change_nothing() -> None:
    """Sound that comes after the end, transcripts, commits."""
    session = meter()
    call = wire.CallRequested("r7", "c1", "switch", "{}")
    assert run(session, sound(response_id="r7"), call, wire.InputCommitted("i1"), wire.SessionReady()) == []
    assert (session.reserved_pusd, session.incurred_pusd) == (0, 0)


def test_transcription_is_paid_by_the_minute_of_what_was_said() -> None:
    """3 s of a minute at 60000; a broken pico-dollar is a whole one."""
    session = meter()
    [bill] = run(session, began(), ended(usage=USAGE, input_audio_ms=3_000))
    assert bill.cost == cost_of(USAGE, RATES) + Cost(transcription=3_000)
    odd = SessionMeter(Tariff(server="s", model="m", transcription_minute_pusd=1))
    assert [bill.cost for bill in run(odd, began(), ended(usage=USAGE, input_audio_ms=1))] == [Cost(transcription=1)]


# ------------------------------------------------------------------------------------------------- lost ends


def test_a_session_that_breaks_off_is_billed_for_what_it_may_have_made() -> None:
    """Two sentences at least, or what was heard; what was asked for and never began as well."""
    session = meter()
    session.ask(AskKind.REPLY, READS, 500, 0.0)
    run(session, began(), sound(SECOND * 10))
    session.ask(AskKind.FOLLOW_UP, READS, 300, 1.0)
    long, short = session.close(2.0)
    assert (long.usage.audio_out, short.usage.audio_out) == (200, LOST_REPLY_MS // 50)
    assert (long.estimated, short.estimated, short.purpose) == (True, True, Purpose.FOLLOW_UP)
    assert (session.reserved_pusd, session.close(3.0)) == (0, [])


COUNTS = st.integers(0, 5_000)


@given(
    st.builds(ContextSize, text_tokens=COUNTS, audio_tokens=COUNTS, image_tokens=COUNTS),
    st.integers(1, 4_096),
    st.data(),
)
def test_no_response_costs_more_than_its_worst_case(reads: ContextSize, limit: int, data: st.DataObject) -> None:
    """A server that counts what we count, and keeps to the limit, never passes what was set aside."""
    text_out = data.draw(st.integers(0, limit))
    usage = Usage(
        text_in=reads.text_tokens,
        audio_in=reads.audio_tokens,
        image_in=reads.image_tokens,
        cached_text_in=data.draw(st.integers(0, reads.text_tokens)),
        cached_audio_in=data.draw(st.integers(0, reads.audio_tokens)),
        text_out=text_out,
        audio_out=limit - text_out,
    )
    session = meter()
    wish = session.wish(reads, limit)
    [bill] = run(session, began(), ended(usage=usage))
    assert bill.cost.total_pusd <= wish.input_pusd + limit * wish.token_pusd


def test_what_was_written_down_and_never_answered_is_paid_at_the_end() -> None:
    """By the transcriber's own count, in seconds or in tokens of a tenth of one; and once."""
    session = SessionMeter(TARIFF)
    written = (
        wire.InputTranscribed("i1", "", usage=TranscriptionUsage(seconds=3.0)),
        wire.InputTranscribed("i2", "", usage=TranscriptionUsage(audio_in=20)),
        wire.InputTranscribed("i3", ""),
    )
    [bill] = run(session, *written[:1], began(), ended(usage=USAGE, input_audio_ms=3_000), *written[1:])
    assert bill.cost.transcription == 3_000
    [rest] = session.close(10.0)
    assert (rest.purpose, rest.cost, rest.usage) == (Purpose.TRANSCRIPT, Cost(transcription=2_000), Usage())
    assert session.close(10.0) == []


def test_what_was_written_down_for_a_lost_answer_is_a_part_of_its_bill() -> None:
    """The transcriber told of it before the line broke."""
    session = SessionMeter(TARIFF)
    run(session, wire.InputTranscribed("i1", "", usage=TranscriptionUsage(seconds=3.0)), began())
    [bill] = session.close(10.0)
    assert (bill.estimated, bill.cost.transcription) == (True, 3_000)
