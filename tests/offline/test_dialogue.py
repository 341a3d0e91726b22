"""One session's talk: acting, asking back, answering."""

import json
from datetime import datetime

import pytest

from hearthd.core.realtime.wishes import say_exactly
from hearthd.offline.mind.dialogue import ACT_FROM, ASK_FROM, NOT_UNDERSTOOD, Ask, Call, Dialogue, Say, spoken_text
from hearthd.offline.mind.understanding import FunctionCall
from hearthd.offline.parts import Heard
from tests.offline.household import house

NOW = datetime(2026, 11, 22, 9, 5)  # noqa: DTZ001 (local time is handed in)
LIGHT_ON = Call((FunctionCall("set_light", '{"device":["kitchen_light"],"on":true}'),))
GARAGE = Call((FunctionCall("move_cover", '{"device":["garage_door"],"action":"open"}'),))
HELD = json.dumps({"ok": False, "error": "needs_confirmation", "explanation": "Not done yet."})
SURE, HALF, HARDLY = ACT_FROM, ASK_FROM, ASK_FROM - 0.01


@pytest.fixture
def talk() -> Dialogue:
    """A new session in the house of thirty devices."""
    return Dialogue(house())


def test_what_was_surely_heard_acts_at_once(talk: Dialogue) -> None:
    """No question stands between a clear command and its light."""
    assert talk.hear(Heard("turn on the kitchen light", SURE), NOW) == LIGHT_ON


def test_what_was_half_heard_is_asked_about_and_a_yes_acts(talk: Dialogue) -> None:
    """The question names the very thing."""
    assert talk.hear(Heard("kitchen light on", HALF), NOW) == Ask("Should I turn on the kitchen light?")
    assert talk.hear(Heard("yes please", SURE), NOW) == LIGHT_ON


def test_a_half_heard_question_is_asked_about(talk: Dialogue) -> None:
    """Reading is no deed, so it is worded otherwise."""
    assert talk.hear(Heard("is the front door open", HALF), NOW) == Ask("Did you ask about the front door?")


def test_a_half_heard_yes_repeats_the_question(talk: Dialogue) -> None:
    """A yes that nobody may have said moves nothing, and the question stays."""
    question = talk.hear(Heard("turn on the kitchen light", HALF), NOW)
    assert question == talk.hear(Heard("yes", HARDLY), NOW)
    assert talk.hear(Heard("yes", SURE), NOW) == LIGHT_ON


def test_a_yes_to_our_doubt_needs_less_than_one_that_opens_a_door(talk: Dialogue) -> None:
    """Whoever was asked answers; but what the house guards wants a yes that nobody can mistake."""
    talk.hear(Heard("turn on the kitchen light", HALF), NOW)
    assert talk.hear(Heard("yes", HALF), NOW) == LIGHT_ON
    talk.hear("open the garage door", NOW)
    question = talk.answered({0: HELD})
    assert talk.hear(Heard("yes", HALF), NOW) == question
    assert talk.hear(Heard("yes", HALF), NOW) == question
    assert talk.hear(Heard("yes", SURE), NOW) == GARAGE


def test_a_no_drops_the_question(talk: Dialogue) -> None:
    """Even one half heard, and a later yes finds nothing to confirm."""
    talk.hear(Heard("turn on the kitchen light", HALF), NOW)
    assert talk.hear(Heard("no", HALF), NOW) == Say("All right, I leave it.")
    assert talk.hear("yes", NOW) == Say("All right.")
    assert talk.hear("no", NOW) == Say("All right.")


def test_a_new_command_replaces_the_question(talk: Dialogue) -> None:
    """Who was misheard usually says it again."""
    talk.hear(Heard("turn on the desk lamp", HALF), NOW)
    assert talk.hear(Heard("turn on the kitchen light", SURE), NOW) == LIGHT_ON
    assert talk.hear("yes", NOW) == Say("All right.")


@pytest.mark.parametrize("between", ["", "what a lovely day", "what time is it"])
def test_a_question_expires_with_what_is_said_next(talk: Dialogue, between: str) -> None:
    """A yes said later to somebody else acts on nothing."""
    talk.hear(Heard("turn on the kitchen light", HALF), NOW)
    talk.hear(between, NOW)
    assert talk.hear("yes", NOW) == Say("All right.")


def test_a_question_about_another_house_is_dropped(talk: Dialogue) -> None:
    """When the session's functions change, what was asked may not exist any more."""
    talk.hear(Heard("turn on the kitchen light", HALF), NOW)
    talk.adopt(house(here=""))
    assert talk.hear("yes", NOW) == Say("All right.")


