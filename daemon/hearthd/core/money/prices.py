"""The price table: what each model costs, since when that is known, and what counts for a model that is not in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final, TypeVar

import msgspec

from hearthd.core.money.cost import FREE, Rates, Tariff, dearest
from hearthd.core.tables import Problem, Struct, fill, found, nearest

_PUSD_PER_MICRO_USD: Final = 10**6
"""Dollars for a million tokens are micro-dollars for one."""
_STALE_DAYS: Final = 366
_SNAPSHOT: Final = re.compile(r"(.+)-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)")
"""What may follow a known name without a change of price; any other ending is another model, as `-mini` is."""
_NEVER: Final = date.max

Usd = Annotated[float, msgspec.Meta(ge=0.0)]


class _Model(msgspec.Struct, frozen=True, kw_only=True):
    """`[models."NAME"]`: USD for a million tokens."""

    text_in: Usd = 0.0
    audio_in: Usd = 0.0
    image_in: Usd = 0.0
    cached_text_in: Usd = 0.0
    cached_audio_in: Usd = 0.0
    cached_image_in: Usd = 0.0
    text_out: Usd = 0.0
    audio_out: Usd = 0.0
    shutdown: date = _NEVER


class _Transcriber(msgspec.Struct, frozen=True, kw_only=True):
    """`[transcription."NAME"]`: USD for a minute of sound."""

    usd_per_minute: Usd = 0.0
    shutdown: date = _NEVER


_NEEDED: Final[dict[type[msgspec.Struct], tuple[str, ...]]] = {
    _Model: ("text_in", "audio_in", "text_out", "audio_out"),
    _Transcriber: ("usd_per_minute",),
}
"""Prices that nothing can stand in for. Without a rate of their own, cached tokens cost the full price, and images
what the dearer of text and sound costs."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model of the table."""

    rates: Rates
    checked: date
    """When its prices were last compared with the server's own."""
    shutdown: date = _NEVER


@dataclass(frozen=True, slots=True)
class ListedTranscriber:
    """A transcription model of the table."""

    minute_pusd: int
    """For a minute of sound."""
    checked: date
    shutdown: date = _NEVER


AnyListed = TypeVar("AnyListed", Listed, ListedTranscriber)


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Models and their prices, by name."""

    models: Mapping[str, Listed] = field(default_factory=dict)
    transcribers: Mapping[str, ListedTranscriber] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names of models, such as an Azure deployment's."""

    def with_own(self, own: "PriceTable") -> "PriceTable":
        """Return this table with the owner's `own` entries in place of those of the same name."""
        return PriceTable(
            {**self.models, **own.models},
            {**self.transcribers, **own.transcribers},
            {**self.aliases, **own.aliases},
        )

    def tariff(self, server: str, model: str, transcriber: str = "", *, stays_here: bool, today: date) -> Tariff:
        """Return what counts for `model` and `transcriber` ("": none); `stays_here`: the server is on this machine.

        A known model has its price wherever it runs, because a server on this machine may only pass it on. An
        unknown one costs nothing on this machine, and the dearest known rate of each kind elsewhere.
        """
        rates, basis, warnings = self._rates(model, stays_here=stays_here, today=today)
        minute_pusd, more = self._minute_pusd(transcriber, stays_here=stays_here, today=today)
        return Tariff(
            server=server,
            model=model,
            rates=rates,
            transcription_minute_pusd=minute_pusd,
            basis=basis,
            warnings=(*warnings, *more),
        )

    def _rates(self, model: str, *, stays_here: bool, today: date) -> tuple[Rates, str, tuple[str, ...]]:
        name = self._name(model, self.models)
        if name is not None:
            return self.models[name].rates, f"at the prices of {name}", _remarks(name, self.models[name], today)
        if stays_here:
            return FREE, "free of charge, because it is on this machine", ()
        warning = (
            f'There is no price for the model "{model}", so it counts at the dearest known rates: write its price into '
            "a file of your own, and name that in budget.prices."
        )
        return dearest(*(listed.rates for listed in self.models.values())), "at the dearest known rates", (warning,)

    def _minute_pusd(self, model: str, *, stays_here: bool, today: date) -> tuple[int, tuple[str, ...]]:
        name = self._name(model, self.transcribers)
        if name is not None:
            return self.transcribers[name].minute_pusd, _remarks(name, self.transcribers[name], today)
        if not model or stays_here:
            return 0, ()
        warning = f'There is no price for the transcription model "{model}", so it counts at the dearest known rate.'
        return max((each.minute_pusd for each in self.transcribers.values()), default=0), (warning,)

    def _name(self, model: str, known: Mapping[str, AnyListed]) -> str | None:
        name = self.aliases.get(model, model)
        if name in known:
            return name
        snapshot = _SNAPSHOT.fullmatch(name)
        return snapshot[1] if snapshot and snapshot[1] in known else None


