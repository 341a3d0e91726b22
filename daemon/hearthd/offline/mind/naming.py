"""What each device may be called: its names, its area, its kind, and several of them at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hearthd.core.home.notes import HouseNotes
from hearthd.offline.mind.grammar import Phrase
from hearthd.offline.mind.schema import Function
from hearthd.offline.mind.vocabulary import COVER_NOUNS, NOUNS, ROOM_WORDS, spoken

DEVICES_MAX = 512
"""Of a session; beyond it a grammar would be too wide to tell its sentences apart."""
_ALIASES_MAX = 8
"""Further names of one device."""


@dataclass(frozen=True, slots=True)
class Device:
    """One thing that can be spoken of."""

    function: str
    """Name of the function that acts on it; empty for what can only be read."""
    value: str
    """What the function calls it; empty for a function that acts on one thing only."""
    names: tuple[Phrase, ...]
    """Its own names, the one to use in answers first."""
    area: Phrase
    """The room it is in; empty if nobody said so."""
    nouns: tuple[tuple[str, str], ...]
    """What such devices are called in general, one and several."""

    @property
    def label(self) -> str:
        """How to call it in an answer."""
        return " ".join(self.names[0])


class Household:
    """The devices of all functions, each with its names; knows which areas there are."""

    def __init__(self, functions: Sequence[Function], notes: HouseNotes) -> None:
        """Take a session's functions and what its instructions tell of the devices."""
        self.here = spoken(notes.here)
        self._notes = notes
        self._areas = _areas(functions, notes)
        self._devices: dict[str, dict[str, Device]] = {}
        room = DEVICES_MAX
        for function in functions:
            values = function.target.values if function.target else ()
            devices = [device for value in values[:room] if (device := self._device(function, value))]
            self._devices[function.name] = {device.value: device for device in devices}
            room -= len(devices)

    def devices(self, function: Function) -> tuple[Device, ...]:
        """Return what a function acts on."""
        return tuple(self._devices[function.name].values())

    def sensors(self) -> tuple[Device, ...]:
        """Return what our instructions name and no function commands: it can only be read."""
        commanded = {value for devices in self._devices.values() for value in devices}
        names = [name for name in self._notes.sensors[:DEVICES_MAX] if name not in commanded]
        return tuple(device for name in names if (device := self._named("", name, ())))

    def _device(self, function: Function, value: str) -> Device | None:
        nouns = _nouns(function)
        if spoken(value) in self._areas and nouns:
            area = spoken(value)
            return Device(function.name, value, ((*area, nouns[0][0]),), area, nouns)
        return self._named(function.name, value, nouns)

    def _named(self, function: str, value: str, nouns: tuple[tuple[str, str], ...]) -> Device | None:
        own = spoken(value)
        told = [words for name in self._notes.names.get(value, ())[:_ALIASES_MAX] if (words := spoken(name))]
        names = tuple(dict.fromkeys(phrase for phrase in (own, *told) if phrase))
        area = spoken(self._notes.rooms.get(value, "")) or self._area_within(own)
        if not names:
            return None
        if function:
            return Device(function, value, _with_noun(names, nouns), area, _own_nouns(nouns, names))
        return Device("", value, _without_sensor(names), area, _nouns_within(names))

    def _area_within(self, name: Phrase) -> Phrase:
        """Return the longest area that a name tells itself; a name that is nothing but an area stands in none."""
        return next((area for area in self._areas if len(name) > len(area) and _within(area, name)), ())


def _nouns(function: Function) -> tuple[tuple[str, str], ...]:
    """Tell by a function's name what kind of device it is about."""
    for word in function.words:
        for kind, nouns in NOUNS.items():
            if word in _KINDS[kind] or any(word in pair for pair in nouns):
                return nouns
    return ()


_KINDS: Mapping[str, frozenset[str]] = {
    "light": frozenset({"lighting", "bulb", "dimmer"}),
    "cover": frozenset({"cover", "covers", "shade", "shades", "awning"}),
    "climate": frozenset({"climate", "heater", "heat", "hvac", "temperature"}),
    "fan": frozenset({"ventilation"}),
}


def _own_nouns(nouns: tuple[tuple[str, str], ...], names: Iterable[Phrase]) -> tuple[tuple[str, str], ...]:
    """Leave a cover the nouns of its own names, if it has any."""
    if nouns != NOUNS["cover"]:
        return nouns
    return _nouns_within(names) or nouns


def _nouns_within(names: Iterable[Phrase]) -> tuple[tuple[str, str], ...]:
    words = {word for name in names for word in name}
    return tuple(pair for pair in COVER_NOUNS if words & set(pair))


def _with_noun(names: tuple[Phrase, ...], nouns: tuple[tuple[str, str], ...]) -> tuple[Phrase, ...]:
    """Let a light called "desk" be "desk light" too, unless a name says already what it is."""
    if not nouns or {word for name in names for word in name} & _EVERY_NOUN:
        return names
    return (*((*name, nouns[0][0]) for name in names), *names)


_EVERY_NOUN = frozenset(word for pairs in (*NOUNS.values(), COVER_NOUNS) for pair in pairs for word in pair)


