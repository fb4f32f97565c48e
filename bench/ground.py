"""The ground that every run stands on: Apache Kafka and Valkey, started for the benchmark, and one job on them.

How a run goes: topics are made, the workers start on them empty and join their group, then they are held (SIGSTOP)
while the whole input is laid into ``feedback``, and let go (SIGCONT): that is the start. So neither the start of
a process, nor the joining, nor the loading is in the figures, and they are the same for everybody. The end is when
the newest record of moments, alerts and cases was written. A run counts only if afterwards the committed offsets of
every step stand at the ends of its topics, and if as many moments are remembered as events were published.
"""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time
from typing import Any

import psutil
import redis

from bench.broker import Broker
from bench.load import Said
from bench.workers import HEARTLINE, Contestant, Watched, Workers
from pipeline.compose import load_policy
from pipeline.domain.policy import Policy
from pipeline.embedded.kafka import Kafka
from pipeline.embedded.valkey import Valkey
from pipeline.settings import Settings

PARTITIONS = 8
SESSION_SECONDS = 30.0
RUN_SECONDS_MAX = 180.0
SAMPLE_SECONDS = 0.1
ASK_SECONDS = 0.5
SCAN_KEYS = 2_000


@dataclass(frozen=True, slots=True)
class Ran:
    """One run. CPU is of the workers, Kafka and Valkey, in µs an event; memory is of the workers, in MB."""

    contestant: str
    reader: str
    workers: int
    events: int
    seconds: float
    events_per_second: float
    cpu_us: float
    kafka_cpu_us: float
    valkey_cpu_us: float
    rss_mb: float
    committed_after_seconds: float
    moments: int
    alerts: int
    cases: int

    def row(self) -> dict[str, Any]:
        """Answer the figures as plain values."""
        return asdict(self)


