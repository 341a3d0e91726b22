"""What a conversation is told at its beginning."""

from datetime import UTC, datetime

import pytest

from hearthd.core.home.moment import moment
from hearthd.core.home.numerals import Json

NOW = datetime(2026, 11, 22, 7, 5, tzinfo=UTC)


def test_the_time_is_told_in_full() -> None:
    """Day, date and hour, in English whatever the machine's language is."""
    assert moment(NOW) == "It is Sunday, 22 November 2026, 07:05."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {"brightness_percent": 40, "color_temperature_k": 2_700, "on": True},
            "on, brightness 40 %, color temperature 2700 K",
        ),
        ({"on": False}, "off"),
        ({"value": 21.5, "unit": "°C"}, "21.5 °C"),
        ({"state": "open", "position_percent": 80}, "open, position 80 %"),
        ({"target_temperature": 20, "mode": "heat"}, "target temperature 20, mode heat"),
        ({"available": False}, "offline"),
    ],
)
def test_the_room_is_told_in_few_words(state: dict[str, Json], words: str) -> None:
    """Every kind of device."""
    assert moment(NOW, [("x", state)]) == f"It is Sunday, 22 November 2026, 07:05. In this room now: x {words}."


def test_what_is_not_known_is_not_told() -> None:
    """Neither what never reported, nor what may have changed since."""
    unknown: list[tuple[str, dict[str, Json] | None]] = [("a", None), ("b", {"on": True, "outdated": True})]
    assert moment(NOW, unknown) == moment(NOW)


def test_the_note_is_bounded() -> None:
    """A room full of devices costs no more than some of them."""
    crowd: list[tuple[str, dict[str, Json] | None]] = [
        (f"light_number_{number}", {"on": True}) for number in range(100)
    ]
    note = moment(NOW, crowd)
    assert len(note) < 500
    assert "light_number_0 on; light_number_1 on;" in note
    assert note.endswith(" on.")
