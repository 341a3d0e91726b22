"""The journey that the demo tells: what must happen, in which order, and what it means when it does not."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from tests.demo.acts import ACTS, INTERRUPTED, INTERRUPTER, Act, plan
from tests.demo.story import Story
from tests.doubles import speech
from tests.doubles.mqtt_watch import Message
from tests.doubles.room import Said
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household

WAKE_WORD: Final = "okay nabu"
ANSWER_VOICE: Final = "slt"
_LEAD_S: Final = 0.5
"""Between an answer and whoever speaks next."""
_HEARD_S: Final = 1.2
"""So much of the long answer is heard before somebody has heard enough."""
_BREATH_S: Final = 0.15
"""Between the wake word and the wish."""
_HEEDED_S: Final = 0.6
"""The same for whoever interrupts, and waits for the silence."""
_END_OF_SPEECH_S: Final = 0.5
"""The configuration's default: so much silence proves that somebody has finished."""
_LIMIT_S: Final = 20.0
"""For each step; the whole demo takes about as long as its sound."""
_LOUD_DBFS: Final = -45.0
"""Far above what an idle loudspeaker gives, far below speech."""

T = TypeVar("T")


class StepFailed(Exception):
    """A step of the demo did not happen."""

    def __init__(self, step: str, explanation: str) -> None:
        """Tell which one, in plain words."""
        super().__init__(explanation)
        self.step = step


async def run_demo(output: Path, story: Story) -> None:
    """Tell the whole story and write both sound files into `output`.

    Raises `StepFailed` for the first step that did not happen, with the daemon's journal in its notes.
    """
    story.title(
        "hearthd: from spoken words to lamps and answers, on this machine alone",
        "A virtual sound card, a private MQTT broker with lamps on it, and hearthd with its embedded server.",
    )
    async with Household(None, plan()) as home:
        telling = _Telling(home, story)
        story.begin(time.monotonic())
        try:
            for act in ACTS:
                await telling.act(act)
            onset_s = await telling.act(INTERRUPTED, to_its_end=False)
            await telling.act(INTERRUPTER, interrupts_s=onset_s + _HEARD_S)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        story.table("How long it took", telling.durations_s)
        _write_sound(output, home)


