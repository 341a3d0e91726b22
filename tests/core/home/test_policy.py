"""Guarded devices act only after the person said so twice."""

import pytest

from hearthd.core.errors import CallRefused
from hearthd.core.home.commands import DeviceCommand
from hearthd.core.home.policy import Policy


def order(device_id: str = "garage", payload: bytes = b"OPEN") -> DeviceCommand:
    """Return a command to the device."""
    return DeviceCommand(device_id, device_id, ((device_id, payload),), None, f"{device_id}: {payload.decode()}")


def refused(policy: Policy, *orders: DeviceCommand, turn: int, now_s: float = 0.0) -> str:
    """Offer the commands, demand a refusal and return its words."""
    with pytest.raises(CallRefused) as caught:
        policy.admit(orders, turn, now_s)
    assert caught.value.code == "needs_confirmation"
    return caught.value.explanation


def test_what_is_not_guarded_passes() -> None:
    """Policy holds back only what the owner named."""
    Policy(["garage"]).admit((order("lamp"),), turn=1, now_s=0.0)


def test_the_first_wish_becomes_a_question() -> None:
    """The model is told to ask, and what about."""
    assert refused(Policy(["garage"]), order(), turn=1) == (
        "Not done yet. Ask the person whether they really want this: garage: OPEN. "
        "Call the function again only after they said yes."
    )


def test_a_model_cannot_confirm_itself() -> None:
    """However often it calls in the same turn, the door stays shut."""
    policy = Policy(["garage"])

    for _ in range(3):
        refused(policy, order(), turn=1)


def test_the_same_wish_in_a_later_turn_passes_once() -> None:
    """A confirmation is used up: the next opening is asked about again."""
    policy = Policy(["garage"])
    refused(policy, order(), turn=1)

    policy.admit((order(),), turn=2, now_s=60.0)

    refused(policy, order(), turn=3)


def test_a_late_yes_is_a_new_question() -> None:
    """After a minute the answer may belong to something else, and the clock starts anew."""
    policy = Policy(["garage"])
    refused(policy, order(), turn=1, now_s=0.0)
    refused(policy, order(), turn=2, now_s=60.5)

    policy.admit((order(),), turn=3, now_s=100.0)


def test_another_command_to_the_same_device_is_another_question() -> None:
    """A yes to closing does not open."""
    policy = Policy(["garage"])
    refused(policy, order(payload=b"CLOSE"), turn=1)

    refused(policy, order(payload=b"OPEN"), turn=2)


def test_one_guarded_device_holds_back_the_whole_call() -> None:
    """Nothing of a call happens before all of it may; each guarded device is named."""
    policy = Policy(["garage", "gate"])

    words = refused(policy, order("lamp"), order("garage"), order("gate"), turn=1)

    assert "garage: OPEN; gate: OPEN" in words
    policy.admit((order("lamp"), order("garage"), order("gate")), turn=2, now_s=1.0)


def test_a_confirmed_device_waits_for_one_that_is_not() -> None:
    """The confirmation of the first is kept while the second is asked about."""
    policy = Policy(["garage", "gate"])
    refused(policy, order("garage"), turn=1)

    assert "garage" not in refused(policy, order("garage"), order("gate"), turn=2)

    policy.admit((order("garage"), order("gate")), turn=3, now_s=1.0)
