"""How the British, and most who learnt English from them, say what the dictionary knows from Americans alone.

The sets of words are those of Wells 1982, "Accents of English": an R is said before vowels only, LOT has rounded lips,
BATH has the vowel of "father", and TRAP is nearer to STRUT today than to what Americans say.
"""

from typing import Final

_VOWELS: Final = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())  # noqa: SIM905
_OPEN: Final = frozenset({"AA", "AO"})
"""An R after these leaves nothing; after other vowels it leaves a murmur."""
_MURMUR: Final = "AH"
"""Also STRUT, for which the dictionary has no symbol of its own."""
_BATH: Final = ("bath", "path", "half", "calf", "laugh", "class", "glass", "grass", "pass", "past", "last", "fast")
_BATH_TOO: Final = ("cast", "master", "basket", "castle", "ask", "task", "after", "staff", "draft", "plant", "dance")
_OWN: Final = {
    "garage": ("G AE R AA ZH", "G AE R IH JH"),
    "garages": ("G AE R AA ZH IH Z", "G AE R IH JH IH Z"),
    "of": ("AO V",),
    "what": ("W AO T",),
    "what's": ("W AO T S",),
}
"""What follows no rule."""


def british(word: str, american: list[str]) -> list[str]:
    """Return further ways to say a word, in the symbols of the CMU dictionary: none that `american` has already."""
    ways = [*(_altered(word, phones.split()) for phones in american), *_OWN.get(word, ())]
    opened = [" ".join(_MURMUR if phone == "AE" else phone for phone in way.split()) for way in [*american, *ways]]
    return [way for way in dict.fromkeys([*ways, *opened]) if way not in american]


def _altered(word: str, phones: list[str]) -> str:
    bath = word.startswith(_BATH + _BATH_TOO)
    said: list[str] = []
    for phone, following in zip(phones, [*phones[1:], ""], strict=True):
        before_vowel = following in _VOWELS
        match phone:
            case "R" if said and said[-1] in _VOWELS and not before_vowel:
                said += [] if said[-1] in _OPEN else [_MURMUR]
            case "ER" if not before_vowel:
                said.append(_MURMUR)
            case "AE" if bath:
                said.append("AA")
            case "AA" if "o" in word and following != "R":
                said.append("AO")
            case _:
                said.append(phone)
    return " ".join(said)
