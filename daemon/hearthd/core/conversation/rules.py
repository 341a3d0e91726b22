"""The conversation's rules: what each event means in each phase, and the table that says so.

An unlisted pair of phase and event changes nothing but the facts.
"""

from collections.abc import Callable
from typing import Any

from hearthd.core.audio.earcons import Earcon
from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.facts import OVER_BUDGET
from hearthd.core.conversation.moves import Moves
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.events import InputCommitted, ResponseStatus, SessionReady

REPLY_CUT = "reply_cut"
"""The code under which the owner is told that an answer ended too early."""


def _on_wake(moves: Moves, event: ev.WakeHeard) -> None:
    moves.listen(event.word, event.frame)


def _on_listen(moves: Moves, _event: ev.ListenRequested) -> None:
    if moves.manners.push_to_talk:
        moves.listen("listen", None)
    else:
        moves.out.append(do.Complain("push_to_talk_off", "wake.push_to_talk is off, so `listen` does nothing"))


def _on_say(moves: Moves, _event: ev.SayRequested) -> None:
    moves.say_next()


def _on_follow_up_speech(moves: Moves, event: ev.SpeechStarted) -> None:
    if event.turn == 0:
        moves.listen("follow_up", event.frame, speaking=True)


def _on_ready_while_waking(moves: Moves, _event: SessionReady) -> None:
    if moves.facts.saying is not None:
        moves.speak()
    elif moves.facts.speech_over:
        moves.commit()
    else:
        moves.await_speech()


def _on_speech_begun(moves: Moves, event: ev.SpeechStarted) -> None:
    if event.turn == moves.turn:
        moves.note_speech()
        if moves.phase is Phase.LISTENING:
            moves.await_speech()


def _on_speech_over(moves: Moves, event: ev.SpeechEnded) -> None:
    if event.turn != moves.turn:
        return
    if moves.phase is Phase.WAKING:
        moves.facts.speech_over = moves.manners.manual_turns
    elif moves.manners.manual_turns:
        moves.commit()
    elif event.capped:
        moves.fail("no_end_of_speech", "the server never found the end of the utterance")


def _on_server_heard(moves: Moves, _event: ev.Event) -> None:
    if not moves.manners.manual_turns:
        moves.facts.uplink_open = False
        moves.out.append(do.CloseUplink(moves.turn))
        moves.await_answer()


def _on_server_hears(moves: Moves, _event: ev.ServerSpeechStarted) -> None:
    moves.note_speech()
    moves.await_speech()


def _on_link_gone_while_listening(moves: Moves, _event: ev.Event) -> None:
    if not moves.listen_again():
        moves.fail("link_lost", moves.facts.link_problem or "the connection broke off again and again")


def _on_other_server(moves: Moves, event: ev.ServerChosen) -> None:
    if event.anew:
        moves.await_session()


def _on_refused(moves: Moves, event: ev.LinkDenied) -> None:
    moves.fail("link_refused", event.problem)


def _on_link_lost(moves: Moves, event: ev.LinkLost) -> None:
    if not moves.send_again():
        moves.fail("link_lost", event.problem)


def _on_unreachable(moves: Moves, _event: ev.DeadlinePassed) -> None:
    problem = moves.facts.link_problem or "the server did not start a session in time"
    moves.fail("link_unavailable", problem)


def _on_listened_long_enough(moves: Moves, _event: ev.DeadlinePassed) -> None:
    if moves.facts.speech_begun:
        moves.fail("no_end_of_speech", "the end of the utterance was never found")
    else:
        moves.end(do.Outcome.NOTHING_SAID)


def _on_no_answer(moves: Moves, _event: ev.DeadlinePassed) -> None:
    facts = moves.facts
    if facts.ask_due:
        moves.ask()
    elif facts.unanswered and not facts.acknowledged and facts.sends == 1:
        moves.replace_session()
        moves.send_again()
    else:
        moves.fail("no_answer", "the server did not answer in time")


def _on_spoke_too_long(moves: Moves, _event: ev.DeadlinePassed) -> None:
    moves.fail("reply_too_long", "the reply did not come to an end")


def _on_stop(moves: Moves, _event: ev.StopRequested) -> None:
    moves.end(do.Outcome.STOPPED)


def _on_mute(moves: Moves, event: ev.MuteRequested) -> None:
    if event.muted and moves.facts.saying is None:
        moves.end(do.Outcome.MUTED)


def _on_microphone_lost(moves: Moves, event: ev.MicrophoneLost) -> None:
    if moves.facts.uplink_open and not moves.facts.speech_over:
        moves.fail("microphone_lost", event.problem)


