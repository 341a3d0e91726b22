"""From the marks of a sentence to function calls."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from hearthd.offline.mind.grammar import Marks
from hearthd.offline.mind.naming import Aim, Device
from hearthd.offline.mind.schema import Function
from hearthd.offline.mind.wishes import Expected, Intent, Start, Wish
from hearthd.offline.mind.wording import listed

CALLS_MAX = 16
"""Of one utterance; whoever lists more devices one by one is not heard right."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call to make."""

    name: str
    arguments_json: str
    says: str = field(default="", compare=False)
    """The call in plain words: "open the garage door"."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """What an utterance asks for; all empty if nothing that is known."""

    calls: tuple[FunctionCall, ...] = ()
    intent: Intent | None = None
    says: str = ""
    """The commands in plain words, to ask whether they were meant: "turn on the kitchen light"."""
    asks: bool = False
    """Whether the calls only read."""
    expects: str = ""
    """The state that a question names: "open" of "is the door open"."""
    unclear: tuple[str, ...] = ()
    """Names of devices of which one was meant, and nobody knows which; then there are no calls."""

    def __bool__(self) -> bool:
        return bool(self.calls or self.intent or self.unclear)


@dataclass(slots=True)
class _Order:
    """One command or question of a sentence."""

    devices: dict[tuple[str, str], Device] = field(default_factory=dict)
    wish: Wish | None = None
    unclear: tuple[Device, ...] = ()
    expects: str = ""

    def take(self, mark: object) -> None:
        if isinstance(mark, Wish):
            self.wish = mark
        elif isinstance(mark, Expected):
            self.expects = mark.state
        elif isinstance(mark, Aim):
            self.unclear = self.unclear or (mark.devices if mark.unclear else ())
            self.devices.update({(device.function, device.value): device for device in mark.devices})


def interpret(marks: Marks, functions: Mapping[str, Function]) -> Understanding:
    """Turn the marks of one sentence into what to do."""
    for mark in marks:
        if isinstance(mark, Intent):
            return Understanding(intent=mark, says=mark.value)
    orders = _orders(marks)
    for order in orders:
        if order.unclear:
            return Understanding(unclear=tuple(device.label for device in order.unclear))
    calls = tuple(dict.fromkeys(call for order in orders for call in _calls(order, functions)))
    says = " and ".join(_says(order, order.devices.values()) for order in orders)
    expects = orders[0].expects if len(orders) == 1 else ""
    asks = all(order.wish is not None and order.wish.says == "{}" for order in orders)
    return Understanding(calls=calls[:CALLS_MAX], says=says, asks=asks, expects=expects)


def _orders(marks: Marks) -> list[_Order]:
    orders: list[_Order] = []
    for mark in marks:
        if isinstance(mark, Start):
            orders.append(_Order())
        else:
            orders[-1].take(mark)
    return orders


def _calls(order: _Order, functions: Mapping[str, Function]) -> Iterator[FunctionCall]:
    """Make one call a function where it takes several devices, else one a device."""
    wish = order.wish
    assert wish is not None, "every command of the tree says what to do"
    by_function: dict[str, list[Device]] = {}
    for device in order.devices.values():
        by_function.setdefault(wish.reader or device.function, []).append(device)
    for name, devices in by_function.items():
        arguments = () if wish.reader else wish.arguments[name]
        target = functions[name].target
        rounds = [devices] if target is None or target.many else [[device] for device in devices]
        for some in rounds:
            values = [device.value for device in some]
            named = () if target is None else ((target.argument, values if target.many else values[0]),)
            everything = msgspec.json.encode(dict((*named, *arguments))).decode()
            yield FunctionCall(name, everything, _says(order, some))


def _says(order: _Order, devices: Iterable[Device]) -> str:
    labels = [device.label for device in devices]
    says = order.wish.says if order.wish else "{}"
    return says.replace("{names}", listed(labels)).replace("{}", listed([f"the {label}" for label in labels]))
