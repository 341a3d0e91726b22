"""Which events move nothing in which phase, written down by hand: a new rule or a lost one must be meant."""

import typing

from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Phase
from hearthd.core.conversation.rules import RULES

FACTS_ONLY = {"BudgetJudged", "SpeechCut", "SpeakerFound", "MicrophoneFound"}
"""Never a rule of any phase: what they say is noted, whatever goes on."""

IGNORED = {
    Phase.IDLE: {
        "StopRequested", "MuteRequested", "SpeechStarted", "SpeechEnded", "MicrophoneLost", "PlayoutStarted",
        "PlayoutDrained", "SpeakerLost", "LinkConnecting", "LinkLost", "LinkDenied", "SessionReady",
        "InputCommitted", "ServerSpeechStarted", "ServerSpeechStopped", "ResponseBegan", "ResponseEnded",
        "CallRequested", "CallAnswered", "DeadlinePassed",
        "ServerChosen",
        "ResponseDenied", "FollowUpSpared",
    },
    Phase.WAKING: {
        "ListenRequested", "SayRequested", "PlayoutDrained", "SpeakerLost",
        "LinkConnecting", "LinkLost", "InputCommitted", "ServerSpeechStarted", "ServerSpeechStopped",
        "ResponseBegan", "ResponseEnded", "CallRequested", "CallAnswered",
        "ResponseDenied", "FollowUpSpared",
    },
    Phase.LISTENING: {
        "WakeHeard", "ListenRequested", "SayRequested", "PlayoutStarted", "PlayoutDrained", "SpeakerLost",
        "SessionReady", "ResponseBegan", "ResponseEnded", "CallRequested", "CallAnswered",
        "ServerChosen",
        "ResponseDenied", "FollowUpSpared",
    },
    Phase.THINKING: {
        "SayRequested", "MuteRequested", "SpeechStarted", "SpeechEnded", "MicrophoneLost", "PlayoutDrained",
        "SpeakerLost", "LinkConnecting", "SessionReady", "ServerSpeechStarted", "ServerSpeechStopped",
        "ServerChosen",
    },
    Phase.SPEAKING: {
        "SayRequested", "MuteRequested", "SpeechEnded", "MicrophoneLost", "PlayoutStarted", "LinkConnecting",
        "LinkLost", "LinkDenied", "SessionReady", "InputCommitted", "ServerSpeechStarted", "ServerSpeechStopped",
        "ResponseBegan", "CallRequested", "CallAnswered",
        "ServerChosen",
        "FollowUpSpared",
    },
    Phase.FOLLOW_UP: {
        "SpeechEnded", "PlayoutStarted", "PlayoutDrained", "SpeakerLost", "LinkConnecting", "SessionReady",
        "InputCommitted", "ServerSpeechStarted", "ServerSpeechStopped", "ResponseBegan", "ResponseEnded",
        "CallRequested", "CallAnswered",
        "ServerChosen",
        "ResponseDenied", "FollowUpSpared",
    },
}  # fmt: skip


def test_the_ignored_pairs_are_exactly_these() -> None:
    """Every pair of phase and event has a rule or stands in the list above, never both."""
    kinds = {kind.__name__ for kind in typing.get_args(ev.Event)}
    ruled = {(phase, kind.__name__) for phase, kind in RULES}
    unruled = {phase: {name for name in kinds if (phase, name) not in ruled} for phase in Phase}
    assert unruled == {phase: names | FACTS_ONLY for phase, names in IGNORED.items()}
