"""Asks for the next response when one is due, as far as it is allowed."""

from hearthd.core.realtime.allowance import Allow, AskKind, ContextSize, Denied
from hearthd.core.realtime.calls import CallBook
from hearthd.core.realtime.client_messages import InputText, ItemCreate, Message
from hearthd.core.realtime.context import ContextTally
from hearthd.core.realtime.events import FollowUpSpared, ResponseDenied
from hearthd.core.realtime.outbox import Outbox
from hearthd.core.realtime.responses import Ask, Response, Sequencer
from hearthd.core.realtime.session import SessionPlan
from hearthd.core.realtime.wishes import reply, say_exactly, speech

BRIEF_BELOW_TOKENS = 320
"""A reply of 13 s; one that may not even have so many would often be cut in the middle of a sentence."""
BE_BRIEF = "From now on, answer in one short sentence."


class Asker:
    """The only place that asks for a response, so that none is made which the budget did not allow."""

    def __init__(
        self,
        plan: SessionPlan,
        outbox: Outbox,
        calls: CallBook,
        sequencer: Sequencer,
        tally: ContextTally,
        allow: Allow | None,
    ) -> None:
        """Report to and send through `outbox`; without `allow`, everything is allowed."""
        self._plan = plan
        self._outbox = outbox
        self._calls = calls
        self._sequencer = sequencer
        self._tally = tally
        self._allow = allow
        self._limit_in_force: int | None = plan.max_output_tokens
        self._is_brief = False
        """Whether the model knows that there is not much to be said any more."""

    def distrust_limit(self) -> None:
        """Note that the session does not limit its responses as planned, so each has to be limited by itself."""
        self._limit_in_force = None

    def ask(self) -> None:
        """Ask for the next response if one is due and allowed; what is denied is forgotten and reported."""
        settled = self._calls.settle()
        if settled.due:
            self._sequencer.want(AskKind.FOLLOW_UP)
        for response_id in settled.spared:
            self._outbox.report(FollowUpSpared(response_id))
        while ask := self._sequencer.next_ask():
            if self._is_sent(ask):
                return

    def begin(self, response: Response) -> bool:
        """Note what a response that just began reads; tells whether it may go on.

        Where the server answers by itself, this is the first moment to deny it.
        """
        response.context = self._context(response.ask)
        if response.in_conversation:
            response.input_audio_ms = self._tally.take_unanswered_ms()
        if response.asked or self._allow is None:
            return True
        allowance = self._allow(response.ask.kind, response.context)
        if isinstance(allowance, Denied) and not response.cancelled:
            self._outbox.report(ResponseDenied(response.ask.kind, allowance.reason))
            return False
        return True

    def _is_sent(self, ask: Ask) -> bool:
        limit = self._plan.max_output_tokens
        if self._allow is not None:
            allowance = self._allow(ask.kind, self._context(ask))
            if isinstance(allowance, Denied):
                self._outbox.report(ResponseDenied(ask.kind, allowance.reason))
                return False
            limit = min(limit, allowance.max_output_tokens)
            self._keep_brief(ask, limit)
        told = limit if limit != self._limit_in_force and self._plan.dialect.limits_output else None
        dialect = self._plan.dialect
        wish = speech(dialect, ask.text, told) if ask.kind is AskKind.SPEECH else reply(dialect, told)
        self._sequencer.sent(ask, self._outbox.send(wish))
        return True

    def _keep_brief(self, ask: Ask, limit: int) -> None:
        """Tell the model once that its replies have to be short, because otherwise it does not know before the end."""
        if limit < min(BRIEF_BELOW_TOKENS, self._plan.max_output_tokens) and ask.kind is not AskKind.SPEECH:
            if not self._is_brief:
                self._outbox.send(ItemCreate(item=Message(role="system", content=(InputText(BE_BRIEF),))))
                self._tally.add_text(BE_BRIEF)
            self._is_brief = True

    def _context(self, ask: Ask) -> ContextSize:
        """Return what a response reads: an aside nothing but its instructions, any other the conversation."""
        if ask.kind is not AskKind.SPEECH:
            return self._tally.size
        tally = ContextTally(say_exactly(ask.text))
        return tally.size if self._plan.dialect.asides else self._tally.size
