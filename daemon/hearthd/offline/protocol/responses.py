"""The responses of one session: which begin, what each answers, and when it must wait for what was said."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from hearthd.offline.mind.dialogue import Ask, Call, Dialogue, Reply, Say, spoken_text
from hearthd.offline.parts import Heard
from hearthd.offline.protocol import limits
from hearthd.offline.protocol.conversation import (
    Answer,
    AnyItem,
    CallOutput,
    FunctionCall,
    UserSpeech,
    UserText,
    item_of,
)
from hearthd.offline.protocol.desk import Desk
from hearthd.offline.protocol.given import Reference, ResponseWish
from hearthd.offline.protocol.refused import Refused
from hearthd.offline.protocol.run import Manner, Reason, Run
from hearthd.offline.protocol.settings import check_format, offered_tools

NOTHING_TO_ANSWER = "I am listening."
"""Said when a response is asked for, and nobody has said anything that has no answer yet."""
CALLS_FORBIDDEN = "I may not do that now."
"""Said in place of calls that the client does not want."""


@dataclass(slots=True)
class _Waiting:
    """A response whose answer depends on what somebody said."""

    run: Run
    dialogue: Dialogue
    may_call: bool
    speech: UserSpeech


class Responses:
    """At most one response in the conversation, and a few beside it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._conversation_id = desk.new_id("conv")
        self._runs: dict[str, Run] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._hearing: dict[int, UserSpeech] = {}
        self._called: list[str] = []
        """The ids of the calls that were asked for last, in order."""

    @property
    def active(self) -> Run | None:
        """The response in the conversation that is under way."""
        return next((run for run in self._runs.values() if run.in_conversation), None)

    def listen(self, speech: UserSpeech, job: int | None = None) -> None:
        """Learn what `speech` is from `job`, or from a new one."""
        self._hearing[self._desk.listen_to(speech.pcm) if job is None else job] = speech

    def create(self, wish: ResponseWish, now: datetime) -> None:
        """Begin a response. Raises `Refused`."""
        beside = wish.conversation == "none"
        if not beside and (active := self.active):
            text = (
                f"Conversation already has an active response in progress: {active.id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise Refused("conversation_already_has_active_response", text)
        if beside and len(self._runs) > limits.MOST_OUT_OF_BAND:
            raise Refused("rate_limit_exceeded", "Too many responses at once: wait until one of them is done.")
        manner = self._manner(wish, beside=beside)
        tools = None if wish.tools is None else offered_tools(wish.tools)
        context = self._context(wish)
        run = Run(self._desk, manner)
        self._runs[run.id] = run
        exactly = spoken_text(wish.instructions) if wish.instructions else None
        if exactly is not None:
            run.say(exactly)
        else:
            own = tools is not None or beside
            dialogue = self._desk.other_dialogue(tools, wish.instructions) if own else self._desk.dialogue
            choice = self._desk.session.tool_choice if wish.tool_choice is None else wish.tool_choice
            self._answer(run, dialogue, context, now, may_call=choice != "none")
        self._sweep()

    def cancel(self, response_id: str | None) -> None:
        """Break a response off, by default the one in the conversation. Raises `Refused` if there is none."""
        run = self.active if response_id is None else self._runs.get(response_id)
        if run is None:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        self._break_off(run, "client_cancelled")

    def interrupt(self) -> None:
        """Break off what is said in the conversation, because somebody speaks."""
        if run := self.active:
            self._break_off(run, "turn_detected")

    def hear(self, job: int, heard: Heard) -> UserSpeech | None:
        """Take what somebody said, and return whose words they are; None when nobody wants to know any more."""
        speech = self._hearing.pop(job, None)
        if speech is not None:
            speech.heard = heard
        return speech

    def go_on(self, speech: UserSpeech, now: datetime) -> None:
        """Answer where an answer waited for `speech`, which is known now."""
        for waiting in self._released(speech):
            self._reply(waiting, now)
        self._sweep()

    def fail_hearing(self, job: int, problem: str) -> UserSpeech | None:
        """Take that nobody will know what was said; whatever waited for it fails."""
        speech = self._hearing.pop(job, None)
        if speech is None:
            return None
        speech.failed = problem
        for waiting in self._released(speech):
            waiting.run.fail(problem)
        self._sweep()
        return speech

    def speak(self, job: int, pcm: bytes) -> None:
        """Take a piece of speech; what nobody waits for any more is dropped."""
        if run := self._speaker(job):
            run.hear_piece(pcm)
            self._sweep()

    def end_speech(self, job: int) -> None:
        """Take that all was spoken."""
        if run := self._speaker(job):
            run.finish()
            self._sweep()

    def fail_speech(self, job: int, problem: str) -> None:
        """Take that no more can be spoken."""
        if run := self._speaker(job):
            run.fail(problem)
            self._sweep()

    def _answer(self, run: Run, dialogue: Dialogue, context: list[AnyItem], now: datetime, *, may_call: bool) -> None:
        """Answer the last that has no answer yet: what a user said, else what calls brought."""
        news = _unanswered(context)
        said = next((item for item in reversed(news) if isinstance(item, UserText | UserSpeech)), None)
        outputs = [item for item in news if isinstance(item, CallOutput)]
        if run.in_conversation:
            for item in news:
                item.answered = True
        match said:
            case UserSpeech(heard=None, failed=""):
                self._waiting[run.id] = _Waiting(run, dialogue, may_call, said)
            case UserSpeech(failed=problem) if problem:
                run.fail(problem)
            case UserSpeech():
                self._reply(_Waiting(run, dialogue, may_call, said), now)
            case UserText():
                self._carry_out(run, dialogue.hear(said.text, now), may_call=may_call)
            case None if outputs:
                places = {call_id: place for place, call_id in enumerate(self._called)}
                known = {places[item.call_id]: item.output for item in outputs if item.call_id in places}
                run.say(dialogue.answered(known).text)
            case None:
                run.say(NOTHING_TO_ANSWER)
            case _:
                assert_never(said)

    def _reply(self, waiting: _Waiting, now: datetime) -> None:
        assert waiting.speech.heard is not None, "nobody answers what is not known"
        self._carry_out(waiting.run, waiting.dialogue.hear(waiting.speech.heard, now), may_call=waiting.may_call)

    def _carry_out(self, run: Run, reply: Reply, *, may_call: bool) -> None:
        match reply:
            case Say(text=text) | Ask(text=text):
                run.say(text)
            case Call(calls=calls):
                if not may_call:
                    run.say(CALLS_FORBIDDEN)
                    return
                called = run.call(calls)
                if run.in_conversation:
                    self._called = called
            case _:
                assert_never(reply)

    def _context(self, wish: ResponseWish) -> list[AnyItem]:
        """Return what a response answers: the conversation, or what it brings itself. Raises `Refused`."""
        if wish.input is None:
            return list(self._desk.conversation.items)
        context: list[AnyItem] = []
        for entry in wish.input:
            if isinstance(entry, Reference):
                context.append(self._desk.conversation.get(entry.id, "retrieve"))
                continue
            item = item_of(entry, self._desk.new_id("item"), self._desk.new_id("call"))
            if isinstance(item, UserSpeech):
                self.listen(item)
            context.append(item)
        return context

    def _manner(self, wish: ResponseWish, *, beside: bool) -> Manner:
        session = self._desk.session
        output = wish.audio.output if wish.audio else None
        if output is not None:
            check_format(output.format, "response.audio.output.format")
        metadata = wish.metadata or {}
        for key, value in metadata.items():
            if len(key) > limits.METADATA_KEY_CHARACTERS or len(value) > limits.METADATA_VALUE_CHARACTERS:
                raise Refused("string_above_max_length", f"Metadata '{key[:64]}' is too long.", "response.metadata")
        return Manner(
            modalities=wish.output_modalities or session.output_modalities,
            max_output_tokens=wish.max_output_tokens or session.max_output_tokens,
            voice=(output.voice if output else None) or session.audio.output.voice,
            speed=session.audio.output.speed,
            metadata=wish.metadata,
            conversation_id=None if beside else self._conversation_id,
        )

    def _break_off(self, run: Run, reason: Reason) -> None:
        self._waiting.pop(run.id, None)
        run.cancel(reason)
        self._sweep()

    def _released(self, speech: UserSpeech) -> list[_Waiting]:
        """Return those that waited for `speech`, no longer waiting."""
        ready = [waiting for waiting in self._waiting.values() if waiting.speech is speech]
        for waiting in ready:
            del self._waiting[waiting.run.id]
        return ready

    def _speaker(self, job: int) -> Run | None:
        return next((run for run in self._runs.values() if run.job == job), None)

    def _sweep(self) -> None:
        """Forget what is over."""
        for run in [run for run in self._runs.values() if run.over]:
            del self._runs[run.id]


def _unanswered(context: list[AnyItem]) -> list[UserText | UserSpeech | CallOutput]:
    """Return what came after the last thing that the server made, and was never answered.

    An answer may be deleted since, because nobody heard it; what it answered must not act a second time.
    """
    news: list[UserText | UserSpeech | CallOutput] = []
    for item in reversed(context):
        if isinstance(item, Answer | FunctionCall):
            break
        if not item.answered and not (isinstance(item, UserText) and item.system):
            news.insert(0, item)
    return news
