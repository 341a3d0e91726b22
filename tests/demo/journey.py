"""The journey that the demo tells: what must happen, in which order, and what it means when it does not."""

import asyncio
import json
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from tests.demo.story import Story
from tests.doubles import speech
from tests.doubles.realtime import RealtimeDouble, ResponseRecord
from tests.doubles.realtime.audio import RATE_HZ as LINK_RATE_HZ
from tests.doubles.realtime.scenarios import demo as demo_scenario
from tests.doubles.room import Said, trimmed
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import LAMP, Household, Plan

WAKE_WORD: Final = "okay nabu"
WISH: Final = "turn on the kitchen light"
ANSWER: Final = "The kitchen light is on."
ANSWER_VOICE: Final = "slt"
_END_OF_SPEECH_S: Final = 0.5
"""The configuration's default: so much silence proves that somebody has finished."""
_LIMIT_S: Final = 10.0
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
    synthesized = await asyncio.to_thread(speech.synthesize, ANSWER, LINK_RATE_HZ, ANSWER_VOICE)
    answer = trimmed(synthesized, LINK_RATE_HZ)
    story.title(
        "hearthd: one spoken command, from wake word to lamp",
        "A virtual sound card, a private MQTT broker and a stand-in for the Realtime server, all on this machine.",
    )
    async with Household(None, Plan(scenario=demo_scenario(answer.tobytes()))) as home:
        wake, wish = await home.room.say(WAKE_WORD, WISH, lead_s=0.3)
        story.begin(wake.begins_s)
        telling = _Telling(home, story, wake, wish)
        try:
            async with asyncio.TaskGroup() as tasks:
                spoken = tasks.create_task(telling.spoken(), name="spoken")
                happened = tasks.create_task(telling.happened(answer), name="happened")
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        spoken.result()
        heard = happened.result()
        _write_sound(output, home, heard)


class _Telling:
    """Watches the household from outside, step by step, in the order in which things must happen."""

    def __init__(self, home: Household, story: Story, wake: Said, wish: Said) -> None:
        self._home = home
        self._story = story
        self._wake = wake
        self._wish = wish
        self._rows: list[tuple[str, float]] = []

    async def spoken(self) -> None:
        """Tell what is said at the moment when it sounds."""
        for said in (self._wake, self._wish):
            await asyncio.sleep(said.begins_s - time.monotonic())
            self._story.tell(said.begins_s, "spoke", f"“{said.text}”")

    async def happened(self, answer: Samples) -> Samples:
        """Tell everything else; returns what the loudspeaker said."""
        await self._woken()
        call_at_s = await self._asked()
        await self._switched(call_at_s)
        return await self._answered(answer)

    async def _woken(self) -> None:
        lasts_s = self._wake.ends_s - time.monotonic()
        heard = self._home.watch.event("wake", after_s=self._wake.begins_s, timeout_s=lasts_s + _LIMIT_S)
        woken = await _step("woken", heard, "the wake word was spoken, and hearthd did not wake")
        late_s = woken.at_s - self._wake.ends_s
        self._story.tell(woken.at_s, "woken", "the wake word was recognised, on this machine", _ms(late_s))
        self._rows.append(("wake word spoken → woken", late_s))
        sending = self._home.server.wait_for("input_audio_buffer.append", timeout_s=_LIMIT_S)
        first = await _step("sent", sending, "no sound reached the Realtime server")
        self._story.tell(first.at_s, "sent", "sound goes to the server, beginning before the wake word")

    async def _asked(self) -> float:
        server = self._home.server
        waiting_s = self._wish.ends_s - time.monotonic() + _LIMIT_S
        turn = await _step(
            "heard", server.turn(timeout_s=waiting_s), "hearthd did not notice that the speaker finished"
        )
        late_s = turn.committed_at_s - self._wish.ends_s
        sent_s = len(turn.pcm) / 2 / LINK_RATE_HZ
        self._story.tell(turn.committed_at_s, "heard", f"the whole sentence, {sent_s:.1f} s of sound", _ms(late_s))
        self._rows.append((f"last word → sentence complete ({_END_OF_SPEECH_S:.1f} s of silence prove it)", late_s))
        call_done = server.wait_for("response.function_call_arguments.done", timeout_s=_LIMIT_S)
        call = await _step("called", call_done, "the server was not asked, or had no function to call")
        self._story.tell(call.at_s, "called", f"the model calls {call.body['name']}({_plain(call.body['arguments'])})")
        return call.at_s

    async def _switched(self, call_at_s: float) -> None:
        told = self._home.appliances.told(LAMP, '{"state": "ON"}', timeout_s=_LIMIT_S)
        command = await _step("switched", told, "no command reached the lamp")
        late_s = command.at_s - call_at_s
        self._story.tell(command.at_s, "switched", f"{command.topic} {command.payload}", _ms(late_s))
        self._rows.append(("function call → command at the lamp", late_s))
        record = self._home.server.record
        informed = record.until(lambda: bool(record.outputs), "function output", _LIMIT_S)
        await _step("confirmed", informed, "the model never got the result of its call")
        result = record.outputs[0]
        if not json.loads(result.output).get("confirmed") or not self._lamp_is_on():
            raise StepFailed("confirmed", f"the lamp did not confirm that it is on; the model was told {result.output}")
        self._story.tell(result.at_s, "confirmed", "the lamp reports ON, and the model is told so")
        self._rows.append(("command at the lamp → its report with the model", result.at_s - command.at_s))

    async def _answered(self, answer: Samples) -> Samples:
        home = self._home
        reply = await _step("answered", _first_speech(home.server), "the server sent no spoken answer")
        sent_s = reply.items[0].first_delta_at_s or reply.requested_at_s
        onset_s = await _step("answered", home.audible(after_s=sent_s), "the loudspeaker stayed silent")
        self._story.tell(onset_s, "answered", f"“{ANSWER}” begins to sound")
        self._rows.append(("answer's first sound arrives → it sounds", onset_s - sent_s))
        self._rows.append(("last word → answer sounds", onset_s - self._wish.ends_s))
        lasts_s = len(answer) / LINK_RATE_HZ
        over = home.wait_phase("follow_up", after_s=sent_s, timeout_s=lasts_s + _LIMIT_S)
        done = await _step("done", over, "the answer did not come to its end")
        heard = home.card.heard(onset_s - 0.1, done.at_s + 0.2)
        spoke_s, wanted_s = _speech_s(heard, home.plan.playback_rate_hz), _speech_s(answer, LINK_RATE_HZ)
        if spoke_s < wanted_s * 0.8:
            raise StepFailed("done", f"of {wanted_s:.1f} s of speech only {spoke_s:.1f} s left the loudspeaker")
        self._story.tell(done.at_s, "done", f"{spoke_s:.1f} s of speech left the loudspeaker; listening for more")
        self._story.table("How long it took", self._rows)
        self._story.note("The stand-in server answers at once; a real one adds its own time to think.")
        return heard

    def _lamp_is_on(self) -> bool:
        state: object = json.loads(self._home.appliances[LAMP].report)["state"]
        return state == "ON"


