"""Recognition with pocketsphinx on a grammar. Nothing else names pocketsphinx: another recogniser is another file.

The utterance is decoded twice: as it comes, and once more at its end, when its noise and the tone of its voice are
known; where the two disagree, a third time. Whether they agree tells much of how sure the result is. pocketsphinx
holds Python's global lock while it decodes, so this belongs in a process of its own.
"""

import logging
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from hearthd.offline.hearing.accents import british
from hearthd.offline.hearing.automaton import Automaton, GrammarUnusable, compile_jsgf
from hearthd.offline.hearing.cepstrum import cepstra, log_mel, lowered
from hearthd.offline.hearing.confidence import Stretch, Trial, confidence
from hearthd.offline.hearing.denoise import denoised
from hearthd.offline.hearing.enhancement import Enhancer, in_a_room
from hearthd.offline.hearing.readings import Reading, elected
from hearthd.offline.hearing.spelling import spell
from hearthd.offline.parts import HEARING_RATE_HZ, Grammar, Heard

LONGEST_S: Final = 20.0
"""Nothing that is said to a house in one breath takes longer: the daemon cuts at 15 s, and sends what came before."""
SHORTEST_S: Final = 0.25
"""Shorter sound holds no word of ours."""
QUIET_DBFS: Final = -65.0
"""The loudest 100 ms of an utterance that is nothing but a quiet room."""
VOICE_CONTRAST_DB: Final = 9.0
"""What a voice brings into a room: 10 dB above the noise it has 13 at least; noise has 1 to 3, a kitchen at work 9."""
WORDS_MAX: Final = 4_000
"""Of all grammars since the decoder was made: it never forgets a word, so it is made anew beyond that."""

_SAMPLE_BYTES: Final = 2
_LONGEST_BYTES: Final = round(LONGEST_S * HEARING_RATE_HZ) * _SAMPLE_BYTES
_SHORTEST_BYTES: Final = round(SHORTEST_S * HEARING_RATE_HZ) * _SAMPLE_BYTES
_LOUDNESS_FRAMES: Final = HEARING_RATE_HZ // 10
_BLOCK_FRAMES: Final = HEARING_RATE_HZ // 50
_VOICED: Final = 0.6
"""Confidence from which a sentence counts that no voice stands out for; noise alone was seen to reach 0.51."""
_HOUSE: Final = "house"
_VARIANT: Final = re.compile(r"\(\d+\)$")
"""Marks the second and further ways to say a word."""
_SCORE_UNIT: Final = 1024.0
"""Acoustic scores come in 1/1024 of a neper."""
_USUAL_TONE: Final = "46,-3,-2,-3,-5,-4,0,-2,-1,0,-1,-2,0"
"""Means of the cepstrum to begin with, until the utterance has its own."""
_WORST_SCORE: Final = -1e6
_TRUST: Final = 14
"""The power that probabilities of the grammar are raised to: the acoustic model takes each 10 ms for independent news,
and so is far too sure of itself. Of 60 test commands at 14 dB, 87 % came out right with 6, 92 % with 12, 93 % with 20;
with 1 and the usual beams, of 100 at 20 dB and 10 dB, 72 % and 46 %."""
_MODEL: Final = Path(pocketsphinx.get_model_path("en-us"))
_DICTIONARY: Final = _MODEL / "cmudict-en-us.dict"
_EVENT: Final = {"HEARTHD_EVENT": "recogniser"}

log = logging.getLogger(__name__)


