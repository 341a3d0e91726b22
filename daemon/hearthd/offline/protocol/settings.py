"""The session as it is in force: what `session.created` shows, and how an update changes it."""

from typing import Final, Literal, TypeVar, assert_never

import msgspec
from msgspec import UNSET, UnsetType

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.protocol import given
from hearthd.offline.protocol.refused import Refused

T = TypeVar("T")

OWN_MODEL: Final = "hearthd-offline"
"""The model of a session whose address names none; whatever it names, the same engine answers."""
EAGERNESS_SILENCE_MS: Final = {"low": 1_000, "medium": 600, "auto": 600, "high": 400}
"""Silence that ends speech under `semantic_vad`. There is no judge of meaning here, only patience."""


class Pcm(msgspec.Struct, frozen=True, tag_field="type", tag="audio/pcm"):
    """PCM16 little-endian mono at 24 kHz."""

    rate: int = LINK_RATE_HZ


class ServerVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Turns by how voiced and how loud the sound is."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    idle_timeout_ms: None = None
    """Shown as off whatever was asked for: nobody is called back to a conversation with an empty house."""
    create_response: bool = True
    interrupt_response: bool = True

    @property
    def silence_ms(self) -> int:
        """Silence that ends speech."""
        return self.silence_duration_ms


class SemanticVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """Turns by the same detector, with the patience that `eagerness` asks for."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    @property
    def threshold(self) -> float:
        """As `ServerVad` has it by default."""
        return ServerVad().threshold

    @property
    def prefix_padding_ms(self) -> int:
        """As `ServerVad` has it by default."""
        return ServerVad().prefix_padding_ms

    @property
    def silence_ms(self) -> int:
        """Silence that ends speech."""
        return EAGERNESS_SILENCE_MS[self.eagerness]


TurnDetection = ServerVad | SemanticVad


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """How the server hears."""

    format: Pcm = Pcm()
    noise_reduction: given.NoiseReduction | None = None
    transcription: given.Transcription | None = None
    turn_detection: TurnDetection | None = ServerVad()


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """How the server speaks."""

    format: Pcm = Pcm()
    voice: str | given.Voice = "marin"
    """Echoed as asked for; the one voice that is installed speaks for all of them."""
    speed: float = 1.0


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """Both directions of sound."""

    input: Input = Input()
    output: Output = Output()


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is in force."""

    type: Literal["realtime"] = "realtime"
    object: Literal["realtime.session"] = "realtime.session"
    id: str
    model: str
    expires_at: int
    """In seconds of the epoch."""
    output_modalities: tuple[given.Modality, ...] = ("audio",)
    instructions: str = "You run this house."
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: given.ToolChoice = "auto"
    max_output_tokens: int | Literal["inf"] = "inf"
    tracing: Literal["auto"] | given.Tracing | None = None
    truncation: Literal["auto", "disabled"] | given.Retention = "auto"
    include: tuple[str, ...] | None = None
    prompt: None = None
    parallel_tool_calls: bool | UnsetType = UNSET
    reasoning: given.Reasoning | UnsetType = UNSET
    audio: Audio = Audio()


def merged(session: Session, patch: given.SessionPatch, *, has_spoken: bool) -> Session:
    """Return `session` with `patch` in it; null brings a default back, a model is taken as a mere name.

    `has_spoken` tells whether the session produced sound, which locks the voice. Raises `Refused`, and then nothing of
    the patch may be used.
    """
    if session.tracing is not None and not isinstance(patch.tracing, UnsetType):
        raise Refused("invalid_value", "Tracing cannot be changed once it is on.", "session.tracing")
    if not isinstance(patch.tools, UnsetType):
        _check_names(patch.tools or (), "session.tools")
    audio = patch.audio or given.AudioPatch()
    tools = session.tools if isinstance(patch.tools, UnsetType) else tuple(tool.offered() for tool in patch.tools or ())
    return Session(
        id=session.id,
        model=session.model,
        expires_at=session.expires_at,
        tools=tools,
        output_modalities=_chosen(patch.output_modalities, session.output_modalities, ("audio",)),
        instructions=_chosen(patch.instructions, session.instructions, ""),
        tool_choice=_chosen(patch.tool_choice, session.tool_choice, "auto"),
        max_output_tokens=_chosen(patch.max_output_tokens, session.max_output_tokens, "inf"),
        tracing=session.tracing if isinstance(patch.tracing, UnsetType) else patch.tracing,
        truncation=_chosen(patch.truncation, session.truncation, "auto"),
        include=session.include if isinstance(patch.include, UnsetType) else patch.include,
        parallel_tool_calls=_known(patch.parallel_tool_calls, session.parallel_tool_calls),
        reasoning=_known(patch.reasoning, session.reasoning),
        audio=Audio(
            input=_input(session.audio.input, audio.input or given.InputPatch()),
            output=_output(session.audio.output, audio.output or given.OutputPatch(), has_spoken=has_spoken),
        ),
    )


