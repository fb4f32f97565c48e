"""The carrier: record batches, from the stream to everything that they cause being confirmed.

What waits is carried together (group commit): a group leaves every few milliseconds at most, with the batches of all
partitions that came meanwhile. So a busy worker makes few, large calls, and what comes to an idle one goes at once.
Order holds, since a partition has one batch in work at a time; a group that takes long does not stop the next.

The carrier never raises and is never cancelled (either would end the batch unfinished). What it cannot finish, it
waits for; what it must not wait for any longer, it leaves to the next worker by ending this one, unacknowledged.
"""

import asyncio
import logging
import os
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, TypeVar

from pipeline.domain.envelope import Record
from pipeline.domain.errors import HeartlineError, Reason, Rejected, Unavailable
from pipeline.domain.limits import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX, GROUP_EVENTS_MAX, SUSPECT_EVENTS_MAX
from pipeline.flow import carry
from pipeline.ports import Attempts, Begun
from pipeline.stages.work import Doors, Outcome

EXIT_UNFINISHED = 70  # EX_SOFTWARE: a batch cannot be finished and was not acknowledged
EXIT_UNAVAILABLE = 75  # EX_TEMPFAIL: a door stayed shut longer than HEARTLINE_RETRY_SECONDS
FIRST_PAUSE_SECONDS = 0.05
SUSPECTS = (SUSPECT_EVENTS_MAX, 1)  # events at once of a batch that ended its worker too often, then of such a part
GROUP_EVERY_SECONDS = 0.005  # at most; what comes meanwhile goes along

T = TypeVar("T")
Place = tuple[str, int]  # topic, partition
log = logging.getLogger("heartline")


def leave(code: int, why: str) -> NoReturn:
    """End this process at once, acknowledging nothing."""
    log.critical("%s; this worker ends unacknowledged, the events come again", why)
    logging.shutdown()
    os._exit(code)


def _suspects(place: Place, size: int) -> str:
    """Answer under which topic the parts of a suspect are noted, each by its first offset."""
    return f"{place[0]}#{place[1]}#{size}"


@dataclass(slots=True)
class _Line:
    """What waits to be carried through one step, and the groups that are on their way."""

    waiting: deque[tuple[Sequence[Record], "asyncio.Future[None]"]] = field(default_factory=deque)
    groups: set["asyncio.Task[None] | None"] = field(default_factory=set)
    begun: float = float("-inf")  # when the last group was, by the clock of the loop
    timer: asyncio.TimerHandle | None = None

    def take(self) -> list[tuple[Sequence[Record], "asyncio.Future[None]"]]:
        """Take the batches that waited longest, up to GROUP_EVENTS_MAX events, at least one."""
        taken = [self.waiting.popleft()] if self.waiting else []
        events = len(taken[0][0]) if taken else 0
        while self.waiting and events + len(self.waiting[0][0]) <= GROUP_EVENTS_MAX:
            taken.append(self.waiting.popleft())
            events += len(taken[-1][0])
        return taken


