"""The responses of a session: what each answers, in which order it is told, and how it ends."""

from typing import Any

import pytest

from hearthd.offline.parts import Heard
from hearthd.offline.serving.jobs import Conclude, Failed, Hush, Speak, SpeakOn, Spoken
from tests.doubles.realtime.audio import noise
from tests.offline.session_scene import MANUAL, NOW, PIECE, Json, Scene, done, kinds, spoken

CREATED = ["response.created", "response.output_item.added", "conversation.item.added"]
DONE = ["conversation.item.done", "response.output_item.done", "response.done"]
SPOKEN = [
    *CREATED,
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    *DONE,
]
WRITTEN = [
    *CREATED,
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    *DONE,
]
CALLED = [*CREATED, "response.function_call_arguments.delta", "response.function_call_arguments.done", *DONE]
BESIDE = [kind for kind in WRITTEN if not kind.startswith("conversation.")]


@pytest.fixture
def scene() -> Scene:
    """Return a session whose client says when a turn ends, and that has a light to switch."""
    scene = Scene()
    scene.update(**MANUAL)
    return scene


def say(scene: Scene) -> list[Json]:
    """Commit something that was said."""
    scene.append(noise(300))
    return scene.send("input_audio_buffer.commit")


def output(scene: Scene, call_id: str, text: str = '{"ok": true}') -> list[Json]:
    """Bring what a call did."""
    item = {"type": "function_call_output", "call_id": call_id, "output": text}
    return scene.send("conversation.item.create", item=item)


def the_call(events: list[Json]) -> Any:  # noqa: ANN401 - JSON
    """Return the one call that a response asks for."""
    [call] = done(events)["output"]
    assert call["type"] == "function_call"
    return call


# -------------------------------------------------------------------------------------------------- order and shape


def test_an_answer_is_spoken_in_the_order_of_the_service(scene: Scene) -> None:
    """Clients build their own view of a reply from this order."""
    scene.write("what time is it")
    events = scene.ask(metadata={"turn": "1"})
    assert kinds(events) == SPOKEN
    response = done(events)
    assert (response["status"], response["metadata"], response["usage"]["total_tokens"]) == (
        "completed",
        {"turn": "1"},
        0,
    )
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "It is six thirty."}]
    assert response["conversation_id"].startswith("conv_")
    assert [job.speed for job in scene.orders if isinstance(job, Speak)] == []


def test_an_answer_is_written_when_text_is_wanted(scene: Scene) -> None:
    """By the session, or by the one response."""
    scene.write("what time is it")
    events = scene.ask(output_modalities=["text"])
    assert kinds(events) == WRITTEN
    assert done(events)["output"][0]["content"] == [{"type": "output_text", "text": "It is six thirty."}]
    scene.update(output_modalities=["text"])
    scene.write("what time is it")
    assert kinds(scene.ask()) == WRITTEN


def test_a_command_becomes_a_call_and_its_output_an_answer(scene: Scene) -> None:
    """Typed and spoken commands go the same way."""
    scene.write("turn on the kitchen light")
    events = scene.ask()
    assert kinds(events) == CALLED
    call = the_call(events)
    assert (call["name"], call["arguments"]) == ("set_light", '{"device":"kitchen light","on":true}')
    output(scene, call["call_id"])
    events = scene.ask()
    assert kinds(events) == SPOKEN


def test_a_spoken_command_waits_for_the_recogniser(scene: Scene) -> None:
    """The response begins at once, and goes on when it is known what was said."""
    say(scene)
    assert kinds(scene.send("response.create")) == ["response.created"]
    assert kinds(scene.work(Heard("turn off the bedroom light", 0.95))) == CALLED[1:]


def test_what_was_heard_before_it_is_asked_for_is_answered_at_once(scene: Scene) -> None:
    """Recognition does not wait for the response either."""
    say(scene)
    scene.work(Heard("what time is it", 0.95))
    assert spoken(scene.ask()) == "It is six thirty."


def test_pieces_are_made_as_they_are_sent(scene: Scene) -> None:
    """Each piece names its speech, so that the next one is made only when there is room for it."""
    scene.write("what time is it")
    scene.send("response.create")
    [speak] = [order for order in scene.orders if isinstance(order, Speak)]
    scene.session.take(Spoken(speak.job, PIECE), NOW)
    assert [outgoing.job for outgoing in scene.session.data_to_send()] == [speak.job]
    assert [order for order in scene.orders if isinstance(order, SpeakOn)] == []


def test_the_speed_of_the_session_is_that_of_the_voice(scene: Scene) -> None:
    """Whatever the voice's own is."""
    scene.update(audio={"output": {"speed": 1.5}})
    scene.send("response.create")
    assert [order.speed for order in scene.orders if isinstance(order, Speak)] == [1.5]


# --------------------------------------------------------------------------------------------- what is answered


