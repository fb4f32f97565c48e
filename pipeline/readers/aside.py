"""Reads beside the event loop, for readers that take milliseconds a text.

The loop has heartbeats to send and other partitions to serve; a text that takes long must not keep it. What runs the
transformer lets go of the interpreter, so both go on at once. One thread reads, one call after the other: readers
keep tables of what they have met, which no two calls may change together.

Such a call gets no deadline, as no reader in this process does: it cannot be taken back, its length is bounded by the
limits, and one that never ends is what the watchdog is for.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline.domain.reading import Reading
from pipeline.ports import Reader


class AsideReader:
    """Asks ``reader``, which answers at once, in a thread. Implements the Reader port."""

    def __init__(self, reader: Reader) -> None:
        self.name = reader.name
        self._reader = reader
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")

    def read(self, texts: Sequence[str]) -> Awaitable[Sequence[Reading]]:
        """Answer an awaitable of one reading a text, in order."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._answer, list(texts))

    def _answer(self, texts: Sequence[str]) -> Sequence[Reading]:
        answer = self._reader.read(texts)
        if isinstance(answer, Awaitable):
            raise TypeError(f"reader {self.name} answers later already")
        return answer

    def close(self) -> None:
        """End the thread, once it has read what it was asked for."""
        self._thread.shutdown()


def aside(reader: Reader) -> Reader:
    """Answer ``reader``, beside the event loop if it says ``slow = True``."""
    return AsideReader(reader) if getattr(reader, "slow", False) else reader