class Carrier:
    """Carries batches, one of a partition at a time.

    ``prefix`` is what the topic names begin with; ``alive`` is told of every sign of life; ``alone`` names the steps
    whose partitions are not carried together, because one event there can hang for long.
    """

    def __init__(
        self,
        doors: Doors,
        attempts: Attempts,
        prefix: str,
        retry_seconds: float,
        *,
        alive: Callable[[], None],
        alone: Collection[str] = (),
    ) -> None:
        self._doors = doors
        self._attempts = attempts
        self._prefix = prefix
        self._retry_seconds = retry_seconds
        self._alive = alive
        self._alone = frozenset(alone)
        self._signs: dict[Place, float] = {}
        self._lines: dict[str, _Line] = defaultdict(_Line)

    def silent_seconds(self) -> float:
        """Answer for how long the batch that is silent longest has given no sign; 0 where none is in work.

        Waiting for a shut door is a sign: it is on purpose and has a limit of its own. Safe from any thread.
        """
        signs = list(self._signs.values())
        return self._doors.clock.seconds() - min(signs) if signs else 0.0

    async def carry(self, records: Sequence[Record]) -> None:
        """Carry one batch of one partition to its end, together with what waits beside it."""
        place = (records[0].topic, records[0].partition)
        self._sign([place])
        try:
            if (step := self._step(records[0])) in self._alone:
                await self._carry([records])
            else:
                await self._together(step, records)
        except asyncio.CancelledError:
            leave(EXIT_UNFINISHED, "a batch was cancelled in the middle")
        except Exception:
            log.exception("a batch of %s failed", records[0].topic)
            leave(EXIT_UNFINISHED, "a batch failed for a reason that the flow does not know")
        finally:
            self._signs.pop(place, None)

    async def _together(self, step: str, records: Sequence[Record]) -> None:
        line, done = self._lines[step], asyncio.get_running_loop().create_future()
        line.waiting.append((records, done))
        self._go(line)
        await done

    def _step(self, record: Record) -> str:
        return record.topic.removeprefix(self._prefix).partition(".")[0]

    def _go(self, line: "_Line") -> None:
        """Start a group, now or when its time has come, if anything waits."""
        loop = asyncio.get_running_loop()
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        if not line.waiting:
            return
        early = line.begun + GROUP_EVERY_SECONDS - loop.time()
        if early > 0:
            line.timer = loop.call_later(early, self._go, line)
            return
        line.begun = loop.time()
        line.groups.add(loop.create_task(self._group(line)))

    async def _group(self, line: "_Line") -> None:
        await asyncio.sleep(0)  # what this turn of the loop still brings comes along
        taken = line.take()
        try:
            await self._carry([records for records, _ in taken])
        except BaseException as error:  # noqa: BLE001 - whoever waits for it decides
            for _, done in taken:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in taken:
                if not done.done():
                    done.set_result(None)
        finally:
            line.groups.discard(asyncio.current_task())
            self._go(line)

    async def _carry(self, batches: Sequence[Sequence[Record]]) -> None:
        begun = [Begun(b[0].topic, b[0].partition, b[0].offset, b[-1].offset) for b in batches]
        places = [(each.topic, each.partition) for each in begun]
        attempts = await self._held(places, lambda: self._attempts.begin(begun))
        outcome = Outcome()
        sound = [r for batch, count in zip(batches, attempts, strict=True) if count <= ATTEMPTS_MAX for r in batch]
        if sound:
            outcome.extend(await self._held(places, lambda: self._finish(sound)))
        for each, batch, count in zip(begun, batches, attempts, strict=True):
            if count > ATTEMPTS_MAX:
                log.error("%s[%s]: offsets %s–%s ended their worker %s times; in parts now", *each, count - 1)
                await self._apart(batch, outcome)
                for size in SUSPECTS:
                    notes = _suspects((each.topic, each.partition), size)
                    await self._held(places, partial(self._attempts.forget, notes))
        now = self._doors.clock.now().timestamp() * 1000
        ages = [now - record.timestamp for batch in batches for record in batch]
        self._doors.meter.finished(self._step(batches[0][0]), ages, outcome.rejected)

    async def _apart(self, records: Sequence[Record], outcome: Outcome, sizes: Sequence[int] = SUSPECTS) -> None:
        """Carry a suspect in parts, and those of them that are suspects too in smaller ones.

        A single event that ends its worker again and again is rejected. A part is done soon, so that what is killed
        by chance comes through before it is killed again. Each part has a note of its own, kept until the whole batch
        is done: until then all of it comes again.
        """
        size, *smaller = [size for size in sizes if size < len(records)] or [1]
        places = [(records[0].topic, records[0].partition)]
        for first in range(0, len(records), size):
            part = records[first : first + size]
            begun = Begun(_suspects(places[0], size), part[0].offset, part[0].offset, part[-1].offset)
            note = [(begun.topic, begun.partition)]
            (attempt,) = await self._held(places, partial(self._attempts.begin, [begun]), note)
            if attempt <= ATTEMPTS_MAX:
                outcome.extend(await self._held(places, partial(self._finish, part), note))
                await self._held(places, partial(self._attempts.withdraw, *note[0]))
            elif smaller:
                await self._apart(part, outcome, smaller)
            else:
                rejected = Outcome()
                rejected.reject(part[0], Rejected(Reason.CRASH_LOOP, f"ended its worker {attempt - 1} times"))
                await self._held(places, partial(self._doors.bus.send, rejected.sends), note)
                outcome.extend(rejected)

    async def _finish(self, records: Sequence[Record]) -> Outcome:
        """Meet the batch, have every send confirmed, settle what was waiting for that."""
        outcome = await carry(self._step(records[0]), records, self._doors)
        await self._doors.bus.send(outcome.sends)
        for settle in outcome.confirmed:
            await settle()
        return outcome

    async def _withdraw(self, places: Sequence[Place]) -> None:
        """A worker that leaves before a shut door was not ended by its batches."""
        with suppress(HeartlineError):
            for topic, partition in places:
                await self._attempts.withdraw(topic, partition)

    def _sign(self, places: Sequence[Place]) -> None:
        self._signs.update(dict.fromkeys(places, self._doors.clock.seconds()))
        self._alive()

    async def _held(self, places: Sequence[Place], work: Callable[[], Awaitable[T]], notes: Sequence[Place] = ()) -> T:
        """Do ``work``; while a door is shut hold the line and try again, past the limit leave.

        ``notes`` are those of attempts beside those of ``places``.
        """
        clock = self._doors.clock
        started, pause = clock.seconds(), FIRST_PAUSE_SECONDS
        self._sign(places)
        while True:
            try:
                return await work()
            except Unavailable as shut:
                waited = clock.seconds() - started
                if waited > self._retry_seconds:
                    await self._withdraw([*places, *notes])
                    leave(EXIT_UNAVAILABLE, f"waited {waited:.0f} s: {shut}")
                log.warning("%s; next try in %.2g s", shut, pause)
                await clock.sleep(pause)
                self._sign(places)
                pause = min(pause * 2, BACKOFF_SECONDS_MAX)