def _without_sensor(names: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """Let "front door sensor" be "front door" in speech."""
    return tuple(dict.fromkeys(name[:-1] if len(name) > 1 and name[-1] == "sensor" else name for name in names))


def _areas(functions: Iterable[Function], notes: HouseNotes) -> tuple[Phrase, ...]:
    """Return all areas that are told, by the notes or by identifiers, the longest first."""
    areas = {spoken(notes.here), *(spoken(room) for room in notes.rooms.values())}
    for function in functions:
        for value in function.target.values if function.target else ():
            areas |= set(_rooms(spoken(value)))
    for name in notes.sensors[:DEVICES_MAX]:
        areas |= set(_rooms(spoken(name)))
    return tuple(sorted(areas - {()}, key=lambda phrase: (-len(phrase), phrase)))


def _rooms(words: Phrase) -> list[Phrase]:
    """Return the area at the beginning of an identifier: "living room floor lamp" stands in the living room."""
    for end, word in enumerate(words[:3], 1):
        if word in ROOM_WORDS - {"floor"}:
            return [words[:end]]
    return []


def _within(area: Phrase, name: Phrase) -> bool:
    return any(name[at : at + len(area)] == area for at in range(len(name) - len(area) + 1))


@dataclass(frozen=True, slots=True)
class Aim:
    """The devices that a phrase means."""

    devices: tuple[Device, ...]
    unclear: bool = False
    """Whether one was meant and it fits several."""
    weight: float = 1.0
    """How often it is said, compared with a device's own name."""


_ELSEWHERE = 9
"""Tier of "the fan" in a room without one: the only fan there is, or else a question which."""


@dataclass(slots=True)
class Names:
    """Collects phrases for a pool of devices; the surest reading of a phrase wins."""

    here: Phrase
    _tiers: dict[Phrase, dict[int, list[Device]]] = field(default_factory=dict)

    def aims(self, pool: Sequence[Device]) -> dict[Phrase, Aim]:
        """Return all phrases for devices of the pool, one and many at once.

        Names come before "area and kind", these before groups, and last comes what is elsewhere; what fits several
        devices means the one here.
        """
        for device in pool:
            for name in device.names:
                self._placed(device, name, tier=0)
            for one, _ in device.nouns if device.area else ():
                self._placed(device, (one,), tier=2)
        groups = self._groups(pool)
        found = {
            phrase: self._resolved(tiers)
            for phrase, tiers in self._tiers.items()
            if min(tiers) < _ELSEWHERE or phrase not in groups
        }
        return {**groups, **found}

    def _placed(self, device: Device, name: Phrase, tier: int) -> None:
        """Add a name bare, with the area before and after it, and in our own area without its area."""
        area = device.area
        if not area:
            self._add(tier, name, device)
        elif name[: len(area)] == area and len(name) > len(area):
            rest = name[len(area) :]
            self._add(tier, name, device)
            self._add(tier + 1, (*rest, "in", "the", *area), device)
            self._add(tier + (1 if area == self.here else _ELSEWHERE), rest, device)
        elif _within(area, name):
            self._add(tier, name, device)
        else:
            self._add(tier, (*area, *name), device)
            self._add(tier, (*name, "in", "the", *area), device)
            self._add(tier if tier == 0 or area == self.here else _ELSEWHERE, name, device)

    def _add(self, tier: int, phrase: Phrase, device: Device) -> None:
        devices = self._tiers.setdefault(phrase, {}).setdefault(tier, [])
        if device not in devices:
            devices.append(device)

    def _resolved(self, tiers: Mapping[int, list[Device]]) -> Aim:
        devices = tiers[min(tiers)]
        if len(devices) > 1:
            devices = [device for device in devices if device.area == self.here] or devices
        unclear = len(devices) > 1
        return Aim(tuple(devices), unclear, _UNCLEAR if unclear else _OFTEN[min(*tiers, len(_OFTEN) - 1)])

    def _groups(self, pool: Sequence[Device]) -> dict[Phrase, Aim]:
        """Return the phrases for all devices of a kind: here, in an area, everywhere."""
        kinds: dict[tuple[str, str], list[Device]] = {}
        for device in pool:
            for pair in device.nouns:
                kinds.setdefault(pair, []).append(device)
        groups: dict[Phrase, Aim] = {}
        for (one, plural), devices in kinds.items():
            here = [device for device in devices if self.here and device.area == self.here]
            groups[(plural,)] = _group(here or devices, 0.5, one)
            groups["all", plural] = _group(devices, 0.5, one)
            groups["all", "the", plural] = _group(devices, 0.5, one)
            groups[plural, "everywhere"] = _group(devices, 0.1, one)
            if here:
                groups[plural, "in", "here"] = _group(here, 0.05, one)
            for area in dict.fromkeys(device.area for device in devices if device.area):
                there = [device for device in devices if device.area == area]
                alike = any(self._tiers.get((*area, one), {}))
                groups[*area, plural] = _group(there, 0.1 if alike else 0.4, one)
                groups[plural, "in", "the", *area] = _group(there, 0.4, one)
                for phrase in ((*area, plural), (plural, "in", "the", *area)):
                    groups["all", *phrase] = _group(there, 0.15, one)
                    groups["all", "the", *phrase] = _group(there, 0.15, one)
        return groups


_OFTEN = (1.0, 0.3, 0.15, 0.1)
"""By tier: a name, the name apart from its area, the kind of device; what is elsewhere."""
_UNCLEAR = 0.05
_OF_ONE = 0.05
"""Who has one lamp in a room seldom calls it all the lamps there."""


def _group(devices: Sequence[Device], weight: float, noun: str) -> Aim:
    """Return an aim at several; less often said by a noun that none of them has in its name."""
    named = any(noun in word for device in devices for name in device.names for word in name)
    alone = len(devices) == 1 and noun != devices[0].nouns[0][1]
    return Aim(tuple(devices), weight=weight * (_OF_ONE if alone else 1.0) * (1.0 if named else 0.05))