def offered_tools(tools: tuple[given.Tool, ...]) -> tuple[FunctionTool, ...]:
    """Return the tools of one response. Raises `Refused` when two have the same name."""
    _check_names(tools, "response.tools")
    return tuple(tool.offered() for tool in tools)


def check_format(wanted: given.Format | None, param: str) -> None:
    """Raise `Refused` unless `wanted` is PCM16 at 24 kHz."""
    if wanted is None:
        return
    if wanted.type != "audio/pcm":
        raise Refused("invalid_value", "This server speaks and hears 'audio/pcm' only.", f"{param}.type")
    if wanted.rate not in {None, LINK_RATE_HZ}:
        raise Refused("invalid_value", f"The rate of PCM is {LINK_RATE_HZ} Hz.", f"{param}.rate")


def _check_names(tools: tuple[given.Tool, ...], param: str) -> None:
    names = set[str]()
    for index, tool in enumerate(tools):
        if tool.name in names:
            raise Refused("invalid_value", f"There are two tools '{tool.name}'.", f"{param}[{index}].name")
        names.add(tool.name)


def _input(current: Input, patch: given.InputPatch) -> Input:
    if isinstance(patch.format, given.Format):
        check_format(patch.format, "session.audio.input.format")
    detection = current.turn_detection
    if not isinstance(patch.turn_detection, UnsetType):
        detection = None if patch.turn_detection is None else _detection(patch.turn_detection)
    noise_reduction, transcription = patch.noise_reduction, patch.transcription
    return Input(
        noise_reduction=current.noise_reduction if isinstance(noise_reduction, UnsetType) else noise_reduction,
        transcription=current.transcription if isinstance(transcription, UnsetType) else transcription,
        turn_detection=detection,
    )


def _detection(patch: given.ServerVad | given.SemanticVad) -> TurnDetection:
    """Fill what is left out with the defaults: a detection that is sent replaces the one before."""
    wanted = {name: getattr(patch, name) for name in patch.__struct_fields__ if getattr(patch, name) is not None}
    match patch:
        case given.ServerVad():
            wanted.pop("idle_timeout_ms", None)
            return ServerVad(**wanted)
        case given.SemanticVad():
            return SemanticVad(**wanted)
        case _:
            assert_never(patch)


def _output(current: Output, patch: given.OutputPatch, *, has_spoken: bool) -> Output:
    if isinstance(patch.format, given.Format):
        check_format(patch.format, "session.audio.output.format")
    voice = _chosen(patch.voice, current.voice, Output().voice)
    if has_spoken and voice != current.voice:
        text = "Cannot update a conversation's voice if assistant audio is present."
        raise Refused("cannot_update_voice", text, "session.audio.output.voice")
    return Output(voice=voice, speed=_chosen(patch.speed, current.speed, 1.0))


def _chosen(wanted: T | UnsetType | None, current: T, default: T) -> T:
    """Return what a field becomes: absent leaves it, null brings the default back."""
    if isinstance(wanted, UnsetType):
        return current
    return default if wanted is None else wanted


def _known(wanted: T | UnsetType | None, current: T | UnsetType) -> T | UnsetType:
    """Return what a field without a default becomes: null leaves it as well."""
    return current if wanted is None or isinstance(wanted, UnsetType) else wanted
