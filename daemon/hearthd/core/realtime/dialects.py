"""Servers that speak the Realtime protocol with an accent: what each can do, and what is done without it.

The protocol in general is OpenAI's of today. A server is told by the host of its address, or named by
`[realtime] dialect`. A host that nobody knows gets the plain protocol without the newest settings, because such servers
are many and each lacks something else. Without an ability:

* truncate: of a cut reply the server keeps all that it said, and nothing of one that nobody heard a word of;
* cancel: the rest of the reply is thrown away as it comes;
* manual turns: the server finds the end of speech, so trailing silence is streamed to it;
* semantic VAD: the energy detector does its work;
* asides: an announcement becomes part of the conversation;
* withheld answers: the server answers by itself, so what the budget denies is cancelled as soon as it begins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal

from hearthd.core.addresses import host_of
from hearthd.core.settings import RealtimeSettings

TurnDetection = Literal["none", "server_vad", "semantic_vad"]


class Shape(Enum):
    """How settings and wishes are laid out in JSON."""

    PLAIN = auto()
    """As OpenAI documents it today."""
    BETA = auto()
    """As in the protocol's beta: all settings of a session side by side, and some under other names."""
    XAI = auto()
    """Voice and turns beside the audio formats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What may be said to a server, and how."""

    shape: Shape = Shape.PLAIN
    path: str = ""
    """Where the protocol is spoken at such a server, for an address that names none."""
    key_header: Literal["Authorization", "api-key"] = "Authorization"
    truncates: bool = True
    cancels: bool = True
    manual_turns: bool = True
    semantic_vad: bool = True
    images: bool = True
    asides: bool = True
    """Whether a response can be made outside the conversation."""
    withholds_answers: bool = True
    """Whether, finding the end of speech itself, it can leave it to us to ask for the answer."""
    limits_output: bool = True
    """Whether the length of a response can be limited."""
    bounds_context: bool = True
    """Whether it can be told how much of the conversation to read (`truncation`)."""
    reduces_noise: bool = True
    reasons: bool = True
    """Whether an effort of reasoning can be set, with models that have one."""
    item_comes_late: bool = False
    """Whether the user's utterance joins the conversation only when it was transcribed, so that an answer asked for
    before would not know it."""
    calls_for_itself: bool = False
    """Whether calls of functions that are not ours can appear: the server carries them out itself."""

    def turns(self, wish: TurnDetection) -> TurnDetection:
        """Return who finds the end of speech, as close to the wish as the server comes."""
        if wish == "none" and self.manual_turns:
            return wish
        return "semantic_vad" if wish == "semantic_vad" and self.semantic_vad else "server_vad"

    def header(self, key: str) -> tuple[str, str]:
        """Return name and value of the header that carries the key."""
        return (self.key_header, key if self.key_header == "api-key" else f"Bearer {key}")


OPENAI = Dialect(path="/v1/realtime")
AZURE = Dialect(path="/openai/v1/realtime", key_header="api-key")
XAI = Dialect(
    shape=Shape.XAI,
    path="/v1/realtime",
    manual_turns=False,
    semantic_vad=False,
    images=False,
    asides=False,
    withholds_answers=False,
    limits_output=False,
    bounds_context=False,
    reduces_noise=False,
    reasons=False,
    calls_for_itself=True,
)
BETA_STYLE = Dialect(
    shape=Shape.BETA,
    path="/v1/realtime",
    truncates=False,
    cancels=False,
    semantic_vad=False,
    images=False,
    asides=False,
    bounds_context=False,
    reduces_noise=False,
    reasons=False,
    item_comes_late=True,
)
COMPATIBLE = replace(OPENAI, path="", bounds_context=False, reduces_noise=False)
"""Any server of today's protocol: what it then lacks, its errors tell, and they are survived."""

NAMED: Mapping[str, Dialect] = {"openai": OPENAI, "azure": AZURE, "xai": XAI, "beta-style": BETA_STYLE}
_HOSTS = (
    ("api.openai.com", OPENAI),
    ("openai.azure.com", AZURE),
    ("cognitiveservices.azure.com", AZURE),
    ("services.ai.azure.com", AZURE),
    ("api.x.ai", XAI),
)
"""Each host with all below it: regions and resources stand in front."""
_OLD_MODELS = ("gpt-realtime-mini", "gpt-realtime-1", "gpt-realtime-2025", "gpt-4o")


def dialect_of(settings: RealtimeSettings) -> Dialect:
    """Return the dialect that the owner named, or that of the server at the address."""
    if settings.dialect != "auto":
        return NAMED[settings.dialect]
    host = host_of(settings.url)
    return next((dialect for name, dialect in _HOSTS if host == name or host.endswith(f".{name}")), COMPATIBLE)


def takes_reasoning(model: str) -> bool:
    """Tell whether a model may take an effort of reasoning; the older ones refuse the whole session for it."""
    return model != "gpt-realtime" and not model.startswith(_OLD_MODELS)


def shortfalls(settings: RealtimeSettings) -> tuple[str, ...]:
    """Return what the owner asks of the server that it cannot do, each a sentence with what is done instead."""
    dialect, wish = dialect_of(settings), settings.turn_detection
    told = []
    if (turns := dialect.turns(wish)) != wish:
        told.append(f'This server cannot do realtime.turn_detection = "{wish}"; "{turns}" is used instead.')
    if settings.reasoning_effort != "default" and not (dialect.reasons and takes_reasoning(settings.model)):
        model = settings.model or "this server"
        told.append(f"realtime.reasoning_effort has no effect: {model} has no such choice.")
    return tuple(told)
