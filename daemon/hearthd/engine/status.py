"""How we are: one plain sentence for `systemctl status`, fields for the house, and the moment at which we are ready."""

from collections.abc import Callable

from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Link, Mic, Phase
from hearthd.core.home.topics import RoomState
from hearthd.engine.reporter import Reporter
from hearthd.ports import Supervisor

_DOING = {
    Phase.WAKING: "woken, waiting for the server",
    Phase.LISTENING: "listening to a request",
    Phase.THINKING: "waiting for the answer",
    Phase.SPEAKING: "speaking",
    Phase.FOLLOW_UP: "listening for more",
}
_SERVER = {
    Link.DOWN: "the server is not connected",
    Link.CONNECTING: "connecting to the server",
    Link.READY: "the server is ready",
    Link.REFUSED: "the server refused us",
}


class StatusBoard:
    """Shows the state of the daemon to its supervisor and to the house, whenever it changes."""

    def __init__(
        self,
        supervisor: Supervisor,
        reporter: Reporter,
        wakes: str,
        volume_percent: int,
        spent_today_usd: Callable[[], float] = float,
    ) -> None:
        """`wakes` says how a conversation is started, such as `"okay nabu"`."""
        self._spent_today_usd = spent_today_usd
        self._supervisor = supervisor
        self._reporter = reporter
        self._wakes = wakes
        self._shown = ""
        self._ready = False
        self.volume_percent = volume_percent
        self.broker_trouble: str | None = None
        """What is wrong with the MQTT broker, in plain words; None: nothing, or there is none."""

    def show(self, machine: Machine) -> None:
        """Show how things stand now; the first time that sound is up, say that we are ready."""
        sentence = self.sentence(machine)
        sound_is_up = machine.microphone_trouble is None and machine.speaker_trouble is None
        if sound_is_up and not self._ready:
            self._ready = True
            self._supervisor.ready(sentence)
        elif sentence != self._shown:
            self._supervisor.status(sentence)
        self._shown = sentence
        troubles = [*_sound_troubles(machine), *_link_troubles(machine), machine.budget_trouble]
        self._reporter.state(
            RoomState(
                phase=machine.shown.value,
                link=machine.link.value,
                server="none" if machine.server is None else machine.server.value,
                server_reason=machine.server_reason or None,
                mic=machine.mic.value,
                volume_percent=self.volume_percent,
                cost_today_usd=round(self._spent_today_usd(), 4),
                problem="; ".join(filter(None, troubles)) or None,
            )
        )

    def sentence(self, machine: Machine) -> str:
        """Return the plain-words status."""
        parts = _sound_troubles(machine)
        if machine.phase is not Phase.IDLE:
            parts.append(_DOING[machine.phase])
        elif machine.mic is Mic.MUTED:
            parts.append("muted")
        elif not parts:
            parts.append(f"waiting for {self._wakes}")
        parts += _link_troubles(machine) or [machine.budget_trouble or _server(machine)]
        if self.broker_trouble is not None:
            parts.append(f"no MQTT broker: {self.broker_trouble}")
        return "; ".join(parts)


def _sound_troubles(machine: Machine) -> list[str]:
    troubles = []
    if machine.microphone_trouble is not None:
        troubles.append(f"no microphone: {machine.microphone_trouble}")
    if machine.speaker_trouble is not None:
        troubles.append(f"no loudspeaker: {machine.speaker_trouble}")
    return troubles


def _link_troubles(machine: Machine) -> list[str]:
    return [f"{_server(machine)}: {machine.link_trouble}"] if machine.link_trouble else []


def _server(machine: Machine) -> str:
    """Say how the server stands that is used; about the one on this machine, why it is used."""
    words = _SERVER[machine.link]
    if machine.server_reason:
        return f"{words.replace('the server', 'the offline server')} ({machine.server_reason})"
    return words
