"""How words are said that no dictionary knows: names of devices, rooms and people, by the commonest English rules."""

import re
from typing import Final

_SOUNDS: Final = {
    "tion": "SH AH N",
    "sion": "ZH AH N",
    "ture": "CH ER",
    "igh": "AY",
    "tch": "CH",
    "dge": "JH",
    "ough": "AO",
    "augh": "AO",
    "eigh": "EY",
    "sch": "SH",
    "ch": "CH",
    "sh": "SH",
    "th": "TH",
    "ph": "F",
    "gh": "G",
    "wh": "W",
    "ck": "K",
    "ng": "NG",
    "qu": "K W",
    "kn": "N",
    "wr": "R",
    "ee": "IY",
    "ea": "IY",
    "oo": "UW",
    "ou": "AW",
    "ow": "OW",
    "oi": "OY",
    "oy": "OY",
    "ai": "EY",
    "ay": "EY",
    "au": "AO",
    "aw": "AO",
    "ie": "IY",
    "ei": "EY",
    "ey": "IY",
    "oa": "OW",
    "oe": "OW",
    "ue": "UW",
    "ui": "UW",
    "ew": "UW",
    "ar": "AA R",
    "er": "ER",
    "ir": "ER",
    "or": "AO R",
    "ur": "ER",
    "ce": "S EH",
    "ci": "S IH",
    "cy": "S IY",
    "a": "AE",
    "b": "B",
    "c": "K",
    "d": "D",
    "e": "EH",
    "f": "F",
    "g": "G",
    "h": "HH",
    "i": "IH",
    "j": "JH",
    "k": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "o": "AA",
    "p": "P",
    "q": "K",
    "r": "R",
    "s": "S",
    "t": "T",
    "u": "AH",
    "v": "V",
    "w": "W",
    "x": "K S",
    "y": "Y",
    "z": "Z",
}
_AT_THE_END: Final = {"a": "AH", "i": "IY", "o": "OW", "u": "UW", "y": "IY", "es": "Z", "ed": "D"}
_LONG: Final = {"a": "EY", "i": "AY", "o": "OW", "u": "UW", "e": "IY"}
_PIECE: Final = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_MAGIC_E: Final = re.compile(r"([aeiou])([bcdfgklmnpstvz])e$")
"""A final e is silent and makes the vowel before it long."""
_DOUBLE: Final = re.compile(r"([bcdfgklmnprstvz])\1")
_VOWELLESS: Final = re.compile(r"[bcdfghjklmnpqrstvwxz]{2,4}$")
_LETTER_NAMES: Final = """EY|B IY|S IY|D IY|IY|EH F|JH IY|EY CH|AY|JH EY|K EY|EH L|EH M|EH N|OW|P IY|K Y UW|AA R|EH S
T IY|Y UW|V IY|D AH B AH L Y UW|EH K S|W AY|Z IY"""
_LETTERS: Final = dict(zip("abcdefghijklmnopqrstuvwxyz", re.split("[|\n]", _LETTER_NAMES), strict=True))


def spell(word: str) -> str | None:
    """Return the phones of `word` in the symbols of the CMU dictionary, or None if it has more than English letters.

    "nabu" is N AE B UW, "tv" is spelled out.
    """
    letters = word.replace("'", "")
    if re.fullmatch("[a-z]+", letters) is None:
        return None
    if _VOWELLESS.match(letters) or len(letters) == 1:
        return " ".join(_LETTERS[letter] for letter in letters)
    stem = _DOUBLE.sub(r"\1", letters)
    tail: list[str] = []
    if magic := _MAGIC_E.search(stem):
        last = _soft(magic[2])
        stem, tail = stem[: magic.start()], [_LONG[magic[1]], last]
    elif (ending := next((end for end in _AT_THE_END if stem.endswith(end) and len(stem) > len(end) + 1), "")) and (
        _PIECE.findall(stem)[-1] in {ending, ending[-1:]}
    ):
        stem, tail = stem[: -len(ending)], [_AT_THE_END[ending]]
    return " ".join([_SOUNDS[piece] for piece in _PIECE.findall(stem)] + tail)


def _soft(letter: str) -> str:
    return {"c": "S", "g": "JH"}.get(letter, _SOUNDS[letter])
