"""The carrier: one record batch, from the stream to everything that it causes being confirmed.

It never raises and is never cancelled (either would end the batch unfinished). What it cannot finish, it waits for;
what it must not wait for any longer, it leaves to the next worker by ending this one without acknowledging.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NoReturn, TypeVar

from pipeline.domain.envelope import Record
from pipeline.domain.errors import HeartlineError, Reason, Rejected, Unavailable
from pipeline.domain.limits import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX
from pipeline.flow import carry
from pipeline.ports import Attempts
from pipeline.stages.work import Doors, Outcome

EXIT_UNFINISHED = 70  # EX_SOFTWARE: a batch cannot be finished and was not acknowledged
EXIT_UNAVAILABLE = 75  # EX_TEMPFAIL: a door stayed shut longer than HEARTLINE_RETRY_SECONDS
FIRST_PAUSE_SECONDS = 0.05

T = TypeVar("T")
Place = tuple[str, int]  # topic, partition
log = logging.getLogger("heartline")


def leave(code: int, why: str) -> NoReturn:
    """End this process at once, acknowledging nothing."""
    log.critical("%s; this worker ends unacknowledged, the events come again", why)
    logging.shutdown()
    os._exit(code)


class Carrier:
    """Carries batches, one of a partition at a time.

    ``prefix`` is what the topic names begin with; ``alive`` is told of every sign of life.
    """

    def __init__(
        self, doors: Doors, attempts: Attempts, prefix: str, retry_seconds: float, alive: Callable[[], None]
    ) -> None:
        self._doors = doors
        self._attempts = attempts
        self._prefix = prefix
        self._retry_seconds = retry_seconds
        self._alive = alive
        self._signs: dict[Place, float] = {}

    def silent_seconds(self) -> float:
        """Answer for how long the batch that is silent longest has given no sign; 0 where none is in work.

        Waiting for a shut door is a sign: it is on purpose and has a limit of its own. Safe from any thread.
        """
        signs = list(self._signs.values())
        return self._doors.clock.seconds() - min(signs) if signs else 0.0

    async def carry(self, records: Sequence[Record]) -> None:
        """Carry one batch of one partition to its end."""
        place = (records[0].topic, records[0].partition)
        self._sign(place)
        try:
            await self._carry(records)
        except asyncio.CancelledError:
            leave(EXIT_UNFINISHED, "a batch was cancelled in the middle")
        except Exception:
            log.exception("a batch of %s failed", records[0].topic)
            leave(EXIT_UNFINISHED, "a batch failed for a reason that the flow does not know")
        finally:
            self._signs.pop(place, None)

    async def _carry(self, records: Sequence[Record]) -> None:
        first, last = records[0], records[-1]
        place = topic, partition = first.topic, first.partition
        attempt = await self._held(place, lambda: self._attempts.begin(topic, partition, first.offset, last.offset))
        if attempt <= ATTEMPTS_MAX:
            outcome = await self._held(place, lambda: self._finish(records))
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
        place = (record.topic, record.partition)
        offset = record.offset
        attempt = await self._held(
            place, lambda: self._attempts.begin(f"{record.topic}#one", record.partition, offset, offset)
        )
        if attempt <= ATTEMPTS_MAX:
            return await self._held(place, lambda: self._finish([record]))
        outcome = Outcome()
        outcome.reject(record, Rejected(Reason.CRASH_LOOP, f"ended its worker {attempt - 1} times"))
        await self._held(place, lambda: self._doors.bus.send(outcome.sends))
        return outcome

    async def _finish(self, records: Sequence[Record]) -> Outcome:
        """Meet the batch, have every send confirmed, settle what was waiting for that."""
        outcome = await carry(records[0].topic.removeprefix(self._prefix), records, self._doors)
        await self._doors.bus.send(outcome.sends)
        for settle in outcome.confirmed:
            await settle()
        return outcome

    async def _withdraw(self, place: Place) -> None:
        """A worker that leaves before a shut door was not ended by its batch."""
        topic, partition = place
        with suppress(HeartlineError):
            await self._attempts.withdraw(topic, partition)
            await self._attempts.withdraw(f"{topic}#one", partition)

    def _sign(self, place: Place) -> None:
        self._signs[place] = self._doors.clock.seconds()
        self._alive()

    async def _held(self, place: Place, work: Callable[[], Awaitable[T]]) -> T:
        """Do ``work``; while a door is shut hold the line and try again, past the limit leave."""
        clock = self._doors.clock
        started, pause = clock.seconds(), FIRST_PAUSE_SECONDS
        self._sign(place)
        while True:
            try:
                return await work()
            except Unavailable as shut:
                waited = clock.seconds() - started
                if waited > self._retry_seconds:
                    await self._withdraw(place)
                    leave(EXIT_UNAVAILABLE, f"waited {waited:.0f} s: {shut}")
                log.warning("%s; next try in %.2g s", shut, pause)
                await clock.sleep(pause)
                self._sign(place)
                pause = min(pause * 2, BACKOFF_SECONDS_MAX)
