"""Function calls of the model, each run to its confirmed end: checked, published, and seen to have happened."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

import msgspec

from hearthd.core.errors import CallRefused
from hearthd.core.home.catalogue import Catalogue, Reading
from hearthd.core.home.commands import DeviceCommand
from hearthd.core.home.expectations import Expectation, State
from hearthd.core.home.numerals import Json
from hearthd.core.home.policy import Policy
from hearthd.core.home.states import StateBook
from hearthd.ports import BrokerMessage, BrokerRefused, BrokerSession, BrokerUnavailable

log = logging.getLogger(__name__)

PUBLISH_S: Final = 2.5
"""For all messages of one device together; the broker's adapter gives up earlier, on each acknowledgement."""
CONFIRM_S: Final = 2.5
"""From the acknowledgement to the device's own report; Zigbee devices take 0.1 to 1 s, sleepy ones longer."""
SETTLE_S: Final = 0.8
"""How long a device that was heard to be as wished already may object before it counts as confirmed."""
EXPIRY_S: Final = 5
"""A command that reaches its device later than this would surprise somebody."""

_Result = dict[str, Json]


@dataclass(eq=False, slots=True)
class _Watch:
    """Somebody waits for a device to report that it obeyed."""

    device_id: str
    expectation: Expectation
    before: State
    met: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, at_most_s: float) -> bool:
        """Tell whether the report came in time."""
        try:
            async with asyncio.timeout(at_most_s):
                await self.met.wait()
        except TimeoutError:
            return False
        return True


class HomeCalls:
    """Answers function calls; lives on the event loop, and is fed every message that the broker delivers."""

    def __init__(self, catalogue: Catalogue, book: StateBook, policy: Policy) -> None:
        """Command nothing before a session is attached."""
        self._catalogue = catalogue
        self._book = book
        self._policy = policy
        self._session: BrokerSession | None = None
        self._watches: set[_Watch] = set()

    def topics(self) -> tuple[str, ...]:
        """Return the topics on which devices report."""
        return self._book.topics()

    def attach(self, session: BrokerSession | None) -> None:
        """Command through `session` from now on; None while there is no broker: then what is known grows old."""
        self._session = session
        if session is None:
            self._book.lose_touch()

    def apply(self, message: BrokerMessage) -> None:
        """Take a message; only news confirms a command, never what the broker kept from earlier."""
        report = self._book.apply(message.topic, message.payload, retained=message.retained)
        if report.problem:
            log.warning(
                "a device's report makes no sense: %s", report.problem, extra={"HEARTHD_PROBLEM": report.problem}
            )
        if message.retained:
            return
        for watch in self._watches:
            if watch.device_id in report.devices and self._is_met(watch):
                watch.met.set()

    async def answer(self, name: str, arguments: str, turn: int) -> str:
        """Run one call of the user's `turn` to its end and return the JSON text that the model gets.

        Takes at most about 5 s, and raises nothing but cancellation. Devices are commanded side by side; a command is
        never kept for later.
        """
        try:
            plan = self._catalogue.plan(name, arguments)
            if isinstance(plan, Reading):
                return _joined([self._read(device_id) for device_id in plan.device_ids])
            session = self._session
            if session is None:
                return _joined([_failure("broker_unavailable", "There is no connection to the house right now.")])
            self._policy.admit(plan, turn, asyncio.get_running_loop().time())
        except CallRefused as refusal:
            return _joined([_failure(refusal.code, refusal.explanation)])
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._carry_out(session, command), name=f"command {command.device_id}")
                for command in plan
            ]
        return _joined([task.result() for task in running])

    def _read(self, device_id: str) -> _Result:
        device = self._catalogue.label(device_id)
        state = self._book.answer(device_id)
        if state is None:
            return _failure("no_report", f"The {device} has not reported its state yet.", device)
        return {"ok": True, "device": device, "state": state}

    async def _carry_out(self, session: BrokerSession, command: DeviceCommand) -> _Result:
        if command.expectation is None:
            if failure := await _publish(session, command):
                return failure
            note = "sent; this device does not report its state"
            return {"ok": True, "device": command.device, "confirmed": False, "note": note}
        watch = _Watch(command.device_id, command.expectation, self._book.known(command.device_id))
        self._watches.add(watch)
        try:
            if failure := await _publish(session, command):
                return failure
            confirmed = await self._is_confirmed(watch)
        finally:
            self._watches.discard(watch)
        state = self._book.answer(command.device_id)
        if confirmed:
            return {"ok": True, "device": command.device, "state": state, "confirmed": True}
        late = f"The {command.device} did not confirm in time"
        offline = "; it was last reported to be offline" if self._book.is_absent(command.device_id) else ""
        return {**_failure("no_confirmation", f"{late}{offline}.", command.device), "state": state}

    async def _is_confirmed(self, watch: _Watch) -> bool:
        """Wait for the device's report; one that was heard to be as wished and does not object needs none."""
        if not self._is_met(watch) or self._book.is_absent(watch.device_id):
            return await watch.wait(CONFIRM_S)
        return await watch.wait(SETTLE_S) or self._is_met(watch) or await watch.wait(CONFIRM_S - SETTLE_S)

    def _is_met(self, watch: _Watch) -> bool:
        return watch.expectation.met(self._book.heard(watch.device_id), watch.before)


async def _publish(session: BrokerSession, command: DeviceCommand) -> _Result:
    """Publish all messages in their order; returns an empty result, or the failure."""
    try:
        async with asyncio.timeout(PUBLISH_S):
            for topic, payload in command.messages:
                await session.publish(topic, payload, expiry_s=EXPIRY_S)
    except BrokerRefused as refusal:
        told = f"The {command.device} could not be told: {refusal.problem}."
        return _failure("broker_refused", told, command.device)
    except (BrokerUnavailable, TimeoutError) as outage:
        # Without an acknowledgement the message may still have been delivered.
        problem = outage.problem if isinstance(outage, BrokerUnavailable) else "the broker did not answer in time"
        told = f"Nobody knows whether the {command.device} was told: {problem}."
        return _failure("broker_unavailable", told, command.device)
    return {}


def _failure(error: str, explanation: str, device: str = "") -> _Result:
    named: _Result = {"device": device} if device else {}
    return {"ok": False, **named, "error": error, "explanation": explanation}


def _joined(results: list[_Result]) -> str:
    """Write one result as it is, and several as a list with their common outcome."""
    if len(results) == 1:
        return msgspec.json.encode(results[0]).decode()
    everything = all(result["ok"] for result in results)
    return msgspec.json.encode({"ok": everything, "devices": results}).decode()
