"""The processes of a contestant: started, held while the input is laid down, let go, watched and ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from types import TracebackType
from typing import NamedTuple, Self

import psutil

END_SECONDS_MAX = 25.0


class Contestant(NamedTuple):
    """Somebody who does the job. ``groups`` are its consumer groups, behind the prefix."""

    name: str
    command: tuple[str, ...]
    groups: tuple[str, ...]
    timelines: str  # pattern of the Redis keys of its timelines (sorted sets)
    cases: str  # pattern of the Redis keys of its cases (hashes)


HEARTLINE = Contestant("heartline", ("-m", "agents"), ("heartline",), "*:when:*", "*:cases:*")
BARE = Contestant(
    "aiokafka loops", ("-m", "bench.peers.bare_aiokafka"), ("feedback", "moments", "alerts"), "timeline:*", "cases:*"
)
STOCK = Contestant(
    "stock faust",
    ("-m", "bench.peers.stock_faust", "worker", "-l", "error", "--without-web"),
    ("faust",),
    "timeline:*",
    "cases:*",
)
CONTESTANTS = {each.name: each for each in (HEARTLINE, BARE, STOCK)}


class Used(NamedTuple):
    """What processes have used up to a moment (``at``, seconds since 1970)."""

    at: float
    cpu_seconds: float
    rss_bytes: int


@dataclass
class Watched:
    """Some processes and what they used, sampled."""

    processes: list[psutil.Process]
    samples: list[Used] = field(default_factory=list)

    def sample(self) -> None:
        """Look once."""
        cpu, rss = 0.0, 0
        for process in self.processes:
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.user + times.system
                rss += process.memory_info().rss
        self.samples.append(Used(time(), cpu, rss))

    def cpu_between(self, start: float, end: float) -> float:
        """Answer the CPU seconds used from ``start`` to ``end``, between samples by proportion."""
        return self._cpu_at(end) - self._cpu_at(start)

    def _cpu_at(self, at: float) -> float:
        before = self.samples[0]
        for sample in self.samples:
            if sample.at >= at:
                span = sample.at - before.at
                share = (at - before.at) / span if span > 0 else 0.0
                return before.cpu_seconds + max(0.0, share) * (sample.cpu_seconds - before.cpu_seconds)
            before = sample
        return before.cpu_seconds

    @property
    def rss_mb(self) -> float:
        """The most memory seen, in MB (10^6 bytes), of all of them together."""
        return max(sample.rss_bytes for sample in self.samples) / 1e6


class Workers:
    """``count`` processes of a contestant. Use as a context manager; whatever happens, they end with it."""

    def __init__(self, contestant: Contestant, count: int, environment: Mapping[str, str], log: Path) -> None:
        self._contestant = contestant
        self._count = count
        self._environment = {**os.environ, **environment}
        self._log = log
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            for _ in range(self._count):
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, *self._contestant.command],
                        env=self._environment,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(END_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to each that lives."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(number)

    def watched(self) -> Watched:
        """Answer what to sample. Raises RuntimeError where one has died."""
        self.check()
        return Watched([psutil.Process(process.pid) for process in self._processes])

    def check(self) -> None:
        """Raise RuntimeError, with the end of the log, where one has died."""
        if any(process.poll() is not None for process in self._processes):
            end = self._log.read_text("utf-8", "replace")[-3_000:]
            raise RuntimeError(f"a process of {self._contestant.name} ended by itself:\n{end}")
