"""How many tokens a text will count as."""

import pytest

from hearthd.core.realtime.tokens import estimated_text_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a" * 36, 10),
        ("a b c d e f g h i j", 13),
        ("living_room_lamp", 5),
        ("ж" * 10, 10),
        ("°C", 2),
    ],
)
def test_the_larger_of_two_measures_counts(text: str, tokens: int) -> None:
    """Length decides for long words, words decide for short ones, and foreign letters count one each."""
    assert estimated_text_tokens(text) == tokens
