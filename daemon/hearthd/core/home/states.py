"""What the house reports: last known values, and whether they are still to be trusted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from hearthd.core.home.expectations import State
from hearthd.core.home.numerals import Json, Value
from hearthd.core.home.wiring import AVAILABLE, Gauge, Wiring

_LARGEST_BYTES = 65_536
"""A report beyond this is no device's state; decoding it would only block us."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one message told."""

    devices: frozenset[str]
    """Identifiers of the devices that it told something about, changed or not."""
    problem: str
    """Why the message made no sense, the first time a topic does that; else empty."""


class _Trust(Enum):
    """What a value is worth."""

    HEARD = auto()
    """The device itself reported it, on this connection."""
    KEPT = auto()
    """The broker kept it from earlier: the last that is known, even of a device that died since."""
    OUTDATED = auto()
    """Reports may have been missed since."""


class StateBook:
    """Keeps the last known state of every device of the catalogue's wirings."""

    def __init__(self, wirings: Mapping[str, Wiring]) -> None:
        self._units = {name: getattr(wiring.device, "unit_of_measurement", "") for name, wiring in wirings.items()}
        self._gauges: dict[str, list[tuple[str, Gauge]]] = {}
        for name, wiring in wirings.items():
            for gauge in wiring.gauges:
                self._gauges.setdefault(gauge.topic, []).append((name, gauge))
        self._values: dict[str, dict[str, Value]] = {name: {} for name in wirings}
        self._trust: dict[str, dict[str, _Trust]] = {name: {} for name in wirings}
        self._complained: set[str] = set()

    def topics(self) -> tuple[str, ...]:
        """Return the topics to subscribe, each once."""
        return tuple(self._gauges)

    def apply(self, topic: str, payload: bytes, *, retained: bool = False) -> Report:
        """Take a message from any topic; what makes no sense changes nothing, nor what was kept of what was heard."""
        gauges = self._gauges.get(topic, [])
        told = set()
        for name, gauge in gauges:
            value = _read(gauge, payload)
            if value is not None:
                self._keep(name, gauge.name, value, retained=retained)
                told.add(name)
        problem = ""
        if gauges and not told and not _is_partial(gauges, payload) and topic not in self._complained:
            self._complained.add(topic)
            problem = f"{topic}: cannot read {payload[:60]!r}"
        return Report(frozenset(told), problem)

    def lose_touch(self) -> None:
        """Mark every value as outdated, because reports may have been missed, until it is reported again."""
        for name, values in self._values.items():
            self._trust[name] = dict.fromkeys(values, _Trust.OUTDATED)

    def known(self, device_id: str) -> State:
        """Return the values that are not outdated."""
        return self._trusted(device_id, _Trust.HEARD, _Trust.KEPT)

    def heard(self, device_id: str) -> State:
        """Return the values that the device itself reported since touch was lost: these alone prove anything."""
        return self._trusted(device_id, _Trust.HEARD)

    def is_absent(self, device_id: str) -> bool:
        """Tell whether the device, or its bridge, last said that it is offline."""
        return self.known(device_id).get(AVAILABLE) is False

    def answer(self, device_id: str) -> dict[str, Json] | None:
        """Return the state as plain JSON for the model; None if the device never reported."""
        values = self._values[device_id]
        told: dict[str, Json] = {
            name: value for name, value in values.items() if value is not True or name != AVAILABLE
        }
        if not told:
            return None
        if unit := self._units[device_id]:
            told["unit"] = unit
        if _Trust.OUTDATED in self._trust[device_id].values():
            told["outdated"] = True
        return told

    def _keep(self, device_id: str, name: str, value: Value, *, retained: bool) -> None:
        trust = self._trust[device_id]
        if not (retained and trust.get(name) is _Trust.HEARD):
            self._values[device_id][name] = value
            trust[name] = _Trust.KEPT if retained else _Trust.HEARD

    def _trusted(self, device_id: str, *enough: _Trust) -> State:
        trust = self._trust[device_id]
        return {name: value for name, value in self._values[device_id].items() if trust[name] in enough}


def _read(gauge: Gauge, payload: bytes) -> Value | None:
    """Return the gauge's value in a report; None if there is none, or none that makes sense."""
    try:
        return gauge.quantity.decode(_pick(gauge.path, payload))
    # A number may be beyond what a reading reckons with; no device may end the daemon by that.
    except (ValueError, ArithmeticError):
        return None


def _pick(path: tuple[str, ...], payload: bytes) -> Json:
    """Take a value out of a report: at `path` of a JSON document, or all of it, as text or JSON object."""
    if not path:
        return _whole(payload[:_LARGEST_BYTES])
    place = _json(payload)
    for key in path:
        if isinstance(place, Mapping):
            place = place.get(key)
        elif isinstance(place, list) and key.isdecimal() and int(key) < len(place):
            place = place[int(key)]
        else:
            return None
    return place


def _whole(payload: bytes) -> Json:
    text = payload.decode(errors="replace").strip()
    return _json(payload) if text.startswith("{") else text


def _json(payload: bytes) -> Json:
    if len(payload) > _LARGEST_BYTES:
        return None
    try:
        document: Json = msgspec.json.decode(payload)
    # Deep nesting exhausts the decoder's stack.
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return document


def _is_partial(gauges: Iterable[tuple[str, Gauge]], payload: bytes) -> bool:
    """Tell whether a JSON report may simply be about something else: devices send parts of their state."""
    return not payload or (any(gauge.path for _, gauge in gauges) and isinstance(_json(payload), Mapping))