def _on_playout(moves: Moves, _event: ev.PlayoutStarted) -> None:
    if moves.facts.speaker_lost is not None:
        moves.fail("speaker_lost", moves.facts.speaker_lost)
    elif moves.facts.playing:
        moves.enter(Phase.SPEAKING, moves.patience.speak_s)


def _on_playout_while_waking(moves: Moves, event: ev.PlayoutStarted) -> None:
    """Play what had come of the answer before its session was lost: it counts, so nothing is sent again."""
    if moves.facts.playing and not moves.facts.uplink_open:
        moves.facts.reply_broken = moves.facts.link_problem or "the session was given up"
        _on_playout(moves, event)


def _on_sign_of_life(moves: Moves, _event: ev.Event) -> None:
    moves.think(moves.patience.think_s)


def _on_response_over(moves: Moves, event: ev.ResponseEnded) -> None:
    if moves.facts.is_interrupted(event.response_id):
        return
    if event.status is ResponseStatus.FAILED:
        if not moves.is_refused(event) and not moves.ask_again(event):
            moves.fail(event.error_code or "response_failed", event.error_text or "the server could not answer")
    elif moves.facts.owed:
        _tell_cut(moves, event)
    elif _is_cut(moves, event) and not event.spoke:
        moves.fail(REPLY_CUT, _why_cut(event))
    else:
        _tell_cut(moves, event)
        moves.finish()


def _tell_cut(moves: Moves, event: ev.ResponseEnded) -> None:
    """Have the owner learn why a reply ended in the middle of a sentence."""
    if _is_cut(moves, event):
        moves.out.append(do.Complain(REPLY_CUT, _why_cut(event)))


def _is_cut(moves: Moves, event: ev.ResponseEnded) -> bool:
    return event.status is ResponseStatus.INCOMPLETE and not moves.facts.is_interrupted(event.response_id)


def _why_cut(event: ev.ResponseEnded) -> str:
    match event.reason:
        case "max_output_tokens":
            return (
                "the answer was cut off, because it became too long: realtime.max_output_tokens is the limit, "
                "and less where little of the budget is left"
            )
        case "content_filter":
            return "the server's content filter cut the answer off"
        case _:
            return f"the server cut the answer off: {event.reason or 'it did not say why'}"


def _on_denied(moves: Moves, event: ev.ResponseDenied) -> None:
    moves.fail(OVER_BUDGET, event.reason)


def _on_denied_while_speaking(moves: Moves, event: ev.ResponseDenied) -> None:
    moves.out.append(do.Complain(OVER_BUDGET, event.reason))


def _on_nothing_more(moves: Moves, _event: ev.FollowUpSpared) -> None:
    if not moves.facts.owed:
        moves.out.append(do.PlayEarcon(Earcon.DONE))
        moves.finish()


def _on_response_over_while_speaking(moves: Moves, event: ev.ResponseEnded) -> None:
    if event.status is ResponseStatus.FAILED and not moves.facts.is_interrupted(event.response_id):
        problem = event.error_text or "the server broke off its answer"
        moves.out.append(do.Complain(event.error_code or "response_failed", problem))
    else:
        _tell_cut(moves, event)


def _on_drained(moves: Moves, _event: ev.PlayoutDrained) -> None:
    if moves.facts.owed:
        moves.think(moves.patience.stall_s, anew=True)
    elif moves.facts.reply_broken is not None:
        moves.fail("link_lost", moves.facts.reply_broken)
    else:
        moves.finish()


def _on_barge_in(moves: Moves, event: ev.WakeHeard) -> None:
    if moves.manners.barge_in != "off":
        moves.turn_to_listening(event.word, event.frame)


def _on_wake_while_thinking(moves: Moves, event: ev.WakeHeard) -> None:
    moves.turn_to_listening(event.word, event.frame)


def _on_said_again(moves: Moves, event: ev.WakeHeard) -> None:
    if moves.facts.unanswered:
        moves.turn_to_listening(event.word, event.frame)


def _on_button_in_turn(moves: Moves, _event: ev.ListenRequested) -> None:
    if moves.manners.push_to_talk:
        moves.turn_to_listening("listen", None)


def _on_talked_over(moves: Moves, event: ev.SpeechStarted) -> None:
    if moves.manners.barge_in == "speech" and event.turn == 0:
        moves.turn_to_listening("barge_in", event.frame, speaking=True)


def _on_speaker_lost(moves: Moves, event: ev.SpeakerLost) -> None:
    moves.fail("speaker_lost", event.problem)


def _on_quiet_follow_up(moves: Moves, _event: ev.Event) -> None:
    moves.rest()


def _on_mute_in_follow_up(moves: Moves, event: ev.MuteRequested) -> None:
    if event.muted:
        moves.rest()


Rule = Callable[[Moves, Any], None]

