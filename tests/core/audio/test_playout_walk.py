"""Jitter buffer and ledger together, by random walks: nothing is lost, and what is called heard was heard."""

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hearthd.core.audio.jitter import JitterBuffer
from hearthd.core.audio.ledger import HeardPart, PlayoutLedger, ReplyPart

RATE_HZ = 24_000


@dataclass(slots=True)
class Account:
    """What the walk itself knows of a part."""

    sent: bytearray = field(default_factory=bytearray)
    played: bytearray = field(default_factory=bytearray)
    complete: bool = False


class Playout(RuleBasedStateMachine):
    """A server that sends, a card with a buffer of its own that plays, and a person who interrupts."""

    def __init__(self) -> None:
        super().__init__()
        self.jitter: JitterBuffer[ReplyPart] = JitterBuffer(RATE_HZ)
        self.ledger = PlayoutLedger(RATE_HZ)
        self.now_s = 0.0
        self.parts = 0
        self.accounts: dict[ReplyPart, Account] = {}
        self.card: list[ReplyPart] = []
        """The part of each frame that the card has not played yet."""
        self.heard: dict[ReplyPart, int] = defaultdict(int)
        self.heard_frames = 0

    @property
    def newest(self) -> ReplyPart:
        """The part that the server is sending."""
        return ReplyPart("resp", f"item_{self.parts}", 0)

    @rule(size=st.integers(0, 4_001), gap_ms=st.integers(0, 300))
    def send(self, size: int, gap_ms: int) -> None:
        """A delta of any size, odd ones included, after any gap."""
        self.now_s += gap_ms / 1000
        account = self.accounts.setdefault(self.newest, Account())
        pcm = bytes((len(account.sent) + at) % 251 for at in range(size))
        account.sent += pcm
        self.ledger.received(self.newest, self.jitter.push(self.newest, pcm, self.now_s))

    @rule()
    def complete(self) -> None:
        """The part is over; the next delta belongs to another."""
        self.jitter.finish(self.newest)
        self.ledger.finish(self.newest)
        if self.newest in self.accounts:
            self.accounts[self.newest].complete = True
        self.parts += 1

    @rule(frames=st.integers(1, 3_000))
    def pull(self, frames: int) -> None:
        """The card takes sound; what is pulled continues what was pulled of that part before."""
        pieces = self.jitter.pull(frames)
        assert sum(len(piece.pcm) for piece in pieces) <= 2 * frames
        for piece in pieces:
            assert len(piece.pcm) % 2 == 0 < len(piece.pcm)
            self.accounts[piece.key].played += piece.pcm
            self.ledger.written(piece.key, len(piece.pcm) // 2)
            self.card += [piece.key] * (len(piece.pcm) // 2)

    @rule(frames=st.integers(0, 3_000))
    def play(self, frames: int) -> None:
        """The room hears the oldest frames of the card."""
        for part in self.card[:frames]:
            self.heard[part] += 1
        self.heard_frames += len(self.card[:frames])
        del self.card[:frames]
        if not self.card:
            self.jitter.underran()
        assert self.ledger.heard(len(self.card)) == self.heard_frames

    @rule()
    def interrupt(self) -> None:
        """Everything is cut, and the ledger tells exactly what the room has missed."""
        self.jitter.drop()
        expected = tuple(
            HeardPart(part, self.heard[part] * 1000 // RATE_HZ, received * 1000 // RATE_HZ)
            for part, account in self.accounts.items()
            if (received := len(account.sent) // 2)
            if not (account.complete and self.heard[part] == received)
        )
        assert self.ledger.cut(len(self.card)) == expected
        self.card.clear()
        self.accounts.clear()
        self.parts += 1

    @invariant()
    def nothing_is_lost_or_reordered(self) -> None:
        """What came out of each part is the beginning of what went in, and the rest of it is waiting."""
        for account in self.accounts.values():
            assert account.sent.startswith(account.played)
        waiting = sum(len(account.sent) // 2 - len(account.played) // 2 for account in self.accounts.values())
        assert self.jitter.depth_ms == waiting * 1000 / RATE_HZ

    @invariant()
    def memory_is_bounded(self) -> None:
        """Nothing is kept of parts that are over and of frames that were heard."""
        assert len(self.ledger._unheard) <= len(self.accounts)
        assert len(self.jitter._odd_bytes) <= 1

    def teardown(self) -> None:
        """At the end of the reply all of it comes out."""
        self.jitter.finish()
        while self.jitter.pull(1_000):
            pass
        assert self.jitter.exhausted


TestPlayout = Playout.TestCase