def read_prices(tables: Mapping[str, object]) -> tuple[PriceTable, list[Problem]]:
    """Read a TOML price file; returns what could be read, and what is wrong with it."""
    problems: list[Problem] = []
    checked = tables.get("checked")
    if type(checked) is not date:
        told = "is missing" if checked is None else f"found {found(checked)}"
        problems.append(Problem("checked", f"expected the date of the prices, such as 2026-11-22; {told}"))
        checked = date.min
    known = ("checked", "models", "transcription", "aliases")
    problems += [Problem(key, f"no such key here{nearest(key, known)}") for key in tables if key not in known]
    models = dict(_entries(_Model, tables, "models", problems))
    transcribers = dict(_entries(_Transcriber, tables, "transcription", problems))
    table = PriceTable(
        {name: _listed(model, given, checked) for name, (model, given) in models.items()},
        {
            name: ListedTranscriber(round(each.usd_per_minute * _PUSD_PER_MICRO_USD) * 10**6, checked, each.shutdown)
            for name, (each, _) in transcribers.items()
        },
        dict(_aliases(tables.get("aliases", {}), problems)),
    )
    return table, problems


def _entries(
    kind: type[Struct], tables: Mapping[str, object], section: str, problems: list[Problem]
) -> Iterator[tuple[str, tuple[Struct, Mapping[str, object]]]]:
    """Read the named tables of a section."""
    table = tables.get(section, {})
    if not isinstance(table, Mapping):
        problems.append(Problem(section, f'expected sections such as [{section}."NAME"], found {found(table)}'))
        return
    for name, prices in table.items():
        key = f'{section}."{name}"'
        entry, wrong = fill(kind, prices, key)
        given = prices if isinstance(prices, Mapping) else {}
        missing = [price for price in _NEEDED[kind] if price not in given] if given or not wrong else []
        problems += [
            *wrong,
            *(Problem(f"{key}.{price}", "is missing: expected a price in US dollars") for price in missing),
        ]
        yield name, (entry, given)


def _listed(model: _Model, given: Mapping[str, object], checked: date) -> Listed:
    prices = {name: round(getattr(model, name) * _PUSD_PER_MICRO_USD) for name in Rates.__dataclass_fields__}
    if "image_in" not in given:
        prices["image_in"] = max(prices["text_in"], prices["audio_in"])
    for kind in ("text_in", "audio_in", "image_in"):
        if f"cached_{kind}" not in given:
            prices[f"cached_{kind}"] = prices[kind]
    return Listed(Rates(**prices), checked, model.shutdown)


def _aliases(table: object, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    if not isinstance(table, Mapping):
        problems.append(Problem("aliases", f"expected a section, written [aliases], found {found(table)}"))
        return
    for alias, name in table.items():
        if isinstance(name, str):
            yield alias, name
        else:
            problems.append(Problem(f'aliases."{alias}"', f"expected a model's name in quotes, found {found(name)}"))


def _remarks(name: str, listed: Listed | ListedTranscriber, today: date) -> tuple[str, ...]:
    remarks = []
    if listed.shutdown != _NEVER:
        verb = "was" if listed.shutdown <= today else "will be"
        remarks.append(f"The model {name} {verb} shut down on {listed.shutdown}: choose another one.")
    if (today - listed.checked).days > _STALE_DAYS:
        remarks.append(
            f"The prices of {name} were last checked on {listed.checked}: compare them with your server's, and write "
            "those that changed into a file of your own, named in budget.prices."
        )
    return tuple(remarks)