class Ground:
    """The servers, the policy, and runs on them."""

    def __init__(self, kafka: Kafka, valkey: Valkey, folder: Path) -> None:
        self.broker = Broker(kafka.address)
        self.valkey = valkey
        self.folder = folder
        self.policy: Policy = load_policy(Settings())
        self.teams = sorted(self.policy.teams)
        self.servers = {"kafka": Watched([psutil.Process(kafka.pid)]), "valkey": Watched([psutil.Process(valkey.pid)])}
        self._numbers = count(1)

    @contextmanager
    def workers(self, contestant: Contestant, reader: str, how_many: int = 1) -> Iterator[tuple[Settings, Workers]]:
        """Start workers on empty topics and an empty Redis, wait until they have joined, tidy up behind them."""
        prefix = f"r{next(self._numbers)}-"
        settings = Settings(
            kafka=self.broker.address, redis=self.valkey.url, prefix=prefix, group=f"{prefix}heartline", reader=reader
        )
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()
        self.broker.make_topics(settings, self.teams)
        log = self.folder / f"{prefix}{contestant.name.replace(' ', '-')}.log"
        groups = [prefix + group for group in contestant.groups]
        try:
            with Workers(contestant, how_many, environment(settings), log) as workers:
                for _ in self.broker.joined(groups, how_many, self.steps(prefix), PARTITIONS):
                    workers.check()
                sleep(1.0)  # the first fetches
                yield settings, workers
        finally:
            self.broker.drop_topics(prefix)

    def steps(self, prefix: str) -> list[str]:
        """Answer the topics that a step reads."""
        return [prefix + name for name in ("feedback", "moments", *(f"alerts.{team}" for team in self.teams))]

    def run(self, contestant: Contestant, reader: str, said: Sequence[Said], how_many: int = 1) -> Ran:
        """Let ``how_many`` workers do the whole job on ``said`` and answer the figures."""
        with self.workers(contestant, reader, how_many) as (settings, workers):
            prefix = settings.prefix
            watched = {"workers": workers.watched(), **self.servers}
            for each in self.servers.values():
                each.samples.clear()
            workers.signal(signal.SIGSTOP)
            self.broker.load(f"{prefix}feedback", (each.send for each in said), PARTITIONS)
            for each in watched.values():
                each.sample()
            start = time()
            workers.signal(signal.SIGCONT)
            committed = self._await_end(contestant, prefix, workers, list(watched.values()))
            outputs = [*self.steps(prefix)[1:], f"{prefix}cases"]
            end = self.broker.newest(outputs, PARTITIONS)
            alerts = sum(self.broker.ends(self.steps(prefix)[2:], PARTITIONS).values())
        moments, cases = self._count(contestant)
        events = len(said)
        if moments != events:
            raise RuntimeError(f"{contestant.name} remembered {moments} moments of {events} events: unlike work")
        cpu = {name: 1e6 * each.cpu_between(start, end) / events for name, each in watched.items()}
        return Ran(
            contestant=contestant.name,
            reader=reader,
            workers=how_many,
            events=events,
            seconds=round(end - start, 3),
            events_per_second=round(events / (end - start), 1),
            cpu_us=round(cpu["workers"], 1),
            kafka_cpu_us=round(cpu["kafka"], 1),
            valkey_cpu_us=round(cpu["valkey"], 1),
            rss_mb=round(watched["workers"].rss_mb, 1),
            committed_after_seconds=round(committed - start, 3),
            moments=moments,
            alerts=alerts,
            cases=cases,
        )

    def _await_end(self, contestant: Contestant, prefix: str, workers: Workers, watched: list[Watched]) -> float:
        """Wait until every step has committed all that it was sent; answer when that was seen."""
        groups = [prefix + group for group in contestant.groups]
        topics = self.steps(prefix)
        limit, ask = monotonic() + RUN_SECONDS_MAX, 0.0
        while monotonic() < limit:
            workers.check()
            for each in watched:
                each.sample()
            if monotonic() > ask:
                committed = self.broker.committed(groups, topics, PARTITIONS)
                # The ends are asked for afterwards: where they are equal, nothing was on its way between.
                if committed == self.broker.ends(topics, PARTITIONS):
                    return time()
                ask = monotonic() + ASK_SECONDS
            sleep(SAMPLE_SECONDS)
        raise RuntimeError(f"{contestant.name} was not through after {RUN_SECONDS_MAX:.0f} s")

    def _count(self, contestant: Contestant) -> tuple[int, int]:
        """Answer how many moments are remembered and how many cases are kept."""
        with redis.Redis.from_url(self.valkey.url) as client:
            timelines = list(client.scan_iter(match=contestant.timelines, count=SCAN_KEYS, _type="zset"))
            cases = list(client.scan_iter(match=contestant.cases, count=SCAN_KEYS, _type="hash"))
            with client.pipeline(transaction=False) as pipe:
                for key in timelines:
                    pipe.zcard(key)
                for key in cases:
                    pipe.hlen(key)
                counts = pipe.execute()
        return sum(counts[: len(timelines)]), sum(counts[len(timelines) :])


def environment(settings: Settings) -> dict[str, str]:
    """Answer what a worker of any contestant is told."""
    return {
        "HEARTLINE_KAFKA": settings.kafka,
        "HEARTLINE_REDIS": settings.redis,
        "HEARTLINE_PREFIX": settings.prefix,
        "HEARTLINE_GROUP": settings.group,
        "HEARTLINE_READER": settings.reader if settings.reader != "vader" else "flat",
        "HEARTLINE_PARTITIONS": str(PARTITIONS),
        "HEARTLINE_SESSION_SECONDS": str(SESSION_SECONDS),
        "HEARTLINE_LOG_LEVEL": "warning",
        "BENCH_KAFKA": settings.kafka,
        "BENCH_REDIS": settings.redis,
        "BENCH_PREFIX": settings.prefix,
        "BENCH_READER": settings.reader,
        "BENCH_SESSION_SECONDS": str(SESSION_SECONDS),
    }


@contextmanager
def ground() -> Iterator[Ground]:
    """Start Apache Kafka and Valkey in a folder that goes with them."""
    with TemporaryDirectory(prefix="heartline-bench-") as name, asyncio.Runner() as runner:
        folder = Path(name)
        kafka, valkey = Kafka(folder / "kafka", print), Valkey(folder / "valkey", print)
        try:
            runner.run(kafka.start())
            runner.run(valkey.start())
            yield Ground(kafka, valkey, folder)
        finally:
            runner.run(valkey.stop())
            runner.run(kafka.stop())


__all__ = ["HEARTLINE", "PARTITIONS", "Ground", "Ran", "ground"]