RULES: dict[tuple[Phase, type], Rule] = {
    (Phase.IDLE, ev.WakeHeard): _on_wake,
    (Phase.IDLE, ev.ListenRequested): _on_listen,
    (Phase.IDLE, ev.SayRequested): _on_say,
    (Phase.WAKING, ev.WakeHeard): _on_said_again,
    (Phase.WAKING, SessionReady): _on_ready_while_waking,
    (Phase.WAKING, ev.SpeechStarted): _on_speech_begun,
    (Phase.WAKING, ev.SpeechEnded): _on_speech_over,
    (Phase.WAKING, ev.PlayoutStarted): _on_playout_while_waking,
    (Phase.WAKING, ev.ServerChosen): _on_other_server,
    (Phase.WAKING, ev.LinkDenied): _on_refused,
    (Phase.WAKING, ev.StopRequested): _on_stop,
    (Phase.WAKING, ev.MuteRequested): _on_mute,
    (Phase.WAKING, ev.MicrophoneLost): _on_microphone_lost,
    (Phase.WAKING, ev.DeadlinePassed): _on_unreachable,
    (Phase.LISTENING, ev.SpeechStarted): _on_speech_begun,
    (Phase.LISTENING, ev.SpeechEnded): _on_speech_over,
    (Phase.LISTENING, ev.ServerSpeechStarted): _on_server_hears,
    (Phase.LISTENING, ev.ServerSpeechStopped): _on_server_heard,
    (Phase.LISTENING, InputCommitted): _on_server_heard,
    (Phase.LISTENING, ev.LinkLost): _on_link_gone_while_listening,
    (Phase.LISTENING, ev.LinkConnecting): _on_link_gone_while_listening,
    (Phase.LISTENING, ev.LinkDenied): _on_refused,
    (Phase.LISTENING, ev.StopRequested): _on_stop,
    (Phase.LISTENING, ev.MuteRequested): _on_mute,
    (Phase.LISTENING, ev.MicrophoneLost): _on_microphone_lost,
    (Phase.LISTENING, ev.DeadlinePassed): _on_listened_long_enough,
    (Phase.THINKING, ev.PlayoutStarted): _on_playout,
    (Phase.THINKING, InputCommitted): _on_sign_of_life,
    (Phase.THINKING, ev.CallRequested): _on_sign_of_life,
    (Phase.THINKING, ev.CallAnswered): _on_sign_of_life,
    (Phase.THINKING, ev.ResponseBegan): _on_sign_of_life,
    (Phase.THINKING, ev.ResponseDenied): _on_denied,
    (Phase.THINKING, ev.ResponseEnded): _on_response_over,
    (Phase.THINKING, ev.FollowUpSpared): _on_nothing_more,
    (Phase.THINKING, ev.WakeHeard): _on_wake_while_thinking,
    (Phase.THINKING, ev.ListenRequested): _on_button_in_turn,
    (Phase.THINKING, ev.StopRequested): _on_stop,
    (Phase.THINKING, ev.LinkLost): _on_link_lost,
    (Phase.THINKING, ev.LinkDenied): _on_refused,
    (Phase.THINKING, ev.DeadlinePassed): _on_no_answer,
    (Phase.SPEAKING, ev.PlayoutDrained): _on_drained,
    (Phase.SPEAKING, ev.ResponseDenied): _on_denied_while_speaking,
    (Phase.SPEAKING, ev.ResponseEnded): _on_response_over_while_speaking,
    (Phase.SPEAKING, ev.WakeHeard): _on_barge_in,
    (Phase.SPEAKING, ev.ListenRequested): _on_button_in_turn,
    (Phase.SPEAKING, ev.SpeechStarted): _on_talked_over,
    (Phase.SPEAKING, ev.StopRequested): _on_stop,
    (Phase.SPEAKING, ev.SpeakerLost): _on_speaker_lost,
    (Phase.SPEAKING, ev.DeadlinePassed): _on_spoke_too_long,
    (Phase.FOLLOW_UP, ev.SpeechStarted): _on_follow_up_speech,
    (Phase.FOLLOW_UP, ev.WakeHeard): _on_wake,
    (Phase.FOLLOW_UP, ev.ListenRequested): _on_listen,
    (Phase.FOLLOW_UP, ev.SayRequested): _on_say,
    (Phase.FOLLOW_UP, ev.MuteRequested): _on_mute_in_follow_up,
    (Phase.FOLLOW_UP, ev.MicrophoneLost): _on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.StopRequested): _on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.LinkLost): _on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.LinkDenied): _on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.DeadlinePassed): _on_quiet_follow_up,
}
"""Every pair of phase and event that moves the conversation; all others only update the facts."""
