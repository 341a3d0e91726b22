"""The conversation of a session, as a client builds it, looks at it and cuts it."""

import base64
from typing import Any

import pytest

from hearthd.offline.parts import Heard
from hearthd.offline.protocol import limits
from tests.doubles.realtime.audio import BYTES_PER_MS, noise
from tests.offline.session_scene import MANUAL, PIECE, Json, Scene, done, kinds, spoken


@pytest.fixture
def scene() -> Scene:
    """Return a session whose client says when a turn ends."""
    scene = Scene()
    scene.update(**MANUAL)
    return scene


def message(role: str, kind: str, **part: object) -> Json:
    """Make a message item."""
    return {"type": "message", "role": role, "content": [{"type": kind, **part}]}


def add(scene: Scene, item: Json, **fields: object) -> list[Json]:
    """Add an item."""
    return scene.send("conversation.item.create", item=item, **fields)


@pytest.mark.parametrize(
    "item",
    [
        message("user", "input_text", text="Hello"),
        message("system", "input_text", text="It is dark."),
        message("assistant", "output_text", text="Good evening."),
        {"type": "function_call", "name": "set_light", "arguments": "{}", "call_id": "call_1"},
        {"type": "function_call_output", "call_id": "call_1", "output": "done"},
    ],
    ids=lambda item: item.get("role", item["type"]),
)
def test_every_kind_of_item_is_added_and_shown(scene: Scene, item: Json) -> None:
    """With the client's own id, as it was given, complete at once."""
    added, finished = add(scene, {"id": "mine", **item})
    assert (added["type"], finished["type"]) == ("conversation.item.added", "conversation.item.done")
    assert added["item"] == {**item, "id": "mine", "object": "realtime.item", "status": "completed"}
    [retrieved] = scene.send("conversation.item.retrieve", item_id="mine")
    assert retrieved["item"] == added["item"]


def test_items_stand_where_the_client_wants_them(scene: Scene) -> None:
    """At the end, at the root, or behind another one; each message says what stands before."""
    text = message("user", "input_text", text="x")
    assert add(scene, {"id": "a", **text})[0]["previous_item_id"] is None
    assert add(scene, {"id": "c", **text})[0]["previous_item_id"] == "a"
    assert add(scene, {"id": "b", **text}, previous_item_id="a")[0]["previous_item_id"] == "a"
    assert add(scene, {"id": "0", **text}, previous_item_id="root")[0]["previous_item_id"] is None
    assert add(scene, {"id": "d", **text})[0]["previous_item_id"] == "c"


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("create", {"item": {"id": "a", **message("user", "input_text", text="")}}, "item_create_duplicate_item_id"),
        (
            "create",
            {"item": message("user", "input_text", text=""), "previous_item_id": "gone"},
            "item_create_invalid_previous_item_id",
        ),
        ("create", {"item": message("user", "output_text", text="")}, "invalid_value"),
        ("create", {"item": message("user", "input_image", image_url="data:,")}, "invalid_value"),
        ("create", {"item": message("nobody", "input_text", text="")}, "invalid_value"),
        ("create", {"item": {"type": "item_reference", "id": "a"}}, "invalid_value"),
        ("create", {"item": {"id": "x" * 33, **message("user", "input_text")}}, "string_above_max_length"),
        ("create", {"item": message("user", "input_text", text="x" * 256_001)}, "string_above_max_length"),
        ("retrieve", {"item_id": "gone"}, "item_retrieve_invalid_item_id"),
        ("delete", {"item_id": "gone"}, "item_delete_invalid_item_id"),
        ("truncate", {"item_id": "gone", "content_index": 0, "audio_end_ms": 0}, "item_truncate_invalid_item_id"),
        ("truncate", {"item_id": "a", "content_index": 0, "audio_end_ms": 0}, "invalid_value"),
    ],
)
def test_impossible_items_are_refused(scene: Scene, kind: str, fields: Json, code: str) -> None:
    """With the codes of the service."""
    add(scene, {"id": "a", **message("user", "input_text", text="x")})
    assert scene.error(f"conversation.item.{kind}", **fields)["code"] == code


