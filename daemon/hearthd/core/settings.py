"""What the owner may set: one frozen struct per TOML section, every default in one place.

Here stand names, types, ranges and defaults; `hearthd.config` fills them and checks what spans several.
"""

from typing import Annotated, Literal

import msgspec

Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
RateHz = Annotated[int, msgspec.Meta(ge=8_000, le=192_000)]

BUILTIN_WAKE_WORDS = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")
"""Words whose models come with pymicro-wakeword; any other word is a path to a model's `.json` file."""

FLITE_VOICES = ("slt", "rms", "awb", "kal16", "kal")
"""Voices that come with Debian's flite, best first; flite itself says nothing about a voice that it lacks."""

ESPEAK_VOICES = (
    *("en-us", "en-us-nyc", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"),
    *(f"en-us+{sex}{number}" for sex in "fm" for number in range(1, 6)),
    *(f"en-gb+{sex}{number}" for sex in "fm" for number in range(1, 6)),
)
"""English voices that come with espeak-ng: dialects, and the two main ones spoken by other women and men."""

API_KEY_PLACEHOLDER = "{openai_api_key}"
"""In the value of a header it stands for the secret, so that no key need be written into the file."""

INSTRUCTIONS = (
    "You are the voice of this home. Answer in one or two short spoken sentences, in the language you are "
    "spoken to. Use the functions to switch things and read sensors, and report only what a function's "
    "result says: never claim success that it does not confirm. The name that wakes you may be heard at the "
    "start of a request: ignore it. If you did not understand, ask briefly."
)
"""The default system text: short, because it is paid for in every response."""


class Secret:
    """A text that never prints itself: `str` and `repr` show stars, `reveal` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hide `text`."""
        self._text = text

    def reveal(self) -> str:
        """Return the hidden text; call it only where it leaves for its owner's server."""
        return self._text

    def __bool__(self) -> bool:
        """Tell whether there is a secret at all."""
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        """Show stars."""
        return "Secret('***')" if self._text else "Secret('')"

    __str__ = __repr__


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A TOML table whose unknown keys are errors."""


class RoomSettings(Section, frozen=True):
    """`[room]`: which room this hearthd stands in."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "hearth"
    """Shown in Home Assistant; its slug is the room's part of every MQTT topic."""
    area: str = ""
    """The area that "the light" means when nobody names one."""


class AudioSettings(Section, frozen=True):
    """`[audio]`: the sound cards, by ALSA name."""

    capture_device: str = "default"
    playback_device: str = "default"
    capture_rate_hz: RateHz = 48_000
    playback_rate_hz: RateHz = 48_000
    volume_percent: Percent = 100
    earcons: bool = True
    """Short tones that tell of trouble when no sentence can be spoken."""


class WakeSettings(Section, frozen=True):
    """`[wake]`: what starts a conversation."""

    words: tuple[str, ...] = ("okay_nabu",)
    """Names of built-in models, or paths of microWakeWord `.json` files; empty means push-to-talk only."""
    threshold: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    """Probability above which a word counts as heard; 0 takes each model's own."""
    push_to_talk: bool = True
    """Whether MQTT `listen` may start a conversation."""


class GateSettings(Section, frozen=True):
    """`[gate]`: when somebody counts as speaking."""

    vad_level: Annotated[int, msgspec.Meta(ge=0, le=3)] = 2
    preroll_ms: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 1_500
    """Audio from before the wake that is sent first; long enough to hold the wake word itself."""
    end_of_speech_ms: Annotated[int, msgspec.Meta(ge=100, le=3_000)] = 500
    max_utterance_s: Annotated[float, msgspec.Meta(ge=1.0, le=60.0)] = 15.0
    follow_up_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 6.0
    """How long after a reply one may go on without the wake word; 0 switches this off."""
    barge_in: Literal["off", "wake_word", "speech"] = "wake_word"
    echo_cancel: Literal["off"] = "off"


class RealtimeSettings(Section, frozen=True):
    """`[realtime]`: the speech-to-speech server."""

    url: str = "wss://api.openai.com/v1/realtime"
    """Full WebSocket address; `ws://` is allowed on loopback only, `ws+unix:///path` for a UNIX socket."""
    model: str = "gpt-realtime-2.1-mini"
    voice: str = "marin"
    instructions: str = INSTRUCTIONS
    headers: dict[str, str] = {}
    """Sent with the WebSocket's opening request; see `API_KEY_PLACEHOLDER`."""
    turn_detection: Literal["none", "server_vad", "semantic_vad"] = "none"
    """`none`: hearthd itself decides when an utterance ended, which saves the server's silence wait."""
    keep_warm: bool = True
    renew_after_minutes: Annotated[float, msgspec.Meta(gt=0.0, le=59.0)] = 50.0
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=4_096)] = 1_024
    context_tokens: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 8_000
    """Beyond so many tokens of conversation the server forgets the oldest; 0 leaves it to the server."""
    retention_ratio: Annotated[float, msgspec.Meta(ge=0.1, le=1.0)] = 0.8
    """How much of the conversation stays when the server forgets."""
    acknowledge: Literal["speech", "earcon", "auto"] = "auto"
    """How done is said: `auto` sounds a tone where devices confirmed a plain command, and speaks otherwise."""
    dialect: Literal["auto", "openai", "azure", "xai", "beta-style"] = "auto"
    """`auto` knows the server by its host."""
    noise_reduction: Literal["off", "near_field", "far_field"] = "far_field"
    """The server's own, before the model hears: `near_field` is for headsets."""
    transcription: str = ""
    """Model that writes down what is said, for people to read; it costs extra."""
    reasoning_effort: Literal["default", "minimal", "low", "medium", "high", "xhigh"] = "default"

    @property
    def authorizes_itself(self) -> bool:
        """Whether `headers` already tell the server who we are, so that no `Authorization` need be added."""
        return any(name.lower() in {"authorization", "api-key", "x-api-key"} for name in self.headers)