def test_what_was_hardly_heard_is_not_understood(talk: Dialogue) -> None:
    """Neither acted on nor asked about, as is what has no meaning."""
    assert talk.hear(Heard("turn on the kitchen light", HARDLY), NOW) == Say(NOT_UNDERSTOOD)
    assert talk.hear("two coffees, please", NOW) == Say(NOT_UNDERSTOOD)


@pytest.mark.parametrize("before", [HALF, HARDLY])
def test_what_is_half_heard_twice_alike_acts(talk: Dialogue, before: float) -> None:
    """Whoever is asked back, or not understood, often just says it again; in other words, if it means the same."""
    talk.hear(Heard("kitchen light on", before), NOW)
    assert talk.hear(Heard("turn on the kitchen light", HALF), NOW) == LIGHT_ON


@pytest.mark.parametrize("between", [Heard("no", SURE), Heard("turn on the desk lamp", HALF), "what a lovely day"])
def test_a_doubt_is_over_with_what_is_said_next(talk: Dialogue, between: Heard | str) -> None:
    """After a no, another command or anything else the same question is asked again."""
    question = talk.hear(Heard("turn on the kitchen light", HALF), NOW)
    talk.hear(between, NOW)
    assert talk.hear(Heard("turn on the kitchen light", HALF), NOW) == question


def test_speech_that_fits_nothing_is_not_understood(talk: Dialogue) -> None:
    """Whoever spoke is told so, even if no word of it was known."""
    assert talk.hear(Heard("", 0.0, spoken=True), NOW) == Say(NOT_UNDERSTOOD)


def test_silence_is_answered_with_silence(talk: Dialogue) -> None:
    """Nobody spoke, so nobody is spoken to."""
    assert talk.hear(Heard(" ", 0.0), NOW) == Say("")


def test_several_that_fit_are_named(talk: Dialogue) -> None:
    """Which lamp is meant is the person's to say, however well it was heard."""
    several = Say("There are several: the kitchen light and the kitchen counter light. Which one?")
    assert talk.hear(Heard("turn on the lamp", HALF), NOW) == several


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what time is it", "It is nine oh five."),
        ("what day is it", "It is Sunday, the twenty second of November."),
        ("stop", "Okay."),
        ("thank you", "You are welcome."),
        ("set a timer for ten minutes", "Sorry, I cannot set timers."),
        ("volume up", "Sorry, I cannot change the volume."),
        (
            "help",
            (
                "I can switch and dim the lights, move the blinds, set the heating, run the fans, start scenes, "
                "read the sensors and tell you the time and the date."
            ),
        ),
    ],
)
def test_remarks_are_answered_without_functions(talk: Dialogue, text: str, said: str) -> None:
    """And honestly, where no function does what was asked."""
    assert talk.hear(text, NOW) == Say(said)


def test_a_half_heard_remark_is_asked_about(talk: Dialogue) -> None:
    """A yes then answers it."""
    assert talk.hear(Heard("what time is it", HALF), NOW) == Ask("Did you ask for the time?")
    assert talk.hear("yes", NOW) == Say("It is nine oh five.")


def test_the_answer_tells_the_real_result(talk: Dialogue) -> None:
    """A question is answered with yes or no and the report."""
    talk.hear("is the front door open", NOW)
    output = json.dumps({"ok": True, "device": "front door", "state": {"value": "closed"}})
    assert talk.answered({0: output}) == Say("No, the front door is closed.")
    assert talk.answered({}) == Say("")


def test_what_the_policy_holds_back_is_asked_about_and_repeated_exactly(talk: Dialogue) -> None:
    """The house lets only the very same command pass, in a later turn; so a yes makes the same call."""
    assert talk.hear("open the garage door", NOW) == GARAGE
    assert talk.answered({0: HELD}) == Ask("Should I really open the garage door?")
    assert talk.hear("yes", NOW) == GARAGE
    output = json.dumps({"ok": True, "device": "garage door", "state": {"state": "opening"}, "confirmed": True})
    assert talk.answered({0: output}) == Say("The garage door is opening.")


def test_saying_a_guarded_command_again_confirms_it_too(talk: Dialogue) -> None:
    """Without a yes, the same words lead to the same call."""
    talk.hear("open the garage door", NOW)
    talk.answered({0: HELD})
    assert talk.hear("open the garage door", NOW) == GARAGE


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        (say_exactly("The washing\nis done."), "The washing\nis done."),
        (say_exactly(""), ""),
        ("Say exactly: Dinner is ready!", "Dinner is ready!"),
        ('Please say the following: "Dinner is ready!"', "Dinner is ready!"),
        ("You are a friendly butler. Say hello: to everybody", None),
        ("", None),
    ],
)
def test_texts_to_be_spoken_are_told_from_instructions(instructions: str, text: str | None) -> None:
    """Our own way of asking for it and the usual one are known; anything else wants an answer."""
    assert text == spoken_text(instructions)
