"""The bounded memory of identifiers."""

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime.recent import RecentIds


def test_an_id_is_news_once() -> None:
    """The second time an id is old."""
    ids = RecentIds(2)
    assert [ids.add("a"), ids.add("a"), "a" in ids, "b" in ids] == [True, False, True, False]


def test_the_oldest_is_forgotten() -> None:
    """Beyond the capacity the first one becomes news again."""
    ids = RecentIds(2, ("a", "b", "c"))
    assert list(ids) == ["b", "c"]


@given(st.lists(st.sampled_from("abcdefgh")))
def test_it_is_the_tail_of_the_different_ids(stream: list[str]) -> None:
    """It always holds the last few ids in the order in which they were first seen."""
    ids = RecentIds(3)
    expected: list[str] = []
    for each in stream:
        assert ids.add(each) is (each not in expected)
        expected = [*expected, each][-3:] if each not in expected else expected
        assert list(ids) == expected
