"""The workers of a `heartline up`: child processes that are watched, begun again and stopped."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.domain.limits import DEATHS_MAX
from pipeline.embedded import leash
from pipeline.embedded.server import tail, told
from pipeline.settings import Settings

READY = b"heartline ready:"
READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.05
FIRST_PAUSE_SECONDS = 0.5
PAUSE_SECONDS_MAX = 10.0
STEADY_SECONDS = 60.0  # a worker that ran so long begins again without a pause
MISCONFIGURED = 2

Say = Callable[[str], None]


def environment_of(settings: Settings) -> dict[str, str]:
    """Answer the environment in which a worker finds exactly these settings."""
    told = {
        f"HEARTLINE_{name.upper()}": str(value)
        for name, value in settings.model_dump(mode="json").items()
        if value is not None
    }
    # The package is found wherever it was found now, also where it is not installed.
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, **told, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def worker_command() -> list[str]:
    """Answer the command line of a worker; -P keeps a package `agents` of the current folder out."""
    return [sys.executable, "-P", "-m", "agents"]


class Worker:
    """One worker: started, watched, started again."""

    def __init__(self, number: int, settings: Settings, folder: Path, logs: Path, say: Say) -> None:
        self.name = f"worker {number}"
        self.log = logs / f"worker-{number}.log"
        self._settings = settings
        self._folder = folder
        self._say = say
        self._child: leash.Leashed | None = None
        self._seen = 0  # how much of the log was there before this start

    @property
    def pid(self) -> int | None:
        """The process id of the child, if one runs."""
        return None if self._child is None or self._child.ended else self._child.process.pid

    def start(self) -> None:
        """Start the child."""
        with self.log.open("ab") as log:
            self._seen = log.tell()
            self._child = leash.start(worker_command(), log, self._folder, environment_of(self._settings))

    async def ready(self) -> None:
        """Wait until it says that it is ready. Raises Unavailable when it ends, or takes too long."""
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                while READY not in self._new():
                    if self._child is None or self._child.ended:
                        raise self._ended()
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise Unavailable(
                f"{self.name} was not ready within {READY_SECONDS_MAX:g} s; the end of {self.log}:\n{tail(self.log)}"
            ) from None

    def _new(self) -> bytes:
        with self.log.open("rb") as log:
            log.seek(self._seen)
            return log.read()

    def _ended(self) -> Unavailable | Misconfigured:
        code = self._child.process.returncode if self._child else None
        kind = Misconfigured if code == MISCONFIGURED else Unavailable
        return kind(f"{self.name} ended {told(code)}; the end of {self.log}:\n{tail(self.log)}")

    async def watch(self, clock: Callable[[], float]) -> int:
        """Begin it again whenever it dies. Raises Unavailable when it does not stay."""
        deaths, pause = 0, FIRST_PAUSE_SECONDS
        while True:
            began = clock()
            while self._child is not None and not self._child.ended:  # noqa: ASYNC110 - a process ends without a word
                await asyncio.sleep(POLL_SECONDS)
            steady = clock() - began > STEADY_SECONDS
            deaths, pause = (1, FIRST_PAUSE_SECONDS) if steady else (deaths + 1, pause)
            error = self._ended()
            if deaths >= DEATHS_MAX or isinstance(error, Misconfigured):
                raise error
            self._say(f"{error}\n{self.name} begins again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
            self.start()

    async def stop(self) -> None:
        """Let it finish what it works on (SIGTERM); end it where that takes too long."""
        if self._child is None:
            return
        self._child.signal_group(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS_MAX):
                while not self._child.ended:  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
        self._child.signal_group(signal.SIGKILL)


class Crew:
    """All workers of this process."""

    def __init__(self, workers: list[Worker], clock: Callable[[], float]) -> None:
        self.workers = workers
        self._clock = clock

    async def ready(self) -> None:
        """Wait until every worker is ready. Raises Unavailable."""
        await asyncio.gather(*(worker.ready() for worker in self.workers))

    async def watch(self) -> int:
        """Begin again whichever dies. Raises Unavailable when one does not stay."""
        if not self.workers:
            await asyncio.Event().wait()
        watches = [asyncio.ensure_future(worker.watch(self._clock)) for worker in self.workers]
        try:
            await asyncio.wait(watches, return_when=asyncio.FIRST_EXCEPTION)
            return next(watch.result() for watch in watches if watch.done())
        finally:
            for watch in watches:
                watch.cancel()


@contextlib.asynccontextmanager
async def crew(
    count: int, settings: Settings, folder: Path, logs: Path, *, say: Say, clock: Callable[[], float]
) -> AsyncIterator[Crew]:
    """Start ``count`` workers in ``folder`` and stop them at the end, whatever happens."""
    workers = [Worker(number, settings, folder, logs, say) for number in range(1, count + 1)]
    try:
        for worker in workers:
            worker.start()
        yield Crew(workers, clock)
    finally:
        await asyncio.shield(asyncio.gather(*(worker.stop() for worker in workers)))
