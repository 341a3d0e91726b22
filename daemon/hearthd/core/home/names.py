"""Which device is meant: identifiers, names, aliases and areas, as models and people write them."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping

from hearthd.core.errors import CallRefused
from hearthd.core.home.devices import Cover, Switch
from hearthd.core.home.wiring import Kind, Wiring

_FILLERS = frozenset({"the", "a", "an", "my", "in", "of", "at", "on", "all"})
_KIND_WORDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.LIGHT: ("light", "lights", "lamp", "lamps"),
    Kind.SWITCH: ("switch", "plug", "socket", "outlet"),
    Kind.COVER: ("cover", "blind", "blinds", "shutter", "shutters", "curtain", "curtains"),
    Kind.CLIMATE: ("climate", "thermostat", "heating", "heater", "radiator"),
    Kind.FAN: ("fan", "ventilator"),
    Kind.SCENE: ("scene",),
    Kind.SENSOR: ("sensor",),
}
_NEAREST = 3
"""Names offered in a refusal; more would be read out."""

_LONGEST_ECHO = 60
"""Characters of the model's own words that a refusal repeats."""

Phrase = tuple[str, ...]


def phrase(text: str) -> Phrase:
    """Reduce a name to its words in alphabetical order, without case, accents, punctuation and fillers.

    "the Lamp in the Küche" and "kuche lamp" are one phrase.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"[^\W_]+", plain)
    return tuple(sorted([word for word in words if word not in _FILLERS] or words))


class Directory:
    """Finds devices by what they are called; `area` is the room that "the light" means."""

    def __init__(self, wirings: Iterable[Wiring], area: str) -> None:
        self._wirings = tuple(wirings)
        self._area = phrase(area)

    def find(self, text: str, kind: Kind | None) -> Wiring:
        """Return the device of `kind` (any, if None) that `text` means.

        Identifiers come before names and aliases, these before "area and kind"; what fits several devices
        means the one in our own area. Raises `CallRefused`: `unknown_device`, `ambiguous_device`,
        `wrong_function`.
        """
        wanted = phrase(text)
        pool = [wiring for wiring in self._wirings if kind in (None, wiring.kind)]
        for tier in (self._by_identifier, self._by_name, self._by_area):
            found = tier(wanted, pool)
            if len(found) > 1:
                found = [wiring for wiring in found if self.is_here(wiring)] or found
            if len(found) == 1:
                return found[0]
            if found:
                several = ", ".join(wiring.identifier for wiring in found)
                raise CallRefused(
                    "ambiguous_device", f"{shortened(text)!r} fits several devices: {several}. Ask which is meant."
                )
        raise self._unknown(text, wanted, pool)

    def label(self, wiring: Wiring) -> str:
        """Return the device's spoken name, with its area in front when several devices share the name."""
        own = phrase(wiring.name)
        twins = sum(1 for other in self._wirings if phrase(other.name) == own)
        return f"{wiring.device.area} {wiring.name}".strip() if twins > 1 else wiring.name

    def _by_identifier(self, wanted: Phrase, pool: list[Wiring]) -> list[Wiring]:
        return [wiring for wiring in pool if phrase(wiring.identifier) == wanted]

    def _by_name(self, wanted: Phrase, pool: list[Wiring]) -> list[Wiring]:
        return [wiring for wiring in pool if wanted in _called(wiring)]

    def _by_area(self, wanted: Phrase, pool: list[Wiring]) -> list[Wiring]:
        return [wiring for wiring in pool if wanted in self._placed(wiring)]

    def _placed(self, wiring: Wiring) -> set[Phrase]:
        """Return the device as "area", as "area and kind" and, in our own area, as its kind alone."""
        words = kind_words(wiring)
        placed = {phrase(f"{wiring.device.area} {word}") for word in words} | {phrase(wiring.device.area)}
        here = {phrase(word) for word in words} if self.is_here(wiring) else set()
        return (placed | here) - {()}

    def is_here(self, wiring: Wiring) -> bool:
        """Tell whether a device is in our own area."""
        return phrase(wiring.device.area) == self._area

    def _unknown(self, text: str, wanted: Phrase, pool: list[Wiring]) -> CallRefused:
        names = {
            " ".join(spoken): wiring for wiring in pool for spoken in (phrase(wiring.identifier), *_called(wiring))
        }
        elsewhere = [wiring for wiring in self._wirings if wiring not in pool]
        for wiring in elsewhere:
            if wanted == phrase(wiring.identifier) or wanted in _called(wiring):
                return CallRefused(
                    "wrong_function",
                    f"{wiring.identifier} is a {wiring.kind}, which this function does not control.",
                )
        close = difflib.get_close_matches(" ".join(wanted), names, n=_NEAREST, cutoff=0.5)
        nearest = list(dict.fromkeys(names[name].identifier for name in close))
        hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        return CallRefused("unknown_device", f"There is no device {shortened(text)!r} for this.{hint}")


def shortened(text: str) -> str:
    """Cut the model's own words to what a refusal may repeat."""
    return text[:_LONGEST_ECHO]


def _called(wiring: Wiring) -> set[Phrase]:
    """Return all names of the device, bare and with its area."""
    names = (wiring.name, *wiring.device.aliases)
    return {phrase(name) for name in names} | {phrase(f"{wiring.device.area} {name}") for name in names}


def kind_words(wiring: Wiring) -> tuple[str, ...]:
    """Return what a device of this kind is called in general."""
    device = wiring.device
    own = device.device_class if isinstance(device, Cover | Switch) else ""
    return (*_KIND_WORDS[wiring.kind], *([own] if own else []))
