"""One session's talk: acts on what was surely heard, asks about what was half heard, and says what came of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hearthd.offline.mind import answers, wording
from hearthd.offline.mind.house import House
from hearthd.offline.mind.understanding import FunctionCall, Understanding
from hearthd.offline.mind.wishes import Intent
from hearthd.offline.parts import Heard

ACT_FROM: Final = 0.8
"""Confidence that acts at once. Confidence is the probability of having heard right: a wrong light in one command out
of five that are this doubtful annoys less than a question for each of the other four."""
ASK_FROM: Final = 0.4
"""Confidence that is worth a question; below it, that would be about the wrong thing more often than not. It is also
enough for a yes to such a question: whoever is asked answers. Where the house itself wants a yes before it opens a
door, that needs as much as any command.
"""
NOT_UNDERSTOOD: Final = "Sorry, I did not understand that."


@dataclass(frozen=True, slots=True)
class Say:
    """Something to say; empty for nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to say, which the next utterance may answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """Functions to call, in this order; `Dialogue.answered` takes what they return."""

    calls: tuple[FunctionCall, ...]


Reply = Say | Ask | Call
"""What an utterance leads to."""


class Dialogue:
    """Remembers one open question at most, and the calls under way. A question expires with what is said next."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._question: Understanding | None = None
        self._asked = ""
        self._guarded = False
        self._doubted = Understanding()
        """What the last utterance seemed to mean, where that was not certain enough to act."""
        self._acting = Understanding()

    def adopt(self, house: House) -> None:
        """Understand `house` from now on; an open question was about the old one and is dropped."""
        self._house = house
        self._question, self._doubted = None, Understanding()

    def hear(self, heard: Heard | str, now: datetime) -> Reply:
        """Answer one utterance, recognised or (as plain text) typed. `now` is the local time, for those who ask for it.

        Silence is answered with silence. Who says again what was only half heard is heard: chance seldom errs alike.
        """
        recognised = Heard(heard, 1.0) if isinstance(heard, str) else heard
        question, self._question = self._question, None
        doubted, self._doubted = self._doubted, Understanding()
        if not recognised.text.strip():
            return Say(NOT_UNDERSTOOD if recognised.spoken else "")
        meant = self._house.understand(recognised.text)
        if question is not None and meant.intent is Intent.YES:
            believed = recognised.confidence >= (ACT_FROM if self._guarded else ASK_FROM)
            return self._act(question, now) if believed else self._ask(question, self._asked, guarded=self._guarded)
        if not meant or recognised.confidence < ASK_FROM:
            self._doubted = meant
            return Say(NOT_UNDERSTOOD)
        sure = recognised.confidence >= ACT_FROM or (bool(meant.calls) and meant.calls == doubted.calls)
        if sure or meant.intent in _HARMLESS or meant.unclear:
            return self._act(meant, now, refused=question is not None)
        self._doubted = meant
        return self._ask(meant, _did_you_mean(meant))

    def answered(self, outputs: Mapping[int, str]) -> Say | Ask:
        """Say what came of the last `Call`, given the outputs by their place in it; a missing one is called unknown.

        Asks where the house wants a yes first: the yes repeats exactly the calls that were held back.
        """
        acting, self._acting = self._acting, Understanding()
        answer = answers.answer(acting.calls, outputs, acting.expects)
        if not answer.held:
            return Say(answer.text)
        says = wording.listed([call.says for call in answer.held])
        return self._ask(Understanding(calls=answer.held, says=says), answer.text, guarded=True)

    def _act(self, meant: Understanding, now: datetime, *, refused: bool = False) -> Reply:
        if meant.unclear:
            return Say(f"There are several: {wording.listed([f'the {name}' for name in meant.unclear])}. Which one?")
        if meant.calls:
            self._acting = meant
            return Call(meant.calls)
        assert meant.intent is not None, "what means anything has calls, an intent or several devices"
        return Say(self._remark(meant.intent, now, refused=refused))

    def _ask(self, meant: Understanding, text: str, *, guarded: bool = False) -> Ask:
        self._question, self._asked, self._guarded = meant, text, guarded
        return Ask(text)

    def _remark(self, intent: Intent, now: datetime, *, refused: bool) -> str:
        match intent:
            case Intent.TIME:
                return f"It is {wording.clock(now)}."
            case Intent.DATE:
                return f"It is {wording.date(now)}."
            case Intent.NO if refused:
                return "All right, I leave it."
            case Intent.HELP:
                return self._house.introduction
            case _:
                return _REMARKS[intent]


_REMARKS: Mapping[Intent, str] = {
    Intent.YES: "All right.",
    Intent.NO: "All right.",
    Intent.STOP: "Okay.",
    Intent.THANKS: "You are welcome.",
    Intent.TIMER: "Sorry, I cannot set timers.",
    Intent.VOLUME: "Sorry, I cannot change the volume.",
}
_HARMLESS = {Intent.YES, Intent.NO, Intent.STOP}
"""Half heard, these change nothing but the question that they answer; asking about them would never end."""
_DOUBTS: Mapping[Intent, str] = {
    Intent.TIME: "Did you ask for the time?",
    Intent.DATE: "Did you ask for the date?",
    Intent.THANKS: "Did you thank me?",
    Intent.HELP: "Did you ask what I can do?",
    Intent.TIMER: "Did you ask for a timer?",
    Intent.VOLUME: "Did you ask for another volume?",
}


def _did_you_mean(meant: Understanding) -> str:
    """Ask about the very thing that was half heard."""
    if meant.intent is not None:
        return _DOUBTS[meant.intent]
    if meant.asks:
        return f"Did you ask about {meant.says}?"
    return f"Should I {meant.says}?"


_EXACTLY = re.compile(
    r"\s*(?:please\s+)?(?:say|speak|read|repeat)\b[^\n]{0,300}?\n-{3,}\n(?P<framed>.*)\n-{3,}\s*"
    r"|\s*(?:please\s+)?(?:say|speak|repeat|read(?: out)?)\b[^\n:]{0,60}:\s*(?P<after>.+?)\s*",
    re.DOTALL | re.IGNORECASE,
)


def spoken_text(instructions: str) -> str | None:
    """Return the text that a response's `instructions` want to hear word for word, or None if they want an answer.

    Known are our own `core.realtime.wishes.say_exactly`, with the text between two lines of dashes, and
    the usual "Say exactly: TEXT", with or without quotation marks around it.
    """
    match = _EXACTLY.fullmatch(instructions)
    if match is None:
        return None
    if match["framed"] is not None:
        return match["framed"]
    after = match["after"]
    quoted = len(after) > 1 and (after[0], after[-1]) in {('"', '"'), ("'", "'"), ("\u201c", "\u201d")}
    return after[1:-1] if quoted else after
