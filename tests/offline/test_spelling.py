"""Words that no dictionary has."""

import pytest

from hearthd.offline.hearing.spelling import spell


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("nabu", "N AE B UW"),
        ("shelly", "SH EH L IY"),
        ("tv", "T IY V IY"),
        ("x", "EH K S"),
        ("annas", "AE N AE S"),
        ("kallax", "K AE L AE K S"),
        ("vace", "V EY S"),
        ("lamba", "L AE M B AH"),
        ("zed", "Z EH D"),
        ("bo", "B AA"),
    ],
)
def test_words_are_spelt_by_the_commonest_rules(word: str, phones: str) -> None:
    """Digraphs, double letters, the silent e, endings and abbreviations are heard."""
    assert spell(word) == phones


@pytest.mark.parametrize("word", ["", "'", "küche", "21", "灯"])
def test_other_letters_cannot_be_said(word: str) -> None:
    """Only English letters have English sounds."""
    assert spell(word) is None
