"""The three small machines' states, what is allowed to take how long, and what of it is shown outside."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Phase(StrEnum):
    """Where the conversation stands."""

    IDLE = "idle"
    WAKING = "waking"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    FOLLOW_UP = "follow_up"


class Link(StrEnum):
    """How the connection to the Realtime server stands."""

    DOWN = "down"
    CONNECTING = "connecting"
    READY = "ready"
    REFUSED = "refused"


class Mic(StrEnum):
    """Whether the microphone may be open."""

    LIVE = "live"
    MUTED = "muted"


class Shown(StrEnum):
    """The one word that LEDs and the house see."""

    IDLE = "idle"
    WAKING = "waking"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    FOLLOW_UP = "follow_up"
    MUTED = "muted"
    OFFLINE = "offline"


def shown(phase: Phase, link: Link, mic: Mic, *, trouble: bool) -> Shown:
    """Derive what is shown: a conversation under way wins, then mute, then a link in `trouble`, then rest.

    A link that is down without trouble is one that opens on the next wake.
    """
    if phase is not Phase.IDLE:
        return Shown(phase.value)
    if mic is Mic.MUTED:
        return Shown.MUTED
    if trouble and link is not Link.READY:
        return Shown.OFFLINE
    return Shown.IDLE


@dataclass(frozen=True, slots=True)
class Manners:
    """What the owner chose about conversations."""

    barge_in: Literal["off", "wake_word", "speech"] = "wake_word"
    follow_up_s: float = 6.0
    max_utterance_s: float = 15.0
    manual_turns: bool = True
    """Whether hearthd ends the utterance; otherwise the server's voice detection does."""
    push_to_talk: bool = True


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each phase may last, in seconds."""

    connect_s: float = 10.0
    """A wake waits this long for the link; handshake and session start take about 2 s from far away."""
    listen_s: float = 6.0
    """From the wake to the first word."""
    endpoint_grace_s: float = 2.0
    """Beyond the utterance cap, before a missing end of speech counts as a fault."""
    first_sign_s: float = 12.0
    """From the commit to the first sign of life; then a fresh session is asked, which gets `think_s`."""
    think_s: float = 25.0
    """From the last sign of life to the next; tool turns of slow models take about 5 s."""
    silence_s: float = 90.0
    """From the commit, or the last sound of a reply, to the next sound, however many signs of life there are: some
    models call functions for ever."""
    stall_s: float = 15.0
    """The same when a reply stops in its middle."""
    speak_s: float = 600.0
    """As much speech as the jitter buffer holds."""


SENDS_MAX = 3
"""How often one utterance is sent, each time because nothing of an answer came back: a server may die of it."""
BEGINNINGS_MAX = 8
"""How many sessions get the beginning of one utterance: a network that comes and goes takes a few, a server that dies
of the sound would take any number."""
ASKED_WAIT_MAX_S = 8.0
"""A server that asks for a pause gets this much of it; beyond, whoever waits is told."""
SAYS_WAITING_MAX = 4
"""Texts that may wait to be spoken; more would talk about the past."""
