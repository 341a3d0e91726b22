"""What is said of the outputs of functions that are not ours."""

import pytest

from hearthd.core.home.numerals import Json
from hearthd.offline.mind.foreign import FAILED, NEUTRAL, answer

OUTPUTS: list[tuple[Json, str]] = [
    (True, "Done."),
    (False, FAILED),
    (None, NEUTRAL),
    ("ok", "Done."),
    ("It is raining", "It is raining."),
    ("", NEUTRAL),
    (21.5, "Twenty one point five."),
    ({"ok": True}, "Done."),
    ({"status": "success"}, "Done."),
    ({"status": "pending"}, "It is pending."),
    ({}, NEUTRAL),
    ({"id": 3}, NEUTRAL),
    ({"message": "The cat was fed", "ok": True}, "The cat was fed."),
    ({"result": "ok"}, "Done."),
    ({"success": False}, FAILED),
    ({"status": "error", "message": "no food"}, f"{FAILED} No food."),
    ({"error": "no food"}, f"{FAILED} No food."),
    ({"error": {"message": "no food"}}, f"{FAILED} No food."),
    ({"error": 7}, FAILED),
    ({"temperature": 21.5, "unit": "°C", "wind_speed": None}, "The temperature is twenty one point five degrees."),
    ({"state": "open", "nested": {"a": 1}, "日本": 3}, "It is open."),
    ({"a": 1, "b": 2, "c": 3, "d": 4}, "The a is one, the b is two and the c is three."),
    (["milk", "eggs", {"x": 1}], "Milk and eggs."),
    ([], NEUTRAL),
]


@pytest.mark.parametrize(("document", "text"), OUTPUTS)
def test_an_output_is_said(document: Json, text: str) -> None:
    """Text is told, facts are told as facts, and "done" only where the output says so."""
    assert text == answer(document)
