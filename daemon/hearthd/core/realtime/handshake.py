"""How a session starts: `session.created`, our update, `session.updated`; plainer tries if refused."""

from enum import Enum, auto

import msgspec
from msgspec import UNSET, UnsetType

from hearthd.core.realtime.client_messages import SessionUpdate
from hearthd.core.realtime.server_messages import ErrorBody
from hearthd.core.realtime.session import SessionPlan
from hearthd.core.realtime.wishes import COMFORTS, extras_of, session_update


class _Stage(Enum):
    WAITING = auto()
    UPDATING = auto()
    READY = auto()
    FAILED = auto()


class Handshake:
    """Brings one session from nothing to ready.

    Audio sent before that would be answered under the server's own settings, which then lock the voice.
    """

    def __init__(self, plan: SessionPlan, *, asks: bool = False) -> None:
        """Wait for `session.created`; with `asks`, every response is to be asked for by us."""
        self._plan = plan
        self._asks = asks
        self._stage = _Stage.WAITING
        self._without = frozenset[str]()

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
        return self._stage is _Stage.UPDATING

    @property
    def without(self) -> frozenset[str]:
        """What the server did not take and has to do without."""
        return self._without

    def created(self) -> SessionUpdate | None:
        """Take `session.created`; returns the update to send, None when it came twice."""
        if self._stage is not _Stage.WAITING:
            return None
        self._stage = _Stage.UPDATING
        return self._update()

    def refused(self, error: ErrorBody) -> SessionUpdate | None:
        """Take an error about the update; returns a plainer one, None when there is none left to try.

        A server refuses an update whole, so one setting unknown to it would lose the instructions too. What the
        error names goes first; if it names nothing that can go, all settings that not every server knows; then all
        that have a default.
        """
        if self._stage is not _Stage.UPDATING:
            return None
        extras = extras_of(self._plan)
        named = {name for name in (extras | COMFORTS) - self._without if name in f"{error.param} {error.message}"}
        dropped = next((group for group in (named, extras, COMFORTS) if group - self._without), None)
        if dropped is None:
            return None
        self._without |= dropped
        return self._update()

    def updated(self) -> bool:
        """Take `session.updated`; tells whether it makes the session ready."""
        if not self.updating:
            return False
        self._stage = _Stage.READY
        return True

    def fail(self) -> None:
        """Give the session up."""
        self._stage = _Stage.FAILED

    def _update(self) -> SessionUpdate:
        return session_update(self._plan, self._without, asks=self._asks)


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
    max_output_tokens: object = UNSET
    # What follows stands here in other layouts than today's.
    voice: object = UNSET
    turn_detection: _EchoedType | UnsetType | None = UNSET
    max_response_output_tokens: object = UNSET


_ECHO_DECODER = msgspec.json.Decoder(_Echo)

OUTPUT_LIMIT = "max_output_tokens"
"""The difference that money hangs on: the server would let responses grow beyond our limit."""


def differences(plan: SessionPlan, echoed: msgspec.Raw) -> dict[str, str]:
    """Compare the session that the server echoed with `plan`: setting -> what differs, in words.

    What a server leaves out of its echo, or shows in a shape of its own, is taken as granted.
    """
    try:
        echo = _ECHO_DECODER.decode(echoed)
    except (msgspec.DecodeError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for voice in (echo.audio.output.voice, echo.voice):
        if isinstance(voice, str) and voice != plan.voice:
            found["voice"] = f"asked for {plan.voice}, got {voice}"
    for detection in (echo.audio.input.turn_detection, echo.turn_detection):
        if not isinstance(detection, UnsetType):
            got = "none" if detection is None else detection.type
            if got != plan.turn_detection:
                found["turn_detection"] = f"asked for {plan.turn_detection}, got {got}"
    for limit in (echo.max_output_tokens, echo.max_response_output_tokens):
        if isinstance(limit, int | str) and limit != plan.max_output_tokens:
            found[OUTPUT_LIMIT] = f"asked for {plan.max_output_tokens}, got {limit}"
    if not isinstance(echo.tools, UnsetType):
        missing = sorted({tool.name for tool in plan.tools} - {tool.name for tool in echo.tools})
        if missing:
            found["tools"] = f"the server does not know {', '.join(missing)}"
    return found
