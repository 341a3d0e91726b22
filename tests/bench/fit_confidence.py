"""Fits `hearthd.offline.hearing.confidence`: `python -m tests.bench.fit_confidence` prints its constants.

Nothing of it is used by `scripts/bench offline`: other commands, other sentences, other voices (espeak-ng variants, and
flite's at another speed and pitch), the first half of the recorded kitchen, and every second coffee order. Rooms in
which nobody speaks count as said to somebody else.
"""

import math
import random
import sys
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearthd.offline.hearing import confidence
from hearthd.offline.hearing.confidence import Evidence
from hearthd.offline.hearing.recogniser import VOICE_CONTRAST_DB, GrammarRecogniser
from hearthd.offline.mind.dialogue import ACT_FROM, ASK_FROM
from hearthd.offline.parts import HEARING_RATE_HZ
from tests.bench import offline
from tests.doubles import speech
from tests.doubles.vcard.tape import Samples
from tests.offline import sentences
from tests.offline.household import house

VOICES: Final = (
    ("espeak:en-us+f3", 1.0),
    ("slt", 1.09),
    ("espeak:en-gb-x-rp+m3", 1.0),
    ("rms", 0.93),
    ("espeak:en-us+m7", 1.0),
    ("awb", 1.06),
    ("kal", 1.0),
)
"""With how much slower and lower than made they are heard."""
ROOMS: Final = (offline.CLEAN, offline.LITTLE, offline.MUCH, offline.LITTLE, offline.MUCH)
COMMANDS: Final = 240
EMPTY_ROOMS: Final = 60
ACT_WRONGLY: Final = 0.01
"""Share of what was heard wrong or said to others that may reach the confidence to act."""
ASK_FOREIGN: Final = 0.12
"""Share of what was said to others that may reach the confidence to ask."""
FOREIGN: Final = tuple(
    line.strip()
    for line in """
    the children are playing in the garden
    have you seen my glasses anywhere
    she works at the hospital in the city
    we went to the seaside last summer
    turn the page and read on
    the kettle of fish he talked about was old
    lights camera action
    my brother in law is a printer by trade
    he lives on the second floor of that house
    switching jobs is never easy
    there was a fan waiting outside the theatre
    shut up and listen to me for once
    eighty people were invited to the wedding
    it will be twenty two degrees and sunny tomorrow
    the orange ones taste better than the red ones
    blinded by the light
    the office party starts at six
    where is the nearest petrol station
    how much does a ticket to London cost
    play the next episode please
    what is the tallest mountain in the world
    remember to take your medicine
    call the plumber about the bathroom
    I left my umbrella on the train
    could you help me carry this
    please take a seat the doctor will see you soon
    good evening and welcome to the show
    the minister denied all accusations
    our team lost by two goals
    a medium black coffee with sugar please
    can I have a double espresso with milk
    two small lattes to take away
    open wide and say ah
    stop making fun of him
    start from the beginning and tell me everything
    set a good example for the little ones
    dim sum is my favourite food
    make yourself at home
    half past nine is too late for me
    yesterday all my troubles seemed so far away
    did the postman come already
    this soup needs a bit more salt
    I have a meeting with the head of the department
    mum where are my football boots
    do not worry it happens to everybody
    you should really see a dentist about that
    the price of oil went up again
    and then she just walked out of the room
    nobody told me that the shop was closed
    the new neighbours have a very loud dog
    """.strip().splitlines()
)


def altered(text: str, voice: str, slower: float) -> Samples:
    """Return a text in a voice that the benchmark does not use."""
    return speech.synthesize(text, round(HEARING_RATE_HZ * slower), voice)


def orders() -> Iterator[Samples]:
    """Yield the coffee orders of which the benchmark uses the others."""
    for path in speech.recordings("commands")[1::2]:
        yield speech.load(path, HEARING_RATE_HZ)


def empty_rooms() -> Iterator[Samples]:
    """Yield rooms in which nobody speaks: noise sounds alike each time that it is heard, as commands do."""
    for number in range(EMPTY_ROOMS):
        rng = np.random.default_rng(number)
        kind, frames = offline.KINDS[number % len(offline.KINDS)], round(rng.uniform(1.0, 4.0) * HEARING_RATE_HZ)
        noise = offline.noise_alone(kind, frames, rng, fitting=True)
        level = rng.choice([100.0, 1_000.0])
        yield (noise * (level / noise.std())).clip(-32768, 32767).astype(np.int16)


