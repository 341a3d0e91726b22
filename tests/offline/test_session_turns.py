"""What a client sends of sound: turns that it ends itself, turns that the server finds, and what is too much."""

import pytest

from hearthd.offline.parts import Heard
from hearthd.offline.serving.jobs import Conclude, Failed, Feed, Forget, Listen
from tests.doubles.realtime.audio import BYTES_PER_MS, babble, noise, silence
from tests.offline.session_scene import MANUAL, SET_LIGHT, Json, Scene, done, kinds

HEARD_BYTES_PER_MS = 32
TURN = silence(500) + babble(1_500) + silence(800)
"""Somebody speaks from about 700 to 2000 ms, and the default detector knows it at about 2500 ms."""


@pytest.fixture
def manual() -> Scene:
    """Return a session whose client says when a turn ends."""
    scene = Scene()
    scene.update(**MANUAL)
    return scene


@pytest.fixture
def watched() -> Scene:
    """Return a session that finds turns by itself, as it does by default."""
    scene = Scene()
    scene.update(tools=[SET_LIGHT])
    return scene


def only(events: list[Json], kind: str) -> Json:
    """Return the one event of that type."""
    [event] = [event for event in events if event["type"] == kind]
    return event


# ------------------------------------------------------------------------------------------- ended by the client


def test_sound_is_heard_while_it_arrives(manual: Scene) -> None:
    """The recogniser has nearly all of it when the client says that it was all."""
    assert manual.append(noise(400)) == []
    assert isinstance(manual.orders[0], Listen)
    assert len(manual.fed()) > 380 * HEARD_BYTES_PER_MS
    events = manual.send("input_audio_buffer.commit")
    assert kinds(events) == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    assert events[0]["item_id"] == events[1]["item"]["id"]
    assert events[1]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert len(manual.fed()) == 400 * HEARD_BYTES_PER_MS
    assert isinstance(manual.orders[-1], Conclude)


@pytest.mark.parametrize("piece_bytes", [1, 3, 961, 4_800])
def test_sound_is_the_same_in_pieces_of_any_size(manual: Scene, piece_bytes: int) -> None:
    """A piece may end within a sample."""
    whole = Scene()
    whole.update(**MANUAL)
    sound = noise(110)
    whole.append(sound)
    whole.send("input_audio_buffer.commit")
    for start in range(0, len(sound), piece_bytes):
        manual.append(sound[start : start + piece_bytes])
    manual.send("input_audio_buffer.commit")
    assert manual.fed() == whole.fed()


def test_too_little_sound_is_no_turn(manual: Scene) -> None:
    """Below 100 ms, with the code and the words of the service; it may still become one."""
    manual.append(noise(99))
    error = manual.error("input_audio_buffer.commit")
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert "buffer only has 99.00ms of audio" in error["message"]
    manual.append(noise(1))
    assert kinds(manual.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"
    assert manual.error("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"


def test_cleared_sound_is_forgotten(manual: Scene) -> None:
    """By the recogniser too; the next turn begins anew."""
    manual.append(noise(300))
    assert kinds(manual.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert isinstance(manual.orders[-1], Forget)
    manual.orders.clear()
    manual.append(noise(200))
    manual.send("input_audio_buffer.commit")
    assert len(manual.fed()) == 200 * HEARD_BYTES_PER_MS


def test_other_functions_are_expected_from_the_first_word(manual: Scene) -> None:
    """What was said so far is heard once more when the session offers something else."""
    manual.append(noise(300))
    manual.orders.clear()
    manual.update(tools=[])
    forgotten, listen, feed = manual.orders
    assert isinstance(forgotten, Forget)
    assert isinstance(listen, Listen)
    assert "kitchen" not in listen.grammar.words
    assert isinstance(feed, Feed)
    assert len(feed.pcm) > 280 * HEARD_BYTES_PER_MS


def test_a_quarter_of_an_hour_is_cut_after_a_minute(manual: Scene) -> None:
    """One clear error, bounded memory, and the next turn works."""
    minute = silence(60_000)
    assert manual.append(minute[:-2]) == []
    events: list[Json] = []
    for _ in range(14):
        events += manual.append(minute)
    [error] = events
    assert error["error"]["code"] == "input_audio_buffer_full"
    assert "60 s at a time" in error["error"]["message"]
    assert len(manual.fed()) == pytest.approx(60_000 * HEARD_BYTES_PER_MS, abs=40 * HEARD_BYTES_PER_MS)
    assert kinds(manual.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"
    manual.orders.clear()
    manual.append(noise(200))
    manual.send("input_audio_buffer.commit")
    manual.send("response.create")
    assert done(manual.work(Heard("what time is it", 0.9)))["status"] == "completed"


# -------------------------------------------------------------------------------------------- found by the server


def test_the_server_finds_a_turn_and_answers_it(watched: Scene) -> None:
    """In the order of the service, with offsets in all sound of the session and the same item throughout."""
    events = watched.append(TURN)
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    start_ms, end_ms = events[0]["audio_start_ms"], events[1]["audio_end_ms"]
    assert 500 <= start_ms <= 900
    assert 2_300 <= end_ms <= 2_700
    assert len({event["item_id"] for event in events[:3]}) == 1
    assert len(watched.fed()) == pytest.approx((end_ms - start_ms) * HEARD_BYTES_PER_MS, abs=40 * HEARD_BYTES_PER_MS)
    assert kinds(watched.work(Heard("turn on the kitchen light", 0.95)))[-1] == "response.done"


def test_offsets_go_on_counting(watched: Scene) -> None:
    """The second turn is told with its place in the whole session."""
    first = watched.append(TURN)
    watched.work(Heard("", 0.0))
    second = watched.append(TURN)
    apart_ms = second[0]["audio_start_ms"] - first[0]["audio_start_ms"]
    assert apart_ms == pytest.approx(len(TURN) / BYTES_PER_MS, abs=120)


def test_the_detector_obeys_its_switches(watched: Scene) -> None:
    """Without `create_response` a turn is committed and no more; a longer silence takes longer to end it."""
    watched.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}})
    events = watched.append(TURN)
    assert kinds(events)[-1] == "conversation.item.done"
    assert only(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] > 2_450
    patient = {"type": "server_vad", "silence_duration_ms": 2_000}
    watched.update(audio={"input": {"turn_detection": patient}})
    assert kinds(watched.append(TURN)) == ["input_audio_buffer.speech_started"]


def test_a_client_may_end_the_turn_that_the_server_found(watched: Scene) -> None:
    """Then it has the id that was announced, and nothing is announced twice."""
    started = watched.append(TURN[: 1_500 * BYTES_PER_MS])
    committed = watched.send("input_audio_buffer.commit")
    assert committed[0]["item_id"] == started[0]["item_id"]
    assert watched.append(silence(2_000)) == []


def test_an_announced_id_that_the_client_takes_is_given_up(watched: Scene) -> None:
    """What is said gets another one."""
    [started] = watched.append(TURN[: 1_500 * BYTES_PER_MS])
    item = {"id": started["item_id"], "type": "message", "role": "user", "content": []}
    watched.send("conversation.item.create", item=item)
    events = watched.append(TURN[1_500 * BYTES_PER_MS :])
    assert only(events, "input_audio_buffer.committed")["item_id"] != started["item_id"]


def test_clearing_ends_the_turn_that_the_server_found(watched: Scene) -> None:
    """As if nobody had spoken."""
    watched.append(TURN[: 1_500 * BYTES_PER_MS])
    watched.send("input_audio_buffer.clear")
    assert watched.append(silence(2_000)) == []


def test_another_detector_begins_anew(watched: Scene) -> None:
    """Speech under way is left to the new one, and its recogniser is told."""
    watched.append(TURN[: 1_500 * BYTES_PER_MS])
    watched.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert isinstance(watched.orders[-1], Forget)
    watched.orders.clear()
    assert kinds(watched.append(TURN))[:2] == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]