class _Telling:
    """Watches the household from outside, step by step, in the order in which things must happen."""

    def __init__(self, home: Household, story: Story) -> None:
        self.durations_s: defaultdict[str, list[float]] = defaultdict(list)
        self._home = home
        self._story = story

    async def act(self, act: Act, *, interrupts_s: float = 0.0, to_its_end: bool = True) -> float:
        """Have a wish said, at `interrupts_s` if it interrupts somebody, and see all that must come of it.

        Returns when the answer began to sound, and before that when the answer has come `to_its_end`.
        """
        room = self._home.room
        if room.said and not interrupts_s:
            self._story.gap()
        pause_s = _HEEDED_S if interrupts_s else _BREATH_S
        wake, wish = await room.say(
            WAKE_WORD, act.wish, pause_s=pause_s, lead_s=_LEAD_S, at_s=interrupts_s, voice=act.voice
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._spoken(act, wake, wish), name="spoken")
            onset = tasks.create_task(self._followed(act, wake, wish, interrupts=interrupts_s > 0), name="followed")
        if to_its_end:
            await self._ended(act, wish, onset.result())
        return onset.result()

    async def _spoken(self, act: Act, *sentences: Said) -> None:
        """Tell what is said at the moment when it sounds."""
        for said in sentences:
            await asyncio.sleep(said.begins_s - time.monotonic())
            aside = f"in the voice {act.voice}" if said is sentences[0] else ""
            self._story.tell(said.begins_s, "spoke", f"“{said.text}”", aside)

    async def _followed(self, act: Act, wake: Said, wish: Said, *, interrupts: bool) -> float:
        watch = self._home.watch
        waiting_s = wake.ends_s - time.monotonic() + _LIMIT_S
        heard = watch.event("wake", after_s=wake.begins_s, timeout_s=waiting_s)
        woken = await _step("woken", heard, "the wake word was spoken, and hearthd did not wake")
        self._tell_after(woken.at_s, "woken", "the wake word was recognised", wake.ends_s, "wake word spoken → woken")
        if interrupts:
            await self._silenced(wake)
        words = await self._understood(act, wish)
        if act.switches:
            await self._switched(act, wish)
        # What sounds like no sentence at all is not answered: nobody may have spoken to hearthd.
        return await self._answered(act, wish, words) if act.known or words.document["text"] else words.at_s

    async def _silenced(self, wake: Said) -> None:
        silent = self._home.silent(after_s=wake.begins_s, timeout_s=_LIMIT_S)
        silent_s = await _step("silenced", silent, "the answer went on although somebody interrupted it")
        what = "wake word begins → long answer silent"
        self._tell_after(silent_s, "silenced", "the long answer stops in its middle", wake.begins_s, what)
        over = self._home.watch.event("turn", after_s=wake.begins_s, timeout_s=_LIMIT_S)
        turn = await _step("silenced", over, "hearthd did not notice that its answer was interrupted")
        if turn.document["outcome"] != "interrupted":
            raise StepFailed("silenced", f"the long answer was not interrupted but {turn.document['outcome']}")

    async def _understood(self, act: Act, wish: Said) -> Message:
        watch, waiting_s = self._home.watch, wish.ends_s - time.monotonic() + _LIMIT_S
        ended = watch.event("utterance", after_s=wish.begins_s, timeout_s=waiting_s)
        complete = await _step("heard", ended, "hearthd did not notice that the speaker finished")
        what = f"last word → end noticed ({_END_OF_SPEECH_S:.1f} s of silence)"
        self.durations_s[what].append(complete.at_s - wish.ends_s)
        written = watch.event("transcript", after_s=complete.at_s, timeout_s=_LIMIT_S)
        words = await _step("heard", written, "the server did not make out anything")
        text = f"“{words.document['text']}”" if words.document["text"] else "nothing that could be a sentence"
        told = text if act.known or not words.document["text"] else f"{text} at best, too unlikely to act upon"
        self._tell_after(words.at_s, "heard", told, wish.ends_s, "last word → recognised")
        return words

    async def _switched(self, act: Act, wish: Said) -> None:
        appliances, watch = self._home.appliances, self._home.watch
        told = appliances.told(act.switches, act.to, after_s=wish.begins_s, timeout_s=_LIMIT_S)
        command = await _step("switched", told, f"no such command reached the {act.switches}")
        what = f"{command.topic} {command.payload}"
        self._tell_after(command.at_s, "switched", what, wish.ends_s, "last word → command at the lamp")
        answered = watch.event("call", after_s=wish.begins_s, timeout_s=_LIMIT_S)
        call = await _step("confirmed", answered, "the server never got the result of its call")
        report = json.loads(appliances[act.switches].report)
        if not json.loads(act.to).items() <= report.items():
            raise StepFailed("confirmed", f"the {act.switches} did not confirm it; it reports {report}")
        what = f"the {act.switches} reports {json.dumps(report)}"
        self._tell_after(call.at_s, "confirmed", what, command.at_s, "command at the lamp → its report known")

    async def _answered(self, act: Act, wish: Said, words: Message) -> float:
        watch = self._home.watch
        sounding = self._home.audible(after_s=words.at_s, timeout_s=_LIMIT_S)
        onset_s = await _step("answered", sounding, "the loudspeaker stayed silent")
        written = watch.event("reply", after_s=wish.ends_s, timeout_s=_LIMIT_S)
        reply = await _step("answered", written, "what sounds has no words")
        what = f"“{reply.document['text']}”"
        if act.says not in reply.document["text"]:
            raise StepFailed("answered", f"“{act.wish}” was answered {what}")
        self._tell_after(onset_s, "answered", what, wish.ends_s, "last word → answer sounds")
        return onset_s

    async def _ended(self, act: Act, wish: Said, onset_s: float) -> None:
        """See the answer to its end, and that nothing happened which nobody wished."""
        watch = self._home.watch
        waiting = watch.event("turn", after_s=wish.ends_s, timeout_s=_LIMIT_S)
        turn = await _step("answered", waiting, "the answer did not come to its end")
        await _step("answered", self._home.wait_phase("idle"), "hearthd did not come to rest")
        replies = [reply.document["text"] for reply in watch.events("reply", after_s=wish.ends_s)]
        for text in replies[1:]:
            self._story.tell(turn.at_s, "answered", f"“{text}”, this one time")
        heard = self._home.card.heard(onset_s - 0.1, turn.at_s + 0.2)
        spoke_s = _speech_s(heard, self._home.plan.playback_rate_hz)
        wanted_s = sum([await asyncio.to_thread(_spoken_s, text) for text in replies])
        if spoke_s < wanted_s * 0.8:
            raise StepFailed("answered", f"of {wanted_s:.1f} s of speech only {spoke_s:.1f} s left the loudspeaker")
        told = [command.appliance for command in self._home.appliances.commands if command.at_s >= wish.begins_s]
        if told != [act.switches] * bool(act.switches):
            raise StepFailed("switched", f"“{act.wish}” reached {told or 'nothing'}")
        if not act.known:
            self._story.tell(turn.at_s, "nothing", "was switched")

    def _tell_after(self, at_s: float, what: str, words: str, since_s: float, row: str) -> None:
        """Tell it with how long it took, and note that for the table; some words are known before they are over."""
        took_s = max(0.0, at_s - since_s)
        self._story.tell(at_s, what, words, f"after {1000 * took_s:.0f} ms" if took_s else "before its last sound")
        self.durations_s[row].append(took_s)


async def _step(name: str, happening: Awaitable[T], otherwise: str) -> T:
    """Wait for what a double sees; its own words, which are for test reports, become plain ones."""
    try:
        return await happening
    except (AssertionError, TimeoutError) as error:
        raise StepFailed(name, otherwise) from error


def _spoken_s(text: str) -> float:
    rate_hz = 24_000
    return _speech_s(speech.synthesize(text, rate_hz, ANSWER_VOICE), rate_hz)


def _speech_s(sound: Samples, rate_hz: int) -> float:
    """How much of it is as loud as speech, in pieces of 20 ms."""
    piece = rate_hz // 50
    levels = [speech.level_dbfs(sound[at : at + piece]) for at in range(0, len(sound), piece)]
    return sum(level > _LOUD_DBFS for level in levels) / 50


def _write_sound(output: Path, home: Household) -> None:
    """Write both sides of the talk, beginning at the same moment, so that they can be heard together."""
    output.mkdir(parents=True, exist_ok=True)
    first, rate_hz = home.room.said[0], home.plan.capture_rate_hz
    said = np.zeros(home.room.said[-1].end_frame - first.first_frame, np.int16)
    for sentence in home.room.said:
        said[sentence.first_frame - first.first_frame :][: len(sentence.samples)] = sentence.samples
    speech.save(output / "said.wav", said, rate_hz)
    speech.save(output / "answered.wav", home.card.heard(first.begins_s), home.plan.playback_rate_hz)
