"""The watchdog: a thread that ends a worker which is alive and does nothing.

A blocked event loop, a batch that hangs or a consumer that fell out of its group and does not come back all look
alike from outside: the process is up, the lag grows. Nothing inside the loop can see it, so a thread does.
"""

import asyncio
import threading
from collections.abc import Callable
from time import monotonic

from agents.carrier import EXIT_UNFINISHED, leave

CHECKS_PER_LIMIT = 10


class Watchdog:
    """Ends the process when the loop does not answer, or work does not go on, for ``hung_seconds``.

    ``stuck_seconds`` answers for how long nothing has moved although there is work (0 where there is none).
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, stuck_seconds: Callable[[], float], hung_seconds: float
    ) -> None:
        self._loop = loop
        self._stuck_seconds = stuck_seconds
        self._hung_seconds = hung_seconds
        self._answered = monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="heartline-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._answered = monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _answer(self) -> None:
        self._answered = monotonic()

    def _watch(self) -> None:
        while not self._stopped.wait(self._hung_seconds / CHECKS_PER_LIMIT):
            silent = monotonic() - self._answered
            if silent > self._hung_seconds:
                leave(EXIT_UNFINISHED, f"the event loop has not answered for {silent:.0f} s")
            stuck = self._stuck_seconds()
            if stuck > self._hung_seconds:
                leave(EXIT_UNFINISHED, f"nothing has moved for {stuck:.0f} s although there is work")
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:
                return  # the loop is closed: the worker has ended
