"""What makes a trial of the recogniser trustworthy."""

from dataclasses import replace

from hearthd.offline.hearing.confidence import Stretch, Trial, confidence, evidence, features


def spoken(text: str, score: float = -3.0) -> tuple[Stretch, ...]:
    """Return words of 300 ms, each with the same score in 10 ms, between two silences."""
    words = [Stretch(word, 30 * at, 30 * at + 30, 30 * score) for at, word in enumerate(text.split(), 1)]
    return Stretch("<sil>", 0, 30, -30.0), *words, Stretch("<sil>", 900, 930, -30.0)


HEARD = Trial(spoken("turn on the kitchen light"), spoken("turn on kitchen light"), 20.0)


def test_silences_are_no_words() -> None:
    """Without any word there is nothing to trust, and the text has words alone."""
    assert confidence(Trial(spoken(""), spoken("stop"))) == 0.0
    assert HEARD.text == "turn on the kitchen light"


def test_what_is_measured() -> None:
    """Scores count for each 10 ms, and words that are easily confused do not tell the two passes apart."""
    trial = replace(HEARD, sentence=(*spoken("turn on the kitchen"), Stretch("light", 200, 210, -90.0)))
    found = evidence(trial)
    assert found is not None
    assert features(found) == (-(4 * 90 + 90) / 130, -9.0, -3.0, -1.0, 4.0, 1.0, 1.0, 20.0)


def test_little_words_alone_are_measured_too() -> None:
    """A sentence of nothing else has no solid word, and shares none."""
    found = evidence(Trial(spoken("could you"), spoken("could you")))
    assert found is not None
    assert (found.agreed, found.shared, found.worst) == (True, 0.0, -3.0)


def test_agreement_and_fit_make_sure() -> None:
    """Another sentence the second time, and sounds that fit badly, are reasons to doubt."""
    other = replace(HEARD, again=spoken("turn off the desk lamp"))
    misfit = replace(HEARD, sentence=spoken("turn on the kitchen light", -9.0))
    assert confidence(misfit) < confidence(HEARD)
    assert confidence(other) < confidence(HEARD)


def test_what_is_left_out_makes_unsure() -> None:
    """A silence that does not sound like one was something said, but an empty arc is no silence."""
    loud = (*HEARD.sentence, Stretch("<sil>", 930, 960, -300.0))
    empty = (*HEARD.sentence, Stretch("(NULL)", 929, 930, -10.0))
    assert confidence(replace(HEARD, sentence=loud)) < confidence(HEARD)
    assert confidence(replace(HEARD, sentence=empty)) == confidence(HEARD)


def test_beyond_a_quiet_room_and_a_loud_one_contrast_tells_no_more() -> None:
    """Noise that nothing stands out from makes nothing likelier than a voice that is hard to hear."""
    assert confidence(replace(HEARD, contrast_db=1.0)) == confidence(replace(HEARD, contrast_db=10.0))
    assert confidence(replace(HEARD, contrast_db=60.0)) == confidence(replace(HEARD, contrast_db=40.0))


def test_a_misfit_is_forgiven_in_a_noisy_room() -> None:
    """What fits badly where it is quiet was something else."""
    assert confidence(replace(HEARD, contrast_db=40.0)) < confidence(replace(HEARD, contrast_db=12.0))