class GrammarRecogniser:
    """The `Recogniser` of a machine without any other; loads its model once and keeps one grammar compiled."""

    def __init__(self) -> None:
        """Load the model; takes 20 ms; a process with it and one grammar has 91 MB."""
        self._decoder = _decoder()
        self._enhancer = Enhancer()
        self._known: set[str] = set()
        self._grammar: Grammar | None = None
        self._usable = False
        self._running = False
        self._pcm = bytearray()
        self._overflowed = False

    def begin(self, grammar: Grammar) -> None:
        """Start an utterance and forget an unfinished one; a grammar that differs from the last one is compiled.

        A word that cannot be said in English letters takes its sentences with it, which is logged.
        """
        self._stop()
        self._pcm.clear()
        self._overflowed = False
        if grammar != self._grammar:
            self._usable = self._compile(grammar)
            self._grammar = grammar
        if self._usable:
            self._start()

    def feed(self, pcm: bytes) -> None:
        """Take more PCM16 mono at 16 kHz; keeps `LONGEST_S` of it."""
        done = len(self._pcm) // _SAMPLE_BYTES * _SAMPLE_BYTES
        room = _LONGEST_BYTES - len(self._pcm)
        self._pcm += pcm[:room]
        self._overflowed |= len(pcm) > room
        fresh = bytes(self._pcm[done : len(self._pcm) // _SAMPLE_BYTES * _SAMPLE_BYTES])
        if self._running and fresh:
            self._decoder.process_raw(fresh)

    def finish(self) -> Heard:
        """End the utterance and say what it was; nothing that is longer than `LONGEST_S` is a command."""
        trial = self.tried()
        if trial is None:
            return Heard("", 0.0)
        sure = confidence(trial)
        spoken = trial.contrast_db >= VOICE_CONTRAST_DB
        return Heard(trial.text, sure, spoken) if spoken or sure >= _VOICED else Heard("", 0.0)

    def tried(self) -> Trial | None:
        """End the utterance and return what was made of it, for `finish` to judge; None if nothing was said."""
        as_it_came = self._stop()
        pcm = bytes(self._pcm[: len(self._pcm) // _SAMPLE_BYTES * _SAMPLE_BYTES])
        self._pcm.clear()
        if not self._usable or self._overflowed or len(pcm) < _SHORTEST_BYTES or _loudness_dbfs(pcm) < QUIET_DBFS:
            return None
        return self._heard_again(pcm, as_it_came)

    def _compile(self, grammar: Grammar) -> bool:
        if len(self._known | grammar.words) > WORDS_MAX:
            self._decoder, self._known = _decoder(), set()
        unsayable = self._learn(grammar.words - self._known)
        if unsayable:
            log.warning("words that cannot be said: %s", ", ".join(sorted(unsayable)), extra=_EVENT)
        try:
            automaton = compile_jsgf(grammar.jsgf, self._known.__contains__)
        except GrammarUnusable as error:
            log.error("the grammar is unusable: %s", error, extra=_EVENT)  # noqa: TRY400 - the text says it all.
            return False
        self._decoder.add_fsg(_HOUSE, self._finite_state(automaton))
        self._decoder.activate_search(_HOUSE)
        return True

    def _finite_state(self, automaton: Automaton) -> pocketsphinx.FsgModel:
        ways = [
            (arc.source, arc.target, arc.probability**_TRUST, *((arc.word,) if arc.word else ()))
            for arc in automaton.arcs
        ]
        return self._decoder.create_fsg(_HOUSE, 0, automaton.states - 1, ways)

    def _learn(self, words: Iterable[str]) -> set[str]:
        """Add words to the dictionary; return those that nobody can say."""
        found = _pronunciations(frozenset(words))
        unsayable: set[str] = set()
        for word in sorted(words):
            ways = found.get(word) or [spelt for spelt in (spell(word),) if spelt]
            if not ways:
                unsayable.add(word)
                continue
            for count, phones in enumerate([*ways, *british(word, ways)], 1):
                self._decoder.add_word(word if count == 1 else f"{word}({count})", phones, update=False)
            self._known.add(word)
        return unsayable

    def _heard_again(self, pcm: bytes, as_it_came: Reading) -> Trial:
        """Hear a whole utterance without its noise, and where that makes a difference, as a lower voice too."""
        bands = in_a_room(self._enhancer.enhance(log_mel(np.frombuffer(denoised(pcm), np.int16))))
        best, *others = self._decoded(bands), as_it_came
        if best.words != as_it_came.words:
            best, other = elected(as_it_came, best, self._decoded(lowered(bands)))
            others.append(other)
        return Trial(best.stretches, tuple(other.stretches for other in others), _contrast_db(pcm))

    def _decoded(self, bands: NDArray[np.float32]) -> Reading:
        self._start()
        self._decoder.process_cep(cepstra(bands).tobytes(), full_utt=True)
        return self._stop()

    def _start(self) -> None:
        """Start decoding without any memory of noise and voice: those of the last pass cost 16 of 100 commands."""
        self._decoder.reinit_feat()
        self._decoder.set_cmn(_USUAL_TONE)
        self._decoder.start_utt()
        self._running = True

    def _stop(self) -> Reading:
        """End the decoding under way, if there is one, and return what it made of the sound."""
        if not self._running:
            return Reading()
        self._running = False
        self._decoder.end_utt()
        best = self._decoder.hyp()
        if best is None:
            return Reading()
        return Reading(tuple(_stretch(segment) for segment in self._decoder.seg()), best.best_score)


def _decoder() -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(
        hmm=str(_MODEL / "en-us"),
        dict=None,
        lm=None,
        lw=1.0,  # pocketsphinx applies it to penalties alone; see `_TRUST`.
        wip=0.03,
        beam=1e-80,  # The usual beams lose what is likely as a whole and begins badly.
        pbeam=1e-80,
        wbeam=1e-60,
        maxhmmpf=2_000,  # Bounds the work of each 10 ms.
        compallsen=True,  # Else scores are relative to what each search happens to look at, and cannot be compared.
        bestpath=False,  # Of no use with a grammar, and takes a third of a second at the end of a long sentence.
        loglevel="FATAL",
    )


def _stretch(segment: pocketsphinx.Segment) -> Stretch:
    score = math.log(segment.ascore) * _SCORE_UNIT if segment.ascore > 0 else _WORST_SCORE
    return Stretch(_VARIANT.sub("", segment.word), segment.start_frame, segment.end_frame + 1, score)


def _pronunciations(words: frozenset[str]) -> dict[str, list[str]]:
    """Look words up in the model's dictionary, other ways to say them included; takes 50 ms."""
    found: dict[str, list[str]] = {}
    if words:
        with _DICTIONARY.open(encoding="utf-8") as lines:
            for line in lines:
                entry, _, phones = line.partition(" ")
                word = entry.partition("(")[0]
                if word in words:
                    found.setdefault(word, []).append(phones.strip())
    return found


def _contrast_db(pcm: bytes) -> float:
    """Return how much louder the loud tenth of the sound is than its quiet tenth: little in noise without a voice."""
    sound = np.frombuffer(pcm, np.int16).astype(np.float32)
    blocks = sound[: len(sound) // _BLOCK_FRAMES * _BLOCK_FRAMES].reshape(-1, _BLOCK_FRAMES)
    levels_db = 10 * np.log10(np.mean(blocks**2, axis=1) + 1.0)
    quiet, loud = np.percentile(levels_db, [10, 90])
    return float(loud - quiet)


def _loudness_dbfs(pcm: bytes) -> float:
    sound = np.frombuffer(pcm, np.int16).astype(np.float32)
    pieces = np.array_split(sound, max(1, len(sound) // _LOUDNESS_FRAMES))
    loudest = max(float(np.mean(piece**2)) for piece in pieces)
    return 10 * math.log10(loudest / 32768**2 + 1e-12)
