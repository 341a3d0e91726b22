"""The responses of one session: at most one in the default conversation, any number beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed

from tests.doubles.realtime.conversation import Item
from tests.doubles.realtime.record import Cancel, ResponseRecord, now_s
from tests.doubles.realtime.refused import Refused
from tests.doubles.realtime.response import Context, ResponseRun
from tests.doubles.realtime.scenario import resolve
from tests.doubles.realtime.script import Failed, Reply, ResponseRequest
from tests.doubles.realtime.usage import Meter

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from tests.doubles.realtime.script import FunctionOutput, Json, Responder
    from tests.doubles.realtime.wiring import Wiring

UNSCRIPTED = Reply((), ending=Failed("server_error", "Nothing is scripted here.", "server_error"))


class Responses:
    """Starts, cancels and ends responses. Owned by the session; plays in the session's tasks."""

    def __init__(self, wiring: Wiring, tasks: asyncio.TaskGroup) -> None:
        self._wiring = wiring
        self._group = tasks
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, ResponseRun] = {}
        self._active: ResponseRun | None = None
        self._wanted_by_vad = False
        self._heard: list[bytes] = []
        self._outputs: list[FunctionOutput] = []
        self._meter = Meter(wiring.scenario.cache_from_tokens)
        self._spoke = False
        self._afterwards: list[Callable[[], Awaitable[None]]] = []

    @property
    def has_spoken(self) -> bool:
        """Whether the model has produced audio in this session."""
        return self._spoke or any(run.has_spoken for run in self._running.values())

    def hear(self, pcm: bytes) -> None:
        """Take a committed turn: the next response answers it."""
        self._heard.append(pcm)

    def take_output(self, output: FunctionOutput) -> None:
        """Take a function output: the next response knows it."""
        self._outputs.append(output)

    def do_after(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something behind the end of the next response."""
        self._afterwards.append(work)

    def create(self, body: Json) -> None:
        """Start a response; `body` is the `response` of the client's event.

        Raises Refused while another one is active in the default conversation.
        """
        out_of_band = body.get("conversation") == "none"
        if self._active is not None and not out_of_band:
            text = (
                "Conversation already has an active response in progress: "
                f"{self._active.record.id}. Wait until the response is finished before creating "
                "a new one."
            )
            raise Refused("conversation_already_has_active_response", text)
        run = self._new_run(body, out_of_band=out_of_band)
        self._running[run.record.id] = run
        if not out_of_band:
            self._active = run
        chosen = self._wiring.cursor.next_reply(out_of_band=out_of_band)
        if chosen is None:
            kind = "out-of-band response" if out_of_band else "response"
            self._violation(f"unscripted {kind} number {run.record.request.number}")
        task = self._group.create_task(self._play(run, chosen or UNSCRIPTED), name=run.record.id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def answer_vad(self) -> None:
        """Start the response that the server's VAD asks for, after one that is being cancelled.

        Raises Refused while another one plays on.
        """
        if self._active is not None and self._active.stopping:
            self._wanted_by_vad = True
        else:
            self.create({})

    def interrupt(self) -> None:
        """Cancel the active response because the user speaks."""
        if self._active is not None:
            self._active.cancel("turn_detected")

    def cancel(self, response_id: str | None) -> None:
        """Cancel a response by id, or the active one. Raises Refused if there is none."""
        run = self._running.get(response_id) if response_id else self._active
        hit = None if run is None else run.record.id
        self._wiring.record.cancels.append(Cancel(now_s(), self._wiring.session.number, hit))
        if run is None:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        run.cancel("client_cancelled")

    def stop(self) -> None:
        """End all delivery at once: the client has gone."""
        for task in self._tasks:
            task.cancel()

    async def _play(self, run: ResponseRun, chosen: Reply | Responder) -> None:
        try:
            await run.play(await resolve(chosen, run.record.request))
            while self._afterwards:
                await self._afterwards.pop(0)()
        except ConnectionClosed:
            return
        if self._wanted_by_vad and self._active is None:
            self._wanted_by_vad = False
            self.create({})

    def _finishing(self, run: ResponseRun) -> None:
        self._spoke = self._spoke or run.has_spoken
        del self._running[run.record.id]
        if self._active is run:
            self._active = None

    def _new_run(self, body: Json, *, out_of_band: bool) -> ResponseRun:
        wiring = self._wiring
        settings = _settings(wiring.session.config, body)
        record = ResponseRecord(
            id=wiring.outbox.new_id("resp"),
            connection=wiring.session.number,
            request=self._request(body, settings, out_of_band=out_of_band),
            requested_at_s=now_s(),
        )
        wiring.record.responses.append(record)
        context = Context(
            outbox=wiring.outbox,
            conversation=None if out_of_band else wiring.conversation,
            meter=Meter(wiring.scenario.cache_from_tokens) if out_of_band else self._meter,
            config=settings,
            metadata=body.get("metadata"),
            read=self._read(body),
            rate_limits=wiring.scenario.quirks.rate_limits,
            finishing=lambda: self._finishing(run),
        )
        run = ResponseRun(context, record)
        return run

    def _request(self, body: Json, settings: Json, *, out_of_band: bool) -> ResponseRequest:
        wiring = self._wiring
        wiring.cursor.requests += 1
        request = ResponseRequest(
            number=wiring.cursor.requests,
            connection=wiring.session.number,
            pcm=b"".join(self._heard),
            outputs=tuple(self._outputs),
            tools=tuple(settings["tools"]),
            instructions=settings["instructions"],
            out_of_band=out_of_band,
            body=body,
            items=tuple(item.view() for item in wiring.conversation.items),
        )
        if not out_of_band:
            self._heard.clear()
            self._outputs.clear()
        return request

    def _read(self, body: Json) -> tuple[Item, ...]:
        """Return the items that the response gets as input."""
        given = body.get("input")
        if given is None:
            return self._wiring.conversation.items
        return tuple(
            self._wiring.conversation.get(entry["id"], "retrieve")
            if entry["type"] == "item_reference"
            else Item({"id": "", **entry})
            for entry in given
        )

    def _violation(self, problem: str) -> None:
        self._wiring.record.add_violation(self._wiring.session.number, problem)


def _settings(session: Json, body: Json) -> Json:
    """Lay a response's own settings over those of its session."""
    names = ("instructions", "tools", "tool_choice", "output_modalities", "max_output_tokens")
    own = {name: body[name] for name in names if body.get(name) is not None}
    output = {**session["audio"]["output"], **((body.get("audio") or {}).get("output") or {})}
    return {**session, **own, "audio": {**session["audio"], "output": output}}