def test_nothing_to_answer_is_no_reason_for_silence(scene: Scene) -> None:
    """A client that asks for a greeting gets one."""
    assert spoken(scene.ask()) == "I am listening."


def test_silence_is_answered_with_silence(scene: Scene) -> None:
    """The response ends without having said anything."""
    say(scene)
    scene.send("response.create")
    assert done(scene.work(Heard("", 0.0)))["output"] == []


def test_only_the_last_utterance_is_answered(scene: Scene) -> None:
    """What the user said before was overtaken by it, and must not act any more."""
    scene.write("turn on the kitchen light")
    scene.write("what time is it")
    assert spoken(scene.ask()) == "It is six thirty."
    assert spoken(scene.ask()) == "I am listening."


def test_a_command_acts_once_even_if_its_answer_is_deleted(scene: Scene) -> None:
    """A client deletes what nobody heard; the command before it was carried out all the same."""
    scene.write("turn on the kitchen light")
    call = the_call(scene.ask())
    scene.send("conversation.item.delete", item_id=call["id"])
    assert spoken(scene.ask()) == "I am listening."


def test_a_new_utterance_comes_before_old_outputs(scene: Scene) -> None:
    """Whoever went on speaking wants the answer to that."""
    scene.write("turn on the kitchen light")
    call = the_call(scene.ask())
    scene.write("what time is it")
    output(scene, call["call_id"])
    assert spoken(scene.ask()) == "It is six thirty."


def test_an_output_that_nobody_asked_for_is_survived(scene: Scene) -> None:
    """History that a client brings along has calls of other sessions in it."""
    output(scene, "call_of_another_session")
    assert done(scene.ask())["status"] == "completed"


def test_the_instructions_of_a_response_may_give_its_words(scene: Scene) -> None:
    """As hearthd has announcements spoken, in and beside the conversation."""
    assert spoken(scene.ask(instructions="Say exactly: Dinner is ready.")) == "Dinner is ready."
    events = scene.ask(
        instructions="Say exactly: Dinner is ready.",
        conversation="none",
        input=[],
        tools=[],
        output_modalities=["text"],
    )
    assert kinds(events) == BESIDE
    assert (spoken(events), done(events)["conversation_id"]) == ("Dinner is ready.", None)


def test_a_response_beside_the_conversation_leaves_no_trace(scene: Scene) -> None:
    """It answers its own input, and the question that is open in the conversation stays open."""
    question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "what time is it"}]}
    scene.write("turn on the kitchen light")
    events = scene.ask(conversation="none", input=[question], output_modalities=["text"])
    assert kinds(events) == BESIDE
    assert spoken(events) == "It is six thirty."
    assert the_call(scene.ask())["name"] == "set_light"


def test_a_response_may_refer_to_items_and_bring_sound(scene: Scene) -> None:
    """Its own input is read like the conversation."""
    scene.send(
        "conversation.item.create",
        item={
            "id": "q",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "what time is it"}],
        },
    )
    assert spoken(scene.ask(conversation="none", input=[{"type": "item_reference", "id": "q"}])) == "It is six thirty."
    said = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA" * 2_400}]}
    scene.send("response.create", response={"conversation": "none", "input": [said]})
    assert spoken(scene.work(Heard("what time is it", 0.9))) == "It is six thirty."
    error = scene.error("response.create", response={"input": [{"type": "item_reference", "id": "gone"}]})
    assert error["code"] == "item_retrieve_invalid_item_id"


def test_functions_may_be_forbidden_or_exchanged(scene: Scene) -> None:
    """For one response, by `tool_choice` and `tools`."""
    scene.write("turn on the kitchen light")
    assert spoken(scene.ask(tool_choice="none")) == "I may not do that now."
    scene.write("turn on the kitchen light")
    assert spoken(scene.ask(tools=[])) == "Sorry, I did not understand that."
    scene.update(tool_choice="none")
    scene.write("turn on the kitchen light")
    assert spoken(scene.ask()) == "I may not do that now."


def test_calls_beside_the_conversation_leave_those_in_it_alone(scene: Scene) -> None:
    """The outputs of the conversation's own calls still find them."""
    scene.write("turn on the kitchen light")
    call = the_call(scene.ask())
    text = {"type": "input_text", "text": "turn off the bedroom light"}
    beside = scene.ask(conversation="none", input=[{"type": "message", "role": "user", "content": [text]}])
    assert the_call(beside)["arguments"] == '{"device":"bedroom light","on":false}'
    output(scene, call["call_id"], '{"error": "offline"}')
    told = spoken(scene.ask())
    assert "bedroom" not in told


# ------------------------------------------------------------------------------------------------ limits and ends