class BudgetSettings(Section, frozen=True):
    """`[budget]`: what may be spent; 0 sets no limit."""

    day_usd: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    month_usd: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    warn_percent: Percent = 80
    when_exhausted: Literal["offline", "refuse"] = "offline"
    prices: str = ""
    """A file with prices of the owner's own, which go before those that come with hearthd; empty: there is none."""


class MqttSettings(Section, frozen=True):
    """`[mqtt]`: the broker."""

    host: str = "localhost"
    """Empty switches MQTT off."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 1_883
    username: str = ""
    tls: bool = False
    tls_ca_file: str = ""
    """A private authority's certificate; empty trusts the system's."""
    base_topic: Annotated[str, msgspec.Meta(min_length=1)] = "hearthd"
    discovery_prefix: Annotated[str, msgspec.Meta(min_length=1)] = "homeassistant"


class PolicySettings(Section, frozen=True):
    """`[policy]`: what the code itself holds back, whatever the model wants."""

    confirm: tuple[str, ...] = ()
    """Device identifiers that act only after the person said so again in a second utterance."""


class OfflineSettings(Section, frozen=True):
    """`[offline]`: the embedded server."""

    enabled: bool = True
    """Whether it answers when there is no key, no connection, or nothing left to spend."""
    voice: str = "slt"
    """One of `FLITE_VOICES` or `ESPEAK_VOICES`."""
    speed: Annotated[float, msgspec.Meta(ge=0.5, le=2.0)] = 1.0
    """Times the voice's own."""
    pitch: Annotated[float, msgspec.Meta(ge=0.5, le=2.0)] = 1.0
    """Times the voice's own."""
    socket: str = ""
    """Absolute path of a UNIX socket on which it listens already.

    Empty takes that of the systemd unit, and where there is none, hearthd starts the server itself.
    """


class LogSettings(Section, frozen=True):
    """`[log]`: the journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    transcripts: bool = False
    """Whether what was said and answered may stand in the journal and on MQTT."""
