"""What can be said of the output of a function that is not ours."""

from collections.abc import Mapping, Sequence

from hearthd.core.home.numerals import Json
from hearthd.offline.mind.vocabulary import spoken
from hearthd.offline.mind.wording import listed, plain, quantity, sentence

_SAYING = ("message", "speech", "answer", "text", "summary", "explanation", "description", "result", "output")
"""Keys whose text was made to be told, the likeliest first."""
_SUCCESS = ("ok", "success", "succeeded", "done")
_SCALARS_MAX = 3
_ITEMS_MAX = 5

NEUTRAL = "I passed that on."
"""Neither success nor failure: the output tells of neither."""
FAILED = "That did not work."
_DONE = "Done."


def answer(document: Json) -> str:
    """Say what an output tells; "Done" only if it says so itself."""
    match document:
        case bool():
            return _DONE if document else FAILED
        case str():
            return _from_text(document)
        case int() | float():
            return sentence(quantity(document))
        case Mapping():
            return _from_object(document)
        case Sequence():
            return _from_list(document)
        case _:
            return NEUTRAL


def _from_text(text: str) -> str:
    said = plain(text)
    if said.casefold() in {"ok", "okay", "success", "done", "true"}:
        return _DONE
    return sentence(said) or NEUTRAL


def _from_object(document: Mapping[str, Json]) -> str:
    told = next((text for key in _SAYING if isinstance(text := document.get(key), str) and text.strip()), "")
    if (trouble := _trouble(document)) is not None:
        return f"{FAILED} {sentence(plain(told or trouble))}".rstrip()
    if told:
        return _from_text(told)
    facts = [fact for key, value in document.items() if (fact := _fact(key, value, document))]
    if facts:
        return sentence(listed(facts[:_SCALARS_MAX]))
    return _DONE if any(document.get(key) is True for key in _SUCCESS) or _status(document) == "ok" else NEUTRAL


def _trouble(document: Mapping[str, Json]) -> str | None:
    """Return what an object tells of a failure, perhaps nothing; None if it tells of none."""
    error = document.get("error")
    if isinstance(error, Mapping):
        error = error.get("message", "")
    if error:
        return error if isinstance(error, str) else ""
    failed = any(document.get(key) is False for key in _SUCCESS)
    return "" if failed or _status(document) in {"error", "failed", "failure"} else None


def _status(document: Mapping[str, Json]) -> str:
    status = document.get("status")
    word = status.casefold() if isinstance(status, str) else ""
    return "ok" if word in {"ok", "success", "succeeded", "done", "completed"} else word


def _fact(key: str, value: Json, document: Mapping[str, Json]) -> str:
    """Say one scalar: "the temperature is twenty one degrees"."""
    words = " ".join(spoken(key))
    if key in (*_SUCCESS, "unit", "units", "id") or not words or value is None or isinstance(value, Mapping | list):
        return ""
    if key == "status" and _status(document) == "ok":
        return ""
    unit = document.get("unit", document.get("units"))
    said = quantity(value, unit if isinstance(unit, str) else "")
    subject = "it" if key in {"state", "status", "value"} else f"the {words}"
    return f"{subject} is {said}" if said else ""


def _from_list(document: Sequence[Json]) -> str:
    texts = [said for item in document[:_ITEMS_MAX] if isinstance(item, str | int | float) and (said := quantity(item))]
    return sentence(listed(texts)) or NEUTRAL
