"""What several files of this folder use."""

import pytest

from tests.core.realtime.talk import Talk


@pytest.fixture
def talk() -> Talk:
    """Return a talk in which nothing happened yet."""
    return Talk()