def test_a_deleted_item_is_gone(scene: Scene) -> None:
    """And its id is free again."""
    item = {"id": "a", **message("user", "input_text", text="x")}
    add(scene, item)
    assert kinds(scene.send("conversation.item.delete", item_id="a")) == ["conversation.item.deleted"]
    assert scene.error("conversation.item.retrieve", item_id="a")["code"] == "item_retrieve_invalid_item_id"
    assert kinds(add(scene, item)) == ["conversation.item.added", "conversation.item.done"]


def answer_item(scene: Scene) -> str:
    """Have something said, 200 ms long, and return its item."""
    item_id: str = done(scene.ask())["output"][0]["id"]
    return item_id


def retrieved(scene: Scene, item_id: str) -> Any:  # noqa: ANN401 - JSON
    """Return the first part of an item, with its sound."""
    [event] = scene.send("conversation.item.retrieve", item_id=item_id)
    return event["item"]["content"][0]


def test_truncation_cuts_sound_and_text(scene: Scene) -> None:
    """What nobody heard is no part of the conversation."""
    item_id = answer_item(scene)
    assert base64.b64decode(retrieved(scene, item_id)["audio"]) == PIECE + PIECE
    [event] = scene.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=150)
    assert (event["type"], event["audio_end_ms"]) == ("conversation.item.truncated", 150)
    part = retrieved(scene, item_id)
    assert base64.b64decode(part["audio"]) == (PIECE + PIECE)[: 150 * BYTES_PER_MS]
    assert part["transcript"] == ""


def test_truncation_beyond_the_end_is_refused(scene: Scene) -> None:
    """As in the service, word for word, because clients read the words; nothing is cut."""
    item_id = answer_item(scene)
    error = scene.error("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=201)
    assert (error["code"], error["message"]) == (
        "invalid_value",
        "Audio content of 200ms is already shorter than 201ms",
    )
    assert scene.error("conversation.item.truncate", item_id=item_id, content_index=1, audio_end_ms=0)["param"] == (
        "content_index"
    )
    assert retrieved(scene, item_id)["transcript"] == "I am listening."


def test_a_spoken_item_is_heard_like_what_is_said(scene: Scene) -> None:
    """Sound may come as an item too."""
    sound = base64.b64encode(noise(300)).decode()
    assert kinds(add(scene, {"id": "said", **message("user", "input_audio", audio=sound)})) == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert len(scene.fed()) == 300 * 32
    scene.send("response.create")
    assert spoken(scene.work(Heard("what time is it", 0.9))) == "It is six thirty."
    assert retrieved(scene, "said") == {
        "type": "input_audio",
        "audio": sound,
        "transcript": "what time is it",
    }


def test_a_spoken_item_that_is_too_long_is_refused(scene: Scene) -> None:
    """One utterance is what fits the buffer."""
    sound = base64.b64encode(bytes(61_000 * BYTES_PER_MS)).decode()
    error = scene.error("conversation.item.create", item=message("user", "input_audio", audio=sound))
    assert error["param"] == "item.content[0].audio"


def test_the_oldest_items_are_forgotten(scene: Scene) -> None:
    """A conversation does not grow for ever."""
    for number in range(limits.ITEMS + 1):
        add(scene, {"id": f"i{number}", **message("user", "input_text", text="x")})
    assert scene.error("conversation.item.retrieve", item_id="i0")["code"] == "item_retrieve_invalid_item_id"
    assert kinds(scene.send("conversation.item.retrieve", item_id="i1")) == ["conversation.item.retrieved"]


def test_the_oldest_sound_is_forgotten(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does its sound; how long it was is remembered, so that it can be truncated."""
    monkeypatch.setattr(limits, "ITEM_AUDIO_BYTES", 3 * len(PIECE))
    first, second = answer_item(scene), answer_item(scene)
    assert retrieved(scene, first)["audio"] == ""
    assert retrieved(scene, second)["audio"] != ""
    assert kinds(scene.send("conversation.item.truncate", item_id=first, content_index=0, audio_end_ms=200)) == [
        "conversation.item.truncated"
    ]


def test_an_announced_id_that_the_client_takes_is_given_up(scene: Scene) -> None:
    """Nobody's choice of ids can break the server."""
    next_id = int(scene.events[-1]["event_id"][-9:])
    for ahead in range(1, 30):
        add(scene, {"id": f"item_mark00000000{next_id + ahead + 60:09d}", **message("user", "input_text", text="x")})
    for _ in range(12):
        assert done(scene.ask(output_modalities=["text"]))["status"] == "completed"
