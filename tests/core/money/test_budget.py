"""Contract of the budget: what is allowed stays within every limit, what is denied could not be worth it."""

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.money.budget import (
    SHORTEST_REPLY_TOKENS,
    Affordable,
    Decision,
    Limits,
    Period,
    Unaffordable,
    Wish,
    decide,
)

amounts = st.integers(0, 10**13)
wishes = st.builds(
    Wish,
    input_pusd=st.integers(0, 10**12),
    max_output_tokens=st.integers(1, 4_096),
    token_pusd=st.integers(0, 10**8),
)
lefts = st.dictionaries(st.sampled_from(Period), st.integers(-(10**12), 10**13))


def decided(left: int, *, input_pusd: int = 1_000, token_pusd: int = 10, most: int = 1_024) -> Decision:
    """Decide about a response with so much left of the day."""
    wish = Wish(input_pusd=input_pusd, max_output_tokens=most, token_pusd=token_pusd)
    return decide(wish, {Period.DAY: left})


def test_enough_is_enough() -> None:
    """The whole reply fits exactly: it is allowed in full length."""
    assert decided(1_000 + 1_024 * 10) == Affordable(1_024)


def test_near_the_limit_replies_get_shorter() -> None:
    """One pico-dollar less costs a token."""
    assert decided(1_000 + 1_024 * 10 - 1) == Affordable(1_023, clamped=True)


def test_what_is_not_worth_asking_for_is_denied() -> None:
    """Less than the shortest useful reply is none."""
    assert decided(1_000 + SHORTEST_REPLY_TOKENS * 10) == Affordable(SHORTEST_REPLY_TOKENS, clamped=True)
    assert decided(1_000 + SHORTEST_REPLY_TOKENS * 10 - 1) == Unaffordable(Period.DAY)


def test_an_owner_who_wants_short_replies_gets_them_to_the_end() -> None:
    """A limit below the shortest useful reply is the owner's choice and is not raised."""
    assert decided(1_000 + 50 * 10, most=50) == Affordable(50)
    assert decided(1_000 + 49 * 10, most=50) == Unaffordable(Period.DAY)


def test_free_input_does_not_hide_a_dear_reply_and_the_other_way_round() -> None:
    """Each of the two can be the one that is too dear."""
    assert decided(999, token_pusd=0) == Unaffordable(Period.DAY)
    assert decided(1_000, token_pusd=0) == Affordable(1_024)
    assert decided(0, input_pusd=0) == Unaffordable(Period.DAY)


def test_what_costs_nothing_is_always_allowed() -> None:
    """A server on this machine answers however much was spent elsewhere."""
    assert decided(-1, input_pusd=0, token_pusd=0) == Affordable(1_024)


def test_both_limits_count_and_the_first_one_is_named() -> None:
    """The shorter of both replies is allowed; the day is named before the month."""
    wish = Wish(input_pusd=0, max_output_tokens=1_000, token_pusd=1)
    assert decide(wish, {Period.DAY: 800, Period.MONTH: 600}) == Affordable(600, clamped=True)
    assert decide(wish, {Period.DAY: 0, Period.MONTH: 0}) == Unaffordable(Period.DAY)
    assert decide(wish, {Period.DAY: 900, Period.MONTH: 0}) == Unaffordable(Period.MONTH)
    assert decide(wish, {}) == Affordable(1_000)


@given(wishes, lefts)
def test_no_allowed_response_can_pass_a_limit(wish: Wish, left: dict[Period, int]) -> None:
    """The promise of the whole budget, for any prices, limits and lengths."""
    decision = decide(wish, left)
    if isinstance(decision, Affordable):
        most_pusd = wish.input_pusd + decision.max_output_tokens * wish.token_pusd
        assert most_pusd == 0 or all(most_pusd <= amount for amount in left.values())
        assert 1 <= decision.max_output_tokens <= wish.max_output_tokens
        assert decision.clamped is (decision.max_output_tokens < wish.max_output_tokens)


@given(wishes, lefts, st.integers(0, 10**12))
def test_more_money_never_means_a_shorter_reply(wish: Wish, left: dict[Period, int], more: int) -> None:
    """What was allowed stays allowed when more is left."""
    before = decide(wish, left)
    after = decide(wish, {period: amount + more for period, amount in left.items()})
    if isinstance(before, Affordable):
        assert isinstance(after, Affordable)
        assert after.max_output_tokens >= before.max_output_tokens


def test_limits_are_told_by_their_period() -> None:
    """0 is no limit."""
    limits = Limits(day_pusd=1, month_pusd=2)
    assert [limits.of(period) for period in Period] == [1, 2]
