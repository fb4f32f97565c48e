"""The carrier: one record batch, from the stream to everything that it causes being confirmed.

It never raises and is never cancelled (either would end the batch unfinished). What it cannot finish, it waits for;
what it must not wait for any longer, it leaves to the next worker by ending this one without acknowledging.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeVar

from pipeline.domain.envelope import Record
from pipeline.domain.errors import Reason, Rejected, Unavailable
from pipeline.domain.limits import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX
from pipeline.flow import carry
from pipeline.ports import Attempts
from pipeline.stages.work import Doors, Outcome

EXIT_UNFINISHED = 70  # EX_SOFTWARE: a batch cannot be finished and was not acknowledged
EXIT_UNAVAILABLE = 75  # EX_TEMPFAIL: a door stayed shut longer than HEARTLINE_RETRY_SECONDS
FIRST_PAUSE_SECONDS = 0.05

T = TypeVar("T")
log = logging.getLogger("heartline")


def leave(code: int, why: str) -> NoReturn:
    """End this process at once, acknowledging nothing."""
    log.critical("%s; this worker ends unacknowledged, the events come again", why)
    logging.shutdown()
    os._exit(code)


class Carrier:
    """Carries the batches of one agent. ``prefix`` is what the topic names begin with."""

    def __init__(self, doors: Doors, attempts: Attempts, prefix: str, retry_seconds: float) -> None:
        self._doors = doors
        self._attempts = attempts
        self._prefix = prefix
        self._retry_seconds = retry_seconds

    async def carry(self, records: Sequence[Record]) -> None:
        """Carry one batch of one partition to its end."""
        try:
            await self._carry(records)
        except asyncio.CancelledError:
            leave(EXIT_UNFINISHED, "a batch was cancelled in the middle")
        except Exception:
            log.exception("a batch of %s failed", records[0].topic)
            leave(EXIT_UNFINISHED, "a batch failed for a reason that the flow does not know")

    async def _carry(self, records: Sequence[Record]) -> None:
        first, last = records[0], records[-1]
        topic, partition = first.topic, first.partition
        attempt = await self._held(lambda: self._attempts.begin(topic, partition, first.offset, last.offset))
        if attempt <= ATTEMPTS_MAX:
            outcome = await self._held(lambda: self._finish(records))
        else:
            log.error("%s[%s]: offsets %s–%s ended their worker %s times; one by one now",
                      topic, partition, first.offset, last.offset, attempt - 1)  # fmt: skip
            outcome = Outcome()
            for record in records:
                outcome.extend(await self._one(record))
        now = self._doors.clock.now().timestamp() * 1000
        ages = [now - record.timestamp for record in records]
        self._doors.meter.finished(topic.removeprefix(self._prefix), ages, outcome.rejected)

    async def _one(self, record: Record) -> Outcome:
        """Carry a single suspect; the one that ends its worker again and again is the one to reject."""
        place = f"{record.topic}#one"
        attempt = await self._held(lambda: self._attempts.begin(place, record.partition, record.offset, record.offset))
        if attempt <= ATTEMPTS_MAX:
            return await self._held(lambda: self._finish([record]))
        outcome = Outcome()
        outcome.reject(record, Rejected(Reason.CRASH_LOOP, f"ended its worker {attempt - 1} times"))
        await self._held(lambda: self._doors.bus.send(outcome.sends))
        return outcome

    async def _finish(self, records: Sequence[Record]) -> Outcome:
        """Meet the batch, have every send confirmed, settle what was waiting for that."""
        outcome = await carry(records[0].topic.removeprefix(self._prefix), records, self._doors)
        await self._doors.bus.send(outcome.sends)
        for settle in outcome.confirmed:
            await settle()
        return outcome

    async def _held(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do ``work``; while a door is shut hold the line and try again, past the limit leave."""
        clock = self._doors.clock
        started, pause = clock.seconds(), FIRST_PAUSE_SECONDS
        while True:
            try:
                return await work()
            except Unavailable as shut:
                waited = clock.seconds() - started
                if waited > self._retry_seconds:
                    leave(EXIT_UNAVAILABLE, f"waited {waited:.0f} s: {shut}")
                log.warning("%s; next try in %.2g s", shut, pause)
                await clock.sleep(pause)
                pause = min(pause * 2, BACKOFF_SECONDS_MAX)