def test_speech_interrupts_the_answer(watched: Scene) -> None:
    """The response ends as cancelled by the turn, and the new turn gets its own."""
    watched.write("what time is it")
    watched.send("response.create")
    events = watched.append(TURN)
    assert events[0]["type"] == "input_audio_buffer.speech_started"
    response = done(events)
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "turn_detected")
    assert kinds(events)[-1] == "response.created"
    assert len(watched.hushed()) == 1


def test_speech_that_may_not_interrupt_fails_to_be_answered(watched: Scene) -> None:
    """As in the service: the turn is committed, and an error says why no response comes."""
    watched.update(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}})
    watched.write("what time is it")
    watched.send("response.create")
    events = watched.append(TURN)
    assert only(events, "error")["error"]["code"] == "conversation_already_has_active_response"
    assert "response.done" not in kinds(events)


def test_a_turn_that_never_ends_is_cut(watched: Scene) -> None:
    """After a minute, with an error that says so; what follows is another turn."""
    events = watched.append(silence(500) + babble(75_000))
    assert only(events, "error")["error"]["code"] == "input_audio_buffer_full"
    assert only(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] == pytest.approx(60_700, abs=500)
    assert kinds(events).count("input_audio_buffer.speech_started") == 2


# ------------------------------------------------------------------------------------------------- transcription


def transcribing() -> Scene:
    """Return a session that wants to know what was said."""
    scene = Scene()
    scene.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    scene.append(noise(300))
    scene.send("input_audio_buffer.commit")
    return scene


def test_what_was_said_is_told_on_request() -> None:
    """In pieces and as a whole, with the item that it belongs to, at no cost."""
    scene = transcribing()
    item_id = only(scene.events, "input_audio_buffer.committed")["item_id"]
    delta, completed = scene.work(Heard("what time is it", 0.9))
    prefix = "conversation.item.input_audio_transcription"
    assert (delta["type"], delta["delta"]) == (f"{prefix}.delta", "what time is it")
    assert (completed["type"], completed["transcript"]) == (f"{prefix}.completed", "what time is it")
    assert completed["usage"] == {"type": "duration", "seconds": 0.3}
    assert {delta["item_id"], completed["item_id"]} == {item_id}


def test_what_was_said_is_told_before_the_answer_to_it() -> None:
    """People read a talk in its order."""
    scene = transcribing()
    scene.send("response.create")
    events = scene.work(Heard("what time is it", 0.9))
    assert kinds(events)[1].endswith("transcription.completed")
    assert kinds(events)[-1] == "response.done"


def test_nothing_said_is_an_empty_transcript() -> None:
    """Not a missing one: clients wait for it."""
    assert [event["transcript"] for event in transcribing().work(Heard("", 0.0))] == [""]


def test_a_failed_recognition_is_told_as_a_failed_transcript() -> None:
    """With the reason."""
    scene = transcribing()
    [conclude] = [order for order in scene.orders if isinstance(order, Conclude)]
    [failed] = scene.take(Failed(conclude.job, "the speech worker died"))
    assert failed["type"] == "conversation.item.input_audio_transcription.failed"
    assert failed["error"]["message"] == "the speech worker died"


def test_nobody_is_told_who_did_not_ask(manual: Scene) -> None:
    """Transcripts are off by default."""
    manual.append(noise(300))
    manual.send("input_audio_buffer.commit")
    assert manual.work(Heard("what time is it", 0.9)) == []
