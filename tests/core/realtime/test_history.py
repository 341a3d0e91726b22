"""What is told to a new session of the talk before."""

import json

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime.client_messages import encode
from hearthd.core.realtime.dialects import BETA_STYLE, OPENAI, Dialect
from hearthd.core.realtime.history import (
    CHARACTERS_MAX,
    CONTINUES,
    ITEMS_MAX,
    UNKNOWN_WORDS,
    CallMade,
    PastItem,
    ReplyHeard,
    UserSaid,
    replay,
    replayed_calls,
)
from tests.core.realtime.wire import Json

TALK: list[PastItem] = [UserSaid("Light on."), CallMade("set_lamp", '{"on":true}', '{"ok":true}'), ReplyHeard("Done.")]


def items(history: list[PastItem], dialect: Dialect = OPENAI) -> list[Json]:
    """Return the items that are created."""
    return [json.loads(encode(message))["item"] for message in replay(history, dialect)]


def test_a_talk_is_told_as_text() -> None:
    """Who said what, in order, with calls and their results as data, after the word that it continues."""
    assert items(TALK) == [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": CONTINUES}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Light on."}]},
        {"type": "function_call", "call_id": "earlier_2", "name": "set_lamp", "arguments": '{"on":true}'},
        {"type": "function_call_output", "call_id": "earlier_2", "output": '{"ok":true}'},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
    ]


def test_words_that_nobody_wrote_down_have_a_placeholder() -> None:
    """The model knows at least that there was a question."""
    assert items([UserSaid()])[1]["content"] == [{"type": "input_text", "text": UNKNOWN_WORDS}]


def test_the_beta_has_its_own_word_for_what_the_model_said() -> None:
    """Its servers know no `output_text`."""
    assert items([ReplyHeard("Done.")], BETA_STYLE)[1]["content"] == [{"type": "text", "text": "Done."}]


def test_no_past_is_no_message() -> None:
    """A fresh conversation begins without a word."""
    assert items([]) == []
    assert items([ReplyHeard("x" * (CHARACTERS_MAX + 1))]) == []


PAST: st.SearchStrategy[PastItem] = st.one_of(
    st.builds(UserSaid, st.text(max_size=2_000)),
    st.builds(ReplyHeard, st.text(max_size=2_000)),
    st.builds(CallMade, st.just("f"), st.just("{}"), st.text(max_size=2_000)),
)


@given(st.lists(PAST, max_size=30))
def test_the_end_of_the_talk_is_kept_within_bounds(history: list[PastItem]) -> None:
    """Whatever was said, little is told; it is the last of it, in order, and call ids are short and unique."""
    told = items(history)
    outputs = [item for item in told if item["type"] == "function_call_output"]
    assert len(told) - len(outputs) <= ITEMS_MAX + 1
    ids = [str(item["call_id"]) for item in outputs]
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(replayed_calls())
    assert all(len(call_id) <= 32 for call_id in replayed_calls())
    if told and isinstance(history[-1], CallMade):
        assert told[-1]["output"] == history[-1].output
    length = sum(len(str(item.get("output", ""))) for item in told)
    assert length <= CHARACTERS_MAX
