"""Time as it passes. The one place that reads it; a wound twin stands beside it for tests."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pipeline.domain.errors import TooSlow

T = TypeVar("T")


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Answer the present moment, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the place

    def seconds(self) -> float:
        """Answer a monotonic reading, in seconds."""
        return time.monotonic()

    def cpu_seconds(self) -> float:
        """Answer the CPU time that this thread has used."""
        return time.thread_time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Await ``work``. Raises TooSlow after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise TooSlow(f"no answer within {seconds} s") from None


class WoundClock:
    """A clock that moves only when it is wound; ``sleep`` winds it."""

    def __init__(self, start: datetime = datetime(2026, 9, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._seconds = 0.0

    def wind(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds

    def now(self) -> datetime:
        """Answer the moment that it was wound to."""
        return self._now

    def seconds(self) -> float:
        """Answer the seconds that it was wound by."""
        return self._seconds

    def cpu_seconds(self) -> float:
        """Answer the seconds that it was wound by: nothing here uses CPU time."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Wind by ``seconds`` and let others run."""
        self.wind(seconds)
        await asyncio.sleep(0)

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Await ``work``; what needs more than a few rounds of the loop is taken for hanging."""
        task = asyncio.ensure_future(work)
        for _ in range(100):
            await asyncio.sleep(0)
            if task.done():
                return task.result()
        task.cancel()
        self.wind(seconds)
        raise TooSlow(f"no answer within {seconds} s")
