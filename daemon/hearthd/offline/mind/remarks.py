"""What is said around a command, and what is said without any: politeness, yes and no, the time."""

from collections.abc import Iterable, Mapping

from hearthd.offline.mind import habits
from hearthd.offline.mind.commanding import said
from hearthd.offline.mind.grammar import Choice, Lexicon, Maybe, Node, Phrase, Sequence, Text
from hearthd.offline.mind.schema import Function
from hearthd.offline.mind.vocabulary import WAKE_PHRASES
from hearthd.offline.mind.wishes import Intent, spans

_POLITE: Mapping[str, float] = {
    "please": 1.0,
    "could you": 0.5,
    "can you": 0.5,
    "would you": 0.1,
    "could you please": 0.05,
    "can you please": 0.05,
    "would you please": 0.02,
}
"""With how often each is said."""

_SAID: Mapping[Intent, tuple[str, ...]] = {
    Intent.YES: ("yes", "yes please", "yeah", "yep", "sure", "do it", "yes do it", "correct"),
    Intent.NO: ("no", "no thanks", "no thank you", "nope", "don't", "no don't"),
    Intent.STOP: ("stop", "cancel", "cancel that", "never mind", "forget it", "be quiet", "stop talking"),
    Intent.TIME: ("what time is it", "what's the time", "what is the time", "tell me the time", "what time is it now"),
    Intent.DATE: (
        "what day is it",
        "what day is it today",
        "what day is today",
        "what's the date",
        "what is the date",
        "what's the date today",
        "what is the date today",
        "what is today's date",
        "tell me the date",
    ),
    Intent.THANKS: ("thank you", "thanks", "thank you very much"),
    Intent.HELP: ("help", "what can you do", "what can i say"),
}
_TIMER = ("set a timer", "start a timer", "set timer")
_VOLUME = ("volume up", "volume down", "turn the volume up", "turn the volume down", "turn up the volume")
_VOLUME_MORE = ("turn down the volume", "louder", "quieter", "speak up", "mute")


def dressed(body: Node) -> Node:
    """Allow the name that wakes us before a sentence, and politeness on both sides."""
    wake = Choice(tuple(Text(phrase) for phrase in WAKE_PHRASES), habits.WAKES)
    polite = Maybe(
        Choice(tuple(Text(tuple(text.split())) for text in _POLITE), tuple(_POLITE.values())), habits.POLITE_CHANCE
    )
    return Sequence(
        (Maybe(wake, habits.WAKE_CHANCE), polite, body, Maybe(Text(("please",)), habits.PLEASE_AT_END_CHANCE))
    )


def undressed(words: Phrase) -> Phrase:
    """Take off the end what means nothing there: the name that wakes us, and the beginning of more that never came."""
    for phrase in WAKE_PHRASES:
        if words[-len(phrase) :] == phrase:
            words = words[: -len(phrase)]
    return words[:-1] if words[-1:] and words[-1] in _DANGLING else words


_DANGLING = {"a", "and", "at", "the", "to"}
"""A recogniser that hears a breath at the end of a sentence takes it for the shortest word that may follow."""


def builtin(functions: Iterable[Function]) -> Node:
    """Return what needs no function; a timer and the volume, where no function knows them, to say so."""
    spoken_of = {word for function in functions for word in function.words}
    sentences = dict(_SAID)
    timer: tuple[Node, ...] = ()
    if "timer" not in spoken_of:
        span = Lexicon({words: () for words, _ in spans()})
        timer = (Sequence((said(*_TIMER), Maybe(Sequence((said("for"), span))), Text((), (Intent.TIMER,)))),)
    if "volume" not in spoken_of:
        sentences[Intent.VOLUME] = (*_VOLUME, *_VOLUME_MORE)
    fixed = {tuple(text.split()): (intent,) for intent, texts in sentences.items() for text in texts}
    return Choice((Lexicon(fixed), *timer))
