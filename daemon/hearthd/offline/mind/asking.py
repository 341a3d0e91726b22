"""Sentences that ask: for what devices report, and for what functions tell."""

from collections.abc import Iterator, Sequence

from hearthd.core.home.catalogue import READ_STATE
from hearthd.offline.mind.commanding import BEGIN, THE, Weighted, devices, often, phrases, said
from hearthd.offline.mind.grammar import Choice, Maybe, Node, Phrase, Text
from hearthd.offline.mind.grammar import Sequence as InTurn
from hearthd.offline.mind.naming import Aim, Device, Household, Names
from hearthd.offline.mind.schema import Function
from hearthd.offline.mind.vocabulary import spoken
from hearthd.offline.mind.wishes import Expected, Wish

_OPENINGS = {"door", "window", "gate", "garage", "hatch", "skylight"}
"""What a sensor's name says of things that are open or closed."""

_IS = often(**{"is": 1.0}, are=0.3, are_any=0.05)
_WHAT_IS = said("what is", "what's", "what are", "tell me")


class Questions:
    """The questions that a session's functions can answer."""

    def __init__(self, functions: Sequence[Function], household: Household) -> None:
        self._functions = functions
        self._household = household

    def sentences(self) -> Iterator[Weighted]:
        """Yield the questions and how often each is asked, those to one function after the other."""
        for node in self._sentences():
            yield node, 1.0

    def _sentences(self) -> Iterator[Node]:
        for place, function in enumerate(self._functions):
            if function.name == READ_STATE and function.target and function.target.many:
                yield from self._states(function)
            elif function.reads:
                yield from self._told(function, f"r{place}")

    def _states(self, reader: Function) -> Iterator[Node]:
        """Ask for the state of anything that reports."""
        wish = Wish("{}", {}, reader.name)
        sensors = self._household.sensors()
        switched = [device for one in self._functions if one.power for device in self._household.devices(one)]
        covers = [device for one in self._functions if _opens(one) for device in self._household.devices(one)]
        openings = [device for device in sensors if any(set(name) & _OPENINGS for name in device.names)]
        measured = [device for device in sensors if device not in openings]
        mark = Text((), (wish,))
        if switched:
            yield InTurn(
                (BEGIN, _IS, mark, self._named("ask_on", switched), _states(on=("on", "still on"), off=("off",)))
            )
        if covers or openings:
            named = self._named("ask_open", [*openings, *covers])
            yield InTurn((BEGIN, _IS, mark, named, _states(open=("open", "still open"), closed=("closed", "shut"))))
        if measured:
            yield InTurn((BEGIN, _WHAT_IS, mark, self._named("ask_value", measured)))
        yield from self._climate(wish, measured)
        if heating := self._heating():
            yield InTurn((BEGIN, said("what is", "what's"), mark, self._named("ask_heating", heating), said("set to")))

    def _named(self, name: str, pool: Sequence[Device]) -> Node:
        return devices(name, Names(self._household.here).aims(pool))

    def _climate(self, wish: Wish, measured: Sequence[Device]) -> Iterator[Node]:
        """Ask how warm or humid it is somewhere; where no sensor measures it, the heating may know."""
        for quantity, adjectives, others in (
            ("temperature", ("warm", "cold", "hot"), self._heating()),
            ("humidity", ("humid",), []),
        ):
            sensors = [device for device in measured if any(quantity in name for name in device.names)]
            rooms = self._rooms(sensors, others)
            if not rooms:
                continue
            mark = Text((), (wish,))
            places = phrases({phrase: aim for phrase, aim in rooms.items() if phrase})
            where: Node = Maybe(places) if () not in rooms else Choice((places, Text((), (rooms[()],))))
            where = where if () in rooms else places
            yield InTurn((BEGIN, mark, said("how"), said(*adjectives), said("is it"), where))
            yield InTurn((BEGIN, mark, _WHAT_IS, THE, Text((quantity,)), where))

    def _heating(self) -> list[Device]:
        takes_degrees = [one for one in self._functions if any(level.measure == "degrees" for level in one.levels)]
        return [device for one in takes_degrees for device in self._household.devices(one)]

    def _rooms(self, sensors: Sequence[Device], others: Sequence[Device]) -> dict[Phrase, Aim]:
        """Return by place ("in the bedroom", nothing for here) who knows about it."""
        found: dict[Phrase, Aim] = {}
        for pool in (others, sensors):
            for area in dict.fromkeys(device.area for device in pool if device.area):
                aim = Aim(tuple(device for device in pool if device.area == area))
                found["in", "the", *area] = aim
                if area == self._household.here:
                    found["in", "here"] = found[()] = aim
        for device in sensors:
            if any(set(name) & {"outside", "outdoor", "outdoors"} for name in device.names):
                found["outside",] = Aim((device,))
        pool = tuple(sensors or others)
        if () not in found and len(pool) == 1:
            found[()] = Aim(pool)
        return found

    def _told(self, function: Function, name: str) -> Iterator[Node]:
        """Ask a function that only tells something: "what is the weather", "get the temperature in the kitchen"."""
        noun = tuple(word for word in function.words[1:] if word not in {"state", "status", "value"})
        wish = Wish("{}", {function.name: ()})
        ask = Choice((_WHAT_IS, Text(function.words[:1])))
        if function.target is None:
            if noun:
                aim = Aim((Device(function.name, "", (noun,), (), ()),))
                yield InTurn((BEGIN, ask, THE, Text(noun, (aim, wish))))
            return
        pool = self._household.devices(function)
        if not pool:
            return
        rooms = {device.area: Aim((device,)) for device in pool if device.area == spoken(device.value)}
        targets = devices(name, {**Names(self._household.here).aims(pool), **rooms})
        mark = Text((), (wish,))
        if noun:
            yield InTurn((BEGIN, mark, ask, THE, Text(noun), said("of", "in", "at", "for"), targets))
        else:
            yield InTurn((BEGIN, mark, ask, said("the state of", "the status of"), targets))


def _states(**words: tuple[str, ...]) -> Node:
    """Return the states that a question may end with."""
    options = ((state, text) for state, texts in words.items() for text in texts)
    return Choice(tuple(Text(tuple(text.split()), (Expected(state),)) for state, text in options))


def _opens(function: Function) -> bool:
    return any(("open",) in options.values for options in function.options)