def test_speech_ends_where_the_tokens_do(scene: Scene) -> None:
    """3 tokens are 150 ms of sound; the voice is told to stop."""
    scene.write("what time is it")
    events = scene.ask(max_output_tokens=3)
    response = done(events)
    assert (response["status"], response["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
    assert response["output"][0]["status"] == "incomplete"
    assert len(scene.hushed()) == 1


@pytest.mark.parametrize(("tokens", "status"), [(2, "incomplete"), (4, "completed")])
def test_speech_may_end_just_where_the_tokens_do(scene: Scene, tokens: int, status: str) -> None:
    """A piece that fits exactly is whole, and so is an answer."""
    scene.write("what time is it")
    events = scene.ask(max_output_tokens=tokens)
    assert done(events)["status"] == status
    assert kinds(events).count("response.output_audio.delta") == tokens // 2


def test_text_ends_where_the_tokens_do(scene: Scene) -> None:
    """4 characters each."""
    scene.write("what time is it")
    events = scene.ask(max_output_tokens=2, output_modalities=["text"])
    assert (done(events)["status"], spoken(events)) == ("incomplete", "It is si")


def test_one_response_at_a_time(scene: Scene) -> None:
    """The second is refused with the service's code; beside the conversation one may run."""
    scene.write("what time is it")
    scene.send("response.create")
    error = scene.error("response.create", event_id="second")
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")
    beside = scene.send("response.create", response={"conversation": "none", "instructions": "Say exactly: Hello."})
    assert kinds(beside)[0] == "response.created"


def test_responses_beside_the_conversation_are_few(scene: Scene) -> None:
    """Nobody fills the server's memory with them."""
    for _ in range(5):
        scene.send("response.create", response={"conversation": "none", "instructions": "Say exactly: Hello."})
    error = scene.error("response.create", response={"conversation": "none", "instructions": "Say exactly: Hello."})
    assert error["code"] == "rate_limit_exceeded"


def test_a_cancelled_answer_ends_at_once(scene: Scene) -> None:
    """Its voice is stopped, its parts are closed, and pieces on their way are dropped."""
    scene.write("what time is it")
    created = scene.send("response.create")
    [speak] = [order for order in scene.orders if isinstance(order, Speak)]
    scene.take(Spoken(speak.job, PIECE))
    events = scene.send("response.cancel", response_id=created[0]["response"]["id"])
    assert kinds(events) == SPOKEN[-6:]
    response = done(events)
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert Hush(speak.job) in scene.orders
    assert scene.take(Spoken(speak.job, PIECE)) == []
    assert scene.error("response.cancel")["code"] == "response_cancel_not_active"


def test_what_is_cancelled_while_it_is_recognised_never_acts(scene: Scene) -> None:
    """Not when the recogniser is done, and not in the next response."""
    say(scene)
    scene.send("response.create")
    assert done(scene.send("response.cancel"))["output"] == []
    assert scene.work(Heard("turn on the kitchen light", 0.95)) == []
    assert spoken(scene.ask()) == "I am listening."


def test_an_unknown_response_cannot_be_cancelled(scene: Scene) -> None:
    """Though another one runs."""
    scene.write("what time is it")
    scene.send("response.create")
    assert scene.error("response.cancel", response_id="resp_gone")["code"] == "response_cancel_not_active"


def test_a_worker_that_fails_costs_one_turn(scene: Scene) -> None:
    """Be it at hearing or at speaking; the next turn works."""
    say(scene)
    scene.send("response.create")
    [conclude] = [order for order in scene.orders if isinstance(order, Conclude)]
    scene.orders.clear()
    response = done(scene.take(Failed(conclude.job, "the speech worker died")))
    assert response["status"] == "failed"
    assert response["status_details"]["error"] == {
        "type": "server_error",
        "code": "server_error",
        "message": "the speech worker died",
    }
    scene.write("what time is it")
    scene.send("response.create")
    [speak] = [order for order in scene.orders if isinstance(order, Speak)]
    scene.orders.clear()
    response = done(scene.take(Failed(speak.job, "flite: is not installed")))
    assert (response["status"], response["output"][0]["status"]) == ("failed", "incomplete")
    scene.write("what time is it")
    assert done(scene.ask())["status"] == "completed"


def test_what_could_not_be_heard_fails_whenever_it_is_asked_for(scene: Scene) -> None:
    """Also when the response comes after the failure."""
    say(scene)
    [conclude] = [order for order in scene.orders if isinstance(order, Conclude)]
    scene.orders.clear()
    scene.take(Failed(conclude.job, "the speech worker died"))
    assert done(scene.ask())["status"] == "failed"
    assert spoken(scene.ask()) == "I am listening."


def test_metadata_has_its_limits(scene: Scene) -> None:
    """Those of the service."""
    error = scene.error("response.create", response={"metadata": {"k": "v" * 513}})
    assert error["code"] == "string_above_max_length"
    error = scene.error("response.create", response={"metadata": {str(key): "" for key in range(17)}})
    assert error["param"] == "response.metadata"
    error = scene.error("response.create", response={"audio": {"output": {"format": {"type": "audio/pcma"}}}})
    assert error["param"] == "response.audio.output.format.type"
