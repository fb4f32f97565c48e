"""A server as a child process: started on a free port, awaited, watched, stopped."""

import asyncio
import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.embedded import leash
from pipeline.embedded.ports import free_port, is_free

POLL_SECONDS = 0.01  # between two looks at a child that starts or stops
WATCH_SECONDS = 0.1  # between two looks at a child that runs
ANSWER_SECONDS_MAX = 5.0  # for one question of readiness
PORT_TRIES_MAX = 3
LOG_LINES = 12  # of the log, told when a child dies
LOG_TAIL_BYTES = 8_192
INSTALL = "install it with: pip install 'heartline[embedded]'"
# What a child may know of our environment. Tansu reads its settings from the environment as well as from its
# command line, and would send telemetry where OTEL_EXPORTER_OTLP_ENDPOINT points.
ENVIRONMENT = ("HOME", "JAVA_HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


class Server(ABC):
    """One embedded server; the classes beside this one say which.

    ``folder`` holds its data and its log and is made if it is missing; one server a folder at a time.
    ``async with Server(folder) as server`` starts and stops it. ``start`` after ``stop`` or ``kill`` comes back
    on the same address and the same data. Whatever becomes of this process, the child dies with it
    (``leash.py``). ``port`` 0 takes a free one. May be used from any event loop, also from several one after the other.

    Raises Misconfigured when it cannot run here, Unavailable when it does not come up; both say what to do.
    """

    name: ClassVar[str]
    start_seconds_max: ClassVar[float] = 10.0
    stop_seconds_max: ClassVar[float] = 5.0

    def __init__(self, folder: Path, say: Say = silent, *, port: int = 0) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / f"{self.name}.log"
        self.port = port
        self._say = say
        self._child: leash.Leashed | None = None
        self._wanted = False  # whether it should be running: its end is a death only then

    # What each server is -----------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def available(cls) -> str | None:
        """Answer None, or why it cannot run here and what to do about it."""

    @abstractmethod
    def command(self) -> list[str]:
        """Answer the command line, for ``self.port`` and ``self.folder``."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it serves requests, and is the one that was started and no stranger on its port."""

    async def prepare(self) -> None:  # noqa: B027 - most servers need nothing
        """Make ready what must be there before the first start."""

    def environment(self) -> dict[str, str]:
        """Answer the environment variables of the child."""
        return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}

    # What is done with it ----------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """``127.0.0.1:port``; the port is 0 before the first start."""
        return f"127.0.0.1:{self.port}"

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port that it listens on."""
        return (self.port,)

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._child is not None and not self._child.ended

    @property
    def pid(self) -> int:
        """The process id of the child that runs or ran last. Raises Unavailable before the first start."""
        if self._child is None:
            raise Unavailable(f"{self.name} was not started")
        return self._child.process.pid

    async def start(self) -> None:
        """Start the child and return when it answers. Does nothing while it runs."""
        if self.alive:
            return
        reason = self.available()
        if reason is not None:
            raise Misconfigured(reason)
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.prepare()
        tries = 1 if self.port else PORT_TRIES_MAX  # an address once told is kept
        for left in reversed(range(tries)):
            if tries > 1:
                self.take_ports()
            try:
                await self._start_once()
            except Unavailable:
                # Not its own fault when somebody else listens on its port by now.
                if left and not all(is_free(port) for port in self.ports):
                    continue
                if tries > 1:
                    self.port = 0
                raise
            return

    async def stop(self) -> None:
        """End the child: SIGTERM, and SIGKILL after ``stop_seconds_max``. Does nothing when none runs."""
        self._wanted = False
        if self._child is None:
            return
        try:
            self._child.signal_group(signal.SIGTERM)
            await self._gone(self.stop_seconds_max)
        finally:
            self._child.signal_group(signal.SIGKILL)
        await self._gone(self.stop_seconds_max)

    async def kill(self) -> None:
        """End the child as a power cut would: SIGKILL, nothing flushed."""
        self._wanted = False
        if self._child is not None:
            self._child.signal_group(signal.SIGKILL)
            await self._gone(self.stop_seconds_max)

    async def died(self) -> str:
        """Wait until the child ends though nobody stopped it; answer name, exit code and last log lines."""
        while self.alive or not self._wanted:  # noqa: ASYNC110 - a process ends without telling a loop
            await asyncio.sleep(WATCH_SECONDS)
        return self._obituary()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ---------------------------------------------------------------------------------------------------------

    def take_ports(self) -> None:
        """Choose the port, or the ports where a server needs more than one."""
        self.port = free_port()

    async def _start_once(self) -> None:
        with self.log.open("ab") as log:
            try:
                self._child = leash.start(self.command(), log, self.folder, self.environment())
            except OSError as error:
                raise Misconfigured(f"{self.name} cannot be started: {error}") from error
        try:
            await self._ready()
        except BaseException:
            await self.kill()
            raise
        self._wanted = True

    async def _ready(self) -> None:
        end = time.monotonic() + self.start_seconds_max
        while self.alive:
            if await listens(self.port):
                with contextlib.suppress(TimeoutError, OSError):
                    async with asyncio.timeout(ANSWER_SECONDS_MAX):
                        if await self.answers() and self.alive:
                            return
            if time.monotonic() > end:
                raise Unavailable(
                    f"{self.name} did not answer on {self.address} within {self.start_seconds_max:g} s; "
                    + self._last_words()
                )
            await asyncio.sleep(POLL_SECONDS)
        raise Unavailable(self._obituary())

    async def _gone(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.alive and time.monotonic() < end:  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_SECONDS)

    def _obituary(self) -> str:
        code = None if self._child is None else self._child.process.returncode
        return f"{self.name} ended by itself {told(code)}; {self._last_words()}"

    def _last_words(self) -> str:
        return f"the end of {self.log}:\n{tail(self.log)}"


def told(code: int | None) -> str:
    """Say an exit code of Popen in words."""
    if code is not None and code < 0:
        return f"(killed by {signal.Signals(-code).name})"
    return f"with exit code {code}"


def tail(log: Path) -> str:
    """Answer the last lines of a log, however long it is; one line that says so when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES:]) or "  (nothing)"


async def listens(port: int) -> bool:
    """Whether somebody accepts connections on 127.0.0.1:``port``."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


@contextlib.asynccontextmanager
async def errand(
    command: list[str], log: Path, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[leash.Leashed]:
    """Run a command that ends by itself; it is killed when the block is left before that.

    Raises Misconfigured when it cannot be started.
    """
    with log.open("ab") as file:
        try:
            child = leash.start(command, file, folder, os.environ if environment is None else environment)
        except OSError as error:
            raise Misconfigured(f"{command[0]} cannot be started: {error}") from error
    try:
        yield child
    finally:
        child.signal_group(signal.SIGKILL)
        child.process.wait()


async def ended(child: leash.Leashed, seconds_max: float) -> int | None:
    """Wait for a child; answer its exit code, None when it is still running after ``seconds_max``."""
    end = time.monotonic() + seconds_max
    while not child.ended:
        if time.monotonic() > end:
            return None
        await asyncio.sleep(POLL_SECONDS)
    return child.process.returncode