def utterances() -> Iterator[tuple[Samples, frozenset[sentences.Call]]]:
    """Yield what is said, and what it must lead to."""
    used = {command.text for command in sentences.commands(offline.COMMANDS)}
    own = [command for command in sentences.commands(500, seed=4_242) if command.text not in used]
    random.Random(5).shuffle(own)
    for number, command in enumerate(own[:COMMANDS]):
        voice, room = VOICES[number % len(VOICES)], ROOMS[number % len(ROOMS)]
        yield offline.said(altered(command.text, *voice), room, number, fitting=True), command.calls
    for number, text in enumerate(FOREIGN * 2):
        voice, room = VOICES[(number + number // 50) % len(VOICES)], ROOMS[(number + number // 50) % len(ROOMS)]
        yield offline.said(altered(text, *voice), room, number, fitting=True), frozenset()
    for sound in (*orders(), *empty_rooms()):
        yield sound, frozenset()


def heard() -> Iterator[tuple[Evidence, bool, bool]]:
    """Yield what is known of each utterance in which anything was heard; whether rightly; whether a stranger said it.

    Rooms without a voice are no strangers: they are told by their sound.
    """
    recogniser = GrammarRecogniser()
    for sound, wanted in utterances():
        recogniser.begin(house().grammar)
        recogniser.feed(sound.tobytes())
        trial = recogniser.tried()
        found = confidence.evidence(trial) if trial else None
        if trial and found:
            meant = house().understand(trial.text)
            calls = frozenset(sentences.normal(call.name, call.arguments_json) for call in meant.calls)
            stranger = not wanted and trial.contrast_db >= VOICE_CONTRAST_DB
            yield found, bool(wanted) and calls == wanted, stranger


def fitted(features: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the coefficients of a logistic model, the bias first, by Newton's method with a light ridge."""
    scale = features.std(axis=0) + 1e-9
    table = np.column_stack([np.ones(len(features)), features / scale])
    ridge = np.diag([0.0, *([1.0] * features.shape[1])])
    found = np.zeros(table.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(table @ found, -30, 30)))
        slope = table.T @ (right - chance) - ridge @ found
        curve = (table * (chance * (1 - chance))[:, None]).T @ table + ridge
        found += np.linalg.solve(curve, slope)
    return np.concatenate([found[:1], found[1:] / scale])


def stretched(
    table: NDArray[np.float64], right: NDArray[np.bool_], foreign: NDArray[np.bool_], found: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the coefficients that bring 0.8 and 0.4 to where so few of the wrong, or foreign, are above them."""
    logits = table @ found
    act = np.quantile(logits[~right], 1 - ACT_WRONGLY)
    ask = np.quantile(logits[foreign], 1 - ASK_FOREIGN)
    steeper = (_logit(ACT_FROM) - _logit(ASK_FROM)) / (act - ask)
    changed = steeper * found
    changed[0] += _logit(ACT_FROM) - steeper * act
    return changed


def _logit(chance: float) -> float:
    return math.log(chance / (1 - chance))


def main() -> int:
    """Print the constants, and how well the model tells right from wrong."""
    known = list(heard())
    right = np.array([good for _, good, _ in known])
    foreign = np.array([other for _, _, other in known])
    features = np.array([confidence.features(found) for found, _, _ in known])
    table = np.column_stack([np.ones(len(features)), features])
    found = stretched(table, right, foreign, fitted(features, right))
    sys.stdout.write("_COEFFICIENTS = (" + ", ".join(f"{value:.4g}" for value in found) + ")\n")
    chance = 1 / (1 + np.exp(-table @ found))
    for low, high in ((0.0, ASK_FROM), (ASK_FROM, ACT_FROM), (ACT_FROM, 1.0)):
        here = (chance >= low) & (chance < high)
        sys.stdout.write(f"{low} to {high}: {here.sum()} heard, {right[here].sum()} of {right.sum()} right ones\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