async def _step(name: str, happening: Awaitable[T], otherwise: str) -> T:
    """Wait for what a double sees; its own words, which are for test reports, become plain ones."""
    try:
        return await happening
    except (AssertionError, TimeoutError) as error:
        raise StepFailed(name, otherwise) from error


async def _first_speech(server: RealtimeDouble) -> ResponseRecord:
    def begun() -> list[ResponseRecord]:
        return [response for response in server.record.responses if response.pcm]

    await server.record.until(lambda: bool(begun()), "spoken reply", _LIMIT_S)
    return begun()[0]


def _speech_s(sound: Samples, rate_hz: int) -> float:
    """How much of it is as loud as speech, in pieces of 20 ms."""
    piece = rate_hz // 50
    levels = [speech.level_dbfs(sound[at : at + piece]) for at in range(0, len(sound), piece)]
    return sum(level > _LOUD_DBFS for level in levels) / 50


def _write_sound(output: Path, home: Household, heard: Samples) -> None:
    output.mkdir(parents=True, exist_ok=True)
    first, rate_hz = home.room.said[0], home.plan.capture_rate_hz
    said = np.zeros(home.room.said[-1].end_frame - first.first_frame, np.int16)
    for sentence in home.room.said:
        said[sentence.first_frame - first.first_frame :][: len(sentence.samples)] = sentence.samples
    speech.save(output / "said.wav", said, rate_hz)
    speech.save(output / "answered.wav", heard, home.plan.playback_rate_hz)


def _plain(arguments: str) -> str:
    """Write a call's arguments as people would."""
    values = ((name, value if isinstance(value, list) else [value]) for name, value in json.loads(arguments).items())
    return ", ".join(f"{name}: {' and '.join(map(_word, several))}" for name, several in values)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ms(duration_s: float) -> str:
    return f"after {1000 * duration_s:.0f} ms"
