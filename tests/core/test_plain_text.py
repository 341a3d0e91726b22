"""Contract of `core.plain_text`: whatever others send becomes one line that can be shown."""

import pytest

from hearthd.core.plain_text import one_line, shortened


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("as  it is", "as it is"),
        (" Küche: 21 °C 🙂 ", "Küche: 21 °C 🙂"),
        ("two\r\nlines\tand a half", "two lines and a half"),
        ("up\0stream \x1b[31mred\x7f", "up stream [31mred"),
        ("next\x85line\u2028and\u202eback", "next line and back"),
        ("half a \udcff letter\ud800", "half a letter"),
    ],
)
def test_what_cannot_be_shown_becomes_space(text: str, line: str) -> None:
    """Letters of every language stay; nothing is left that would end a C string, a line or an encoder."""
    assert one_line(text) == line
    assert one_line(text).encode().decode() == line


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("four", "four"), ("fives", "fiv…"), ("a lot more", "a l…")])
def test_what_is_too_long_ends_in_an_ellipsis(text: str, shown: str) -> None:
    """It never gets longer than was asked for."""
    assert shortened(text, 4) == shown
