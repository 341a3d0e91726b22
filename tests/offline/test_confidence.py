"""What makes a trial of the recogniser trustworthy."""

from dataclasses import replace

from hearthd.offline.hearing.confidence import Stretch, Trial, confidence, evidence, features


def spoken(text: str, score: float = -3.0) -> tuple[Stretch, ...]:
    """Return words of 300 ms, each with the same score in 10 ms, between two silences."""
    words = [Stretch(word, 30 * at, 30 * at + 30, 30 * score) for at, word in enumerate(text.split(), 1)]
    return Stretch("<sil>", 0, 30, -30.0), *words, Stretch("<sil>", 900, 930, -30.0)


HEARD = Trial(spoken("turn on the kitchen light"), (spoken("turn on kitchen light"),))


def test_silences_are_no_words() -> None:
    """Without any word there is nothing to trust, and the text has words alone."""
    assert confidence(Trial(spoken(""), (spoken("stop"),))) == 0.0
    assert HEARD.text == "turn on the kitchen light"


def test_what_is_measured() -> None:
    """Scores count for each 10 ms, and words that are easily confused do not tell the two passes apart."""
    trial = replace(HEARD, sentence=(*spoken("turn on the kitchen"), Stretch("light", 200, 210, -90.0)))
    found = evidence(trial)
    assert found is not None
    assert features(found) == (-(4 * 90 + 90) / 130, -9.0, -3.0, -1.0, 4, 1.0, 1.0, 1.0)


def test_little_words_alone_are_measured_too() -> None:
    """A sentence of nothing else has no solid word, and shares none."""
    found = evidence(Trial(spoken("could you"), (spoken("could you"),)))
    assert found is not None
    assert (found.agreed_with_noise, found.shared, found.worst) == (True, 0.0, -3.0)


def test_agreement_and_fit_make_sure() -> None:
    """Another sentence the second time, and sounds that fit badly, are reasons to doubt."""
    other = replace(HEARD, others=(spoken("turn off the desk lamp"),))
    misfit = replace(HEARD, sentence=spoken("turn on the kitchen light", -9.0))
    assert confidence(misfit) < confidence(HEARD)
    assert confidence(other) < confidence(HEARD)


def test_two_of_three_make_less_sure_than_all_and_surer_than_one() -> None:
    """Whichever of the others it is that differs."""
    differs, agrees = spoken("turn off the desk lamp"), spoken("turn on kitchen light")
    alone = replace(HEARD, others=(differs, differs))
    for others in ((differs, agrees), (agrees, differs)):
        assert confidence(alone) < confidence(replace(HEARD, others=others)) < confidence(HEARD)


def test_what_is_left_out_makes_unsure() -> None:
    """A silence that does not sound like one was something said, but an empty arc is no silence."""
    loud = (*HEARD.sentence, Stretch("<sil>", 930, 960, -300.0))
    empty = (*HEARD.sentence, Stretch("(NULL)", 929, 930, -10.0))
    assert confidence(replace(HEARD, sentence=loud)) < confidence(HEARD)
    assert confidence(replace(HEARD, sentence=empty)) == confidence(HEARD)
