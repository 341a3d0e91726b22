"""Contract of `offline.phrases`: what a speech program is given to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.offline.speaking.phrases import (
    CLAUSE_PAUSE_MS,
    LONGEST_TEXT_CHARACTERS,
    PHRASE_CHARACTERS,
    SENTENCE_PAUSE_MS,
    Phrase,
    phrases,
    speakable,
)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It is 21.5 °C.", "It is 21.5 degrees."),
        ("21.5°C and 1 °C", "21.5 degrees and 1 degree."),
        ("It is 21 ℃ or 70 °F.", "It is 21 degrees or 70 degrees Fahrenheit."),
        ("Turn by 90°.", "Turn by 90 degrees."),
        ("21°N", "21 degrees N."),
        ("-5 °C, (−3.5) or –1 %", "minus 5 degrees, minus 3.5 or minus 1 percent."),  # noqa: RUF001 - people type these.
        ("wi-fi at 18-21, on 2026-11-22", "wi-fi at 18-21, on 2026-11-22."),
        ("50% of 2,700 K", "50 percent of 2,700 kelvins."),
        ("12 µg/m³ at 3 m/s", "12 micrograms per cubic metre at 3 metres per second."),
        ("7.5 kWh, 40 W, 5 min", "7.5 kilowatt hours, 40 watts, 5 minutes."),
        ("2 months, 3 walls, item5W", "2 months, 3 walls, item5W."),
        ("% and °", "percent and degrees."),
        ("salt & pepper + oil = a@b", "salt and pepper plus oil equals a at b."),
        ("Küche, Straße, smørrebrød", "Kuche, Strasse, smorrebrod."),
        ("It’s on – and off", "It's on, and off."),  # noqa: RUF001 - a text processor's signs.
        ("on/off, 1/2 or ½", "on off, 1/2 or 1/2."),
        ("**kitchen_light** `[[h@]]` #1 <b>", "kitchen light h at 1 b."),
        ("one\x00two\x07three\u200bfour", "one two threefour."),
        ("first line\n\n second, \r\nthird!", "first line. second, third!"),
        ("日本 ok", "ok."),
        ("", ""),
        (" \n\t", ""),
        ("... !? -- 日本", ""),
    ],
)
def test_text_becomes_what_a_voice_can_read(text: str, spoken: str) -> None:
    """Units and signs turn into words; control characters, markup and phoneme brackets vanish."""
    assert speakable(text) == spoken


def test_phrases_end_where_a_voice_pauses() -> None:
    """Sentences are phrases of their own, with the longer pause behind them and none behind the last."""
    assert list(phrases("The light is on. Is it warm? Yes")) == [
        Phrase("The light is on.", SENTENCE_PAUSE_MS),
        Phrase("Is it warm?", SENTENCE_PAUSE_MS),
        Phrase("Yes.", 0),
    ]


def test_a_point_that_ends_no_sentence_does_not_cut() -> None:
    """Titles, hours and decimal numbers stay whole."""
    text = "Dr. Smith and Mrs. Jones come at 5 p.m. today, it is 21.5 degrees."
    assert "".join(phrase.text for phrase in phrases(text)).startswith("Dr. Smith and Mrs. Jones come at 5 p.m. today,")


def test_a_long_first_sentence_is_cut_at_a_comma_so_that_somebody_hears_it_soon() -> None:
    """A later sentence of the same length is one phrase, for it is made while the first one plays."""
    long = "The kitchen light, the bedroom light and the light of the garage are all on now."
    assert list(phrases(f"{long} {long}")) == [
        Phrase("The kitchen light,", CLAUSE_PAUSE_MS),
        Phrase("the bedroom light and the light of the garage are all on now.", SENTENCE_PAUSE_MS),
        Phrase(long, 0),
    ]


def test_a_comma_beyond_the_first_words_is_better_than_none() -> None:
    """The first phrase is then longer than wished, but not cut where nobody would pause."""
    opening = "I could not reach the light beside the chair in the small bedroom,"
    rest = "and so I do not know whether anything has happened to it since you asked."
    assert [phrase.text for phrase in phrases(f"{opening} {rest}")] == [opening, rest]


def test_a_sentence_without_commas_is_cut_between_words() -> None:
    """Only when it is longer than a phrase may be."""
    fits = " ".join(["words"] * 19) + "."
    assert [phrase.text for phrase in phrases(fits)] == [fits]
    pieces = [phrase.text for phrase in phrases(" ".join(["words"] * 50))]
    assert all(len(piece) <= PHRASE_CHARACTERS for piece in pieces)
    assert " ".join(pieces) == " ".join(["words"] * 50) + "."


def test_a_word_without_end_is_cut_all_the_same() -> None:
    """Whatever is sent, no program gets more than a phrase at once."""
    assert [len(phrase.text) for phrase in phrases("x" * 250)] == [PHRASE_CHARACTERS, PHRASE_CHARACTERS, 11]


def test_nobody_listens_for_an_hour() -> None:
    """A text without end is cut."""
    spoken = sum(len(phrase.text) for phrase in phrases("abc " * 100_000))
    assert LONGEST_TEXT_CHARACTERS * 0.9 < spoken <= LONGEST_TEXT_CHARACTERS


def test_a_rest_without_words_is_no_phrase() -> None:
    """Then the phrase before it is the last one."""
    assert list(phrases("Yes. $ $ $")) == [Phrase("Yes.", 0)]
    assert list(phrases("$ $ $. Yes.")) == [Phrase("Yes.", 0)]


@given(st.text(max_size=400) | st.text("aZ9 .,;:!?-°%\n", max_size=400))
def test_whatever_is_said_every_phrase_is_fit_for_a_program(text: str) -> None:
    """Printable ASCII, neither empty nor too long, with a word or a number in it, and no pause at the end."""
    made = list(phrases(text))
    for phrase in made:
        assert 0 < len(phrase.text) <= PHRASE_CHARACTERS
        assert phrase.text.isascii()
        assert phrase.text.isprintable()
        assert phrase.text == phrase.text.strip()
        assert any(map(str.isalnum, phrase.text))
    assert [phrase.pause_ms for phrase in made[-1:] if phrase.pause_ms] == []
    assert "".join("".join(phrase.text for phrase in made).split()).strip("$.,;:!?'/-") in "".join(
        speakable(text).split()
    )
