"""When a tone says enough."""

import pytest

from hearthd.core.home.acknowledgement import Acknowledge, needs_words

CONFIRMED = '{"ok":true,"device":"lamp","state":{"on":true},"confirmed":true}'
SENT = '{"ok":true,"device":"lamp","confirmed":false,"note":"sent; this device does not report its state"}'
FAILED = '{"ok":false,"device":"lamp","error":"no_confirmation"}'
ALL = f'{{"ok":true,"devices":[{CONFIRMED},{CONFIRMED}]}}'
SOME_SENT = f'{{"ok":true,"devices":[{CONFIRMED},{SENT}]}}'
MIXED = f'{{"ok":false,"devices":[{CONFIRMED},{FAILED}]}}'


@pytest.mark.parametrize(
    ("output", "earcon", "auto"),
    [
        (CONFIRMED, False, False),
        (ALL, False, False),
        (SENT, False, True),
        (SOME_SENT, False, True),
        (FAILED, True, True),
        (MIXED, True, True),
        ('{"ok":true,"devices":[{"ok":false}]}', True, True),
        ("done", True, True),
        ("[" * 100_000, True, True),
        ('"\ud800"', True, True),
    ],
)
def test_words_are_needed_for_all_that_is_not_plainly_done(output: str, earcon: bool, auto: bool) -> None:
    """Failures are always told; what no device confirmed is told unless the owner wants tones alone."""
    assert [needs_words("earcon", "set_light", output), needs_words("auto", "set_light", output)] == [earcon, auto]


@pytest.mark.parametrize("manner", ["speech", "earcon", "auto"])
def test_what_was_read_is_told(manner: Acknowledge) -> None:
    """Nobody asks for the temperature to hear a tone."""
    assert needs_words(manner, "read_state", CONFIRMED)


def test_speech_is_for_everything() -> None:
    """The owner may want words."""
    assert needs_words("speech", "set_light", CONFIRMED)
