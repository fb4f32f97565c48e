"""A worker that fails as planned: `agents.worker.run` with one of its doors wrapped.

``python -m tests.faults.faulty_worker PLAN.json``; settings come from the environment. What the plan may hold:

* ``kill``: ``{"door": "timelines.apply", "after": true, "nth": 3}``: kill -9 oneself at that call (or after it);
* ``poison``: text; reading it kills the worker (kill -9), as a segmentation fault would;
* ``raise_for``: text; reading it raises;
* ``never_for``: text; reading it never answers (the reader is behind a network then);
* ``block``: text; reading it blocks the event loop for ever;
* ``hold``: text and a file; reading it waits until the file is there;
* ``reader_seconds``: the deadline of a reader;
* ``rejects_fail``: how many sends to ``rejects`` fail before one succeeds;
* ``pause``: ``{"door": "timelines.apply", "nth": 2, "file": …}``: write ``<file>.here``, wait for ``file``, go
  on and write what the call answered to ``<file>.answer``.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.worker import run
from pipeline.compose import House, open_house
from pipeline.domain.errors import Unavailable
from pipeline.domain.reading import Reading
from pipeline.ports import Send
from pipeline.settings import Settings, load_settings
from pipeline.stages import read

POLL_SECONDS = 0.02


def die() -> None:
    """End as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


class Door:
    """A door in front of another; ``plan`` says what happens at which of its calls."""

    def __init__(self, name: str, door: Any, plan: Mapping[str, Any]) -> None:
        self._name, self._door, self._plan = name, door, plan
        self._calls = 0

    def __getattr__(self, verb: str) -> Any:
        inner = getattr(self._door, verb)
        for what in ("kill", "pause"):
            if self._plan.get(what, {}).get("door") == f"{self._name}.{verb}":
                return self._wrapped(inner, what)
        return inner

    def _wrapped(self, inner: Any, what: str) -> Any:
        plan = self._plan[what]

        async def call(*args: Any) -> Any:
            if plan.get("topic") and not any(send.topic.startswith(plan["topic"]) for send in args[0]):
                return await inner(*args)
            self._calls += 1
            hit = self._calls == plan["nth"]
            if hit and what == "pause":
                note(plan["file"] + ".here", None)
                await appears(plan["file"])
            if hit and what == "kill" and not plan["after"]:
                die()
            answer = await inner(*args)
            if hit and what == "pause":
                note(plan["file"] + ".answer", answer)
            if hit and what == "kill" and plan["after"]:
                die()
            return answer

        return call


class RefusingBus:
    """A bus on which the topic of rejects is not to be had for a while."""

    def __init__(self, bus: Any, times: int) -> None:
        self._bus, self._left = bus, times

    async def send(self, records: Sequence[Send]) -> None:
        """Send, or raise Unavailable."""
        if self._left and any(send.topic == "rejects" for send in records):
            self._left -= 1
            raise Unavailable("rejects: as planned")
        await self._bus.send(records)


class FaultyReader:
    """Reads as the other does, but for the texts of the plan."""

    def __init__(self, reader: Any, plan: Mapping[str, Any]) -> None:
        self._reader, self._plan = reader, plan
        self.name: str = reader.name
        self.remote = "never_for" in plan or "hold" in plan

    def read(self, texts: Sequence[str]) -> Sequence[Reading] | Awaitable[Sequence[Reading]]:
        """Answer a reading a text, or do as planned."""
        said = "\n".join(texts)
        if self._met("poison", said):
            die()
        if self._met("raise_for", said):
            raise ValueError("as planned")
        if self._met("block", said):
            time.sleep(3600)
        if self._met("never_for", said) or self._met("hold", said):
            return self._later(texts, said)
        answer: Sequence[Reading] = self._reader.read(texts)
        return answer

    def _met(self, what: str, said: str) -> bool:
        return what in self._plan and self._plan[what] in said

    async def _later(self, texts: Sequence[str], said: str) -> Sequence[Reading]:
        if self._met("never_for", said):
            await asyncio.Event().wait()
        await appears(self._plan["hold_file"])
        answer: Sequence[Reading] = self._reader.read(texts)
        return answer


def note(file: str, what: Any) -> None:
    """Let the test know."""
    Path(file).write_text(json.dumps(what), encoding="utf-8")


async def appears(file: str) -> None:
    """Wait for a file."""
    while not os.path.exists(file):  # noqa: ASYNC240, PTH110 - another process makes it
        await asyncio.sleep(POLL_SECONDS)


def opener(plan: Mapping[str, Any]) -> Any:
    """Answer what opens the doors as planned."""

    @asynccontextmanager
    async def open_faulty(settings: Settings) -> AsyncIterator[House]:
        async with open_house(settings) as house:
            doors = house.doors
            bus: Any = RefusingBus(doors.bus, plan.get("rejects_fail", 0))
            faulty = replace(
                doors,
                reader=FaultyReader(doors.reader, plan),
                bus=Door("bus", bus, plan),
                timelines=Door("timelines", doors.timelines, plan),
            )
            yield replace(house, doors=faulty)

    return open_faulty


if __name__ == "__main__":
    the_plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if "reader_seconds" in the_plan:
        read.READ_SECONDS_MAX = the_plan["reader_seconds"]
    sys.exit(run(load_settings(), opener=opener(the_plan)))
