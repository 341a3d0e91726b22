"""How a session starts: `session.created`, our update, `session.updated`; a plainer try if refused."""

from enum import Enum, auto
from typing import assert_never

import msgspec
from msgspec import UNSET, UnsetType

from hearthd.core.realtime.client_messages import (
    AudioInput,
    AudioOutput,
    PcmAudio,
    SemanticVad,
    ServerVad,
    SessionAudio,
    SessionSettings,
    SessionUpdate,
)
from hearthd.core.realtime.session import SessionPlan


class _Stage(Enum):
    WAITING = auto()
    UPDATING = auto()
    UPDATING_PLAINLY = auto()
    READY = auto()
    FAILED = auto()


class Handshake:
    """Brings one session from nothing to ready.

    Audio sent before that would be answered under the server's own settings, which then lock the voice.
    """

    def __init__(self, plan: SessionPlan) -> None:
        """Wait for `session.created`."""
        self._plan = plan
        self._stage = _Stage.WAITING

    @property
    def ready(self) -> bool:
        """Whether our settings are in force."""
        return self._stage is _Stage.READY

    @property
    def failed(self) -> bool:
        """Whether the session is beyond hope."""
        return self._stage is _Stage.FAILED

    @property
    def updating(self) -> bool:
        """Whether an update is on its way, so that an error can only be about it."""
        return self._stage in {_Stage.UPDATING, _Stage.UPDATING_PLAINLY}

    def created(self) -> SessionUpdate | None:
        """Take `session.created`; returns the update to send, None when it came twice."""
        if self._stage is not _Stage.WAITING:
            return None
        self._stage = _Stage.UPDATING
        return _whole_update(self._plan)

    def refused(self) -> SessionUpdate | None:
        """Take an error about the update; returns a plainer one, None when there is none left to try.

        A server refuses an update whole, so one setting unknown to it would lose the instructions too.
        """
        if self._stage is not _Stage.UPDATING:
            return None
        self._stage = _Stage.UPDATING_PLAINLY
        return _plain_update(self._plan)

    def updated(self) -> bool:
        """Take `session.updated`; tells whether it makes the session ready."""
        if not self.updating:
            return False
        self._stage = _Stage.READY
        return True

    def fail(self) -> None:
        """Give the session up."""
        self._stage = _Stage.FAILED


def _whole_update(plan: SessionPlan) -> SessionUpdate:
    return SessionUpdate(
        session=SessionSettings(
            instructions=plan.instructions,
            audio=SessionAudio(
                input=AudioInput(turn_detection=_turn_detection(plan), format=PcmAudio()),
                output=AudioOutput(voice=plan.voice),
            ),
            tools=plan.tools,
            output_modalities=("audio",),
            max_output_tokens=plan.max_output_tokens,
        )
    )


def _plain_update(plan: SessionPlan) -> SessionUpdate:
    """Ask only for what the house needs: instructions, functions, and who finds the end of speech."""
    return SessionUpdate(
        session=SessionSettings(
            instructions=plan.instructions,
            audio=SessionAudio(input=AudioInput(turn_detection=_turn_detection(plan))),
            tools=plan.tools,
        )
    )


def _turn_detection(plan: SessionPlan) -> ServerVad | SemanticVad | None:
    match plan.turn_detection:
        case "none":
            return None
        case "server_vad":
            return ServerVad(silence_duration_ms=plan.end_of_speech_ms)
        case "semantic_vad":
            return SemanticVad()
        case _:
            assert_never(plan.turn_detection)


class _EchoedType(msgspec.Struct, frozen=True):
    type: str = ""


class _EchoedInput(msgspec.Struct, frozen=True):
    turn_detection: _EchoedType | UnsetType | None = UNSET


class _EchoedOutput(msgspec.Struct, frozen=True):
    voice: object = UNSET


class _EchoedAudio(msgspec.Struct, frozen=True):
    input: _EchoedInput = _EchoedInput()
    output: _EchoedOutput = _EchoedOutput()


class _EchoedTool(msgspec.Struct, frozen=True):
    name: str = ""


class _Echo(msgspec.Struct, frozen=True):
    audio: _EchoedAudio = _EchoedAudio()
    tools: tuple[_EchoedTool, ...] | UnsetType = UNSET


_ECHO_DECODER = msgspec.json.Decoder(_Echo)


def differences(plan: SessionPlan, echoed: msgspec.Raw) -> dict[str, str]:
    """Compare the session that the server echoed with `plan`: setting -> what differs, in words.

    What a server leaves out of its echo, or shows in a shape of its own, is taken as granted.
    """
    try:
        echo = _ECHO_DECODER.decode(echoed)
    except (msgspec.DecodeError, RecursionError):
        return {}
    found: dict[str, str] = {}
    voice = echo.audio.output.voice
    if isinstance(voice, str) and voice != plan.voice:
        found["voice"] = f"asked for {plan.voice}, got {voice}"
    detection = echo.audio.input.turn_detection
    if not isinstance(detection, UnsetType):
        got = "none" if detection is None else detection.type
        if got != plan.turn_detection:
            found["turn_detection"] = f"asked for {plan.turn_detection}, got {got}"
    if not isinstance(echo.tools, UnsetType):
        missing = sorted({tool.name for tool in plan.tools} - {tool.name for tool in echo.tools})
        if missing:
            found["tools"] = f"the server does not know {', '.join(missing)}"
    return found
