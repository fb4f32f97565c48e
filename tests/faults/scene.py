"""A scene: topics and keys of its own, workers as processes, a crowd that speaks, and the checker at the end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from pipeline.buses.feed import whole
from pipeline.buses.kafka import KafkaBus
from pipeline.buses.topics import apply, lags
from pipeline.client import prepare
from pipeline.clocks import SystemClock
from pipeline.compose import load_policy
from pipeline.domain.envelope import Record
from pipeline.domain.ledger import Report
from pipeline.settings import Settings, load_settings
from pipeline.verify import verify

SESSION_SECONDS = 6.0
SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
PARTITIONS = 4
ROOT = Path(__file__).parents[2]


class Worker:
    """One worker process; with a ``plan`` one that fails."""

    def __init__(self, folder: Path, environment: Mapping[str, str], plan: Mapping[str, Any] | None) -> None:
        folder.mkdir()
        self.log = folder / "log"
        command = [sys.executable, "-m", "agents"]
        if plan is not None:
            file = folder / "plan.json"
            file.write_text(json.dumps(plan), encoding="utf-8")
            command = [sys.executable, "-m", "tests.faults.faulty_worker", str(file)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ, **environment}
            )

    @property
    def words(self) -> str:
        """All that it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def end(self, number: signal.Signals) -> int:
        """Send a signal and answer the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS_MAX)


class Scene:
    """What a test of faults works with."""

    def __init__(self, folder: Path, kafka: str, redis: str, prefix: str, **settings: Any) -> None:
        self.folder = folder
        self.workers: list[Worker] = []
        self.settings: Settings = load_settings(
            **{
                "kafka": kafka,
                "redis": redis,
                "prefix": prefix,
                "redis_prefix": prefix.rstrip("-"),
                "group": f"{prefix}workers",
                "session_seconds": SESSION_SECONDS,
                "partitions": PARTITIONS,
                **settings,
            }
        )
        self.policy = load_policy(self.settings)

    async def topics(self) -> None:
        """Make the topics."""
        await apply(self.settings, sorted(self.policy.teams))

    def environment(self, **changes: Any) -> dict[str, str]:
        """Answer the settings as a worker gets them."""
        told = {**self.settings.model_dump(exclude_none=True), **changes}
        return {f"HEARTLINE_{name.upper()}": str(value) for name, value in told.items()}

    def work(self, plan: Mapping[str, Any] | None = None, **changes: Any) -> Worker:
        """Start a worker."""
        worker = Worker(self.folder / f"worker{len(self.workers)}", self.environment(**changes), plan)
        self.workers.append(worker)
        return worker

    async def publish(self, events: Iterable[Mapping[str, Any]], per_second: float | None = None) -> None:
        """Publish feedback as the client does."""
        clock = SystemClock()
        async with KafkaBus(self.settings) as bus:
            sends = [prepare(event, clock)[1] for event in events]
            if per_second is None:
                await bus.send(sends)
                return
            step = max(1, round(per_second / 20))
            for at in range(0, len(sends), step):
                await bus.send(sends[at : at + step])
                await asyncio.sleep(step / per_second)

    async def publish_bytes(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Publish keys and values as they stand."""
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka, max_request_size=20_000_000)
        await producer.start()
        try:
            for key, value in records:
                await producer.send_and_wait(self.settings.topic("feedback"), value, key=key)
        finally:
            await producer.stop()

    async def until(self, what: Callable[[], bool], why: str, seconds: float = SECONDS_MAX) -> None:
        """Poll until ``what`` holds."""
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds:g} s: {why}\n{self.told()}")
            await asyncio.sleep(0.05)

    async def records(self, topic: str) -> list[Record]:
        """Answer all that stands on a topic."""
        return [record async for record in whole(self.settings, [topic])]

    async def reaches(self, topic: str, count: int, seconds: float = SECONDS_MAX) -> None:
        """Wait until a topic holds ``count`` records."""
        end = time.monotonic() + seconds
        while len(await self.records(topic)) < count:
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds:g} s: {count} records on {topic}\n{self.told()}")
            await asyncio.sleep(0.1)

    async def falls_to(self, topic: str, left: int, seconds: float = SECONDS_MAX) -> None:
        """Wait until the workers are ``left`` records behind on a topic."""
        end = time.monotonic() + seconds
        while (lag := (await lags(self.settings, [self.settings.topic(topic)]))[0]).lag != left:
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds:g} s: {left} records left, it is {lag}\n{self.told()}")
            await asyncio.sleep(0.1)

    async def report(self, wait_seconds: float = SECONDS_MAX) -> Report:
        """Wait for the workers and check."""
        return await verify(self.settings, self.policy, wait_seconds=wait_seconds)

    async def clean(self, remembered: int, **totals: int) -> Report:
        """The checker finds nothing, ``remembered`` events are on timelines, and the totals are as said."""
        report = await self.report()
        found = {name: (each.count, each.examples) for name, each in report.anomalies.items() if each.count}
        assert report.clean, f"{found} lag {report.lag}\n{self.told()}"
        assert {"remembered": report.totals["remembered"]} | {k: report.totals[k] for k in totals} == {
            "remembered": remembered,
            **totals,
        }
        return report

    def told(self) -> str:
        """Answer the end of every worker's log."""
        return "\n".join(f"-- worker {n} ({w.process.poll()})\n{w.words[-2500:]}" for n, w in enumerate(self.workers))

    def close(self) -> None:
        """Let no worker live on."""
        for worker in self.workers:
            if worker.running:
                worker.process.send_signal(signal.SIGCONT)
                worker.process.kill()
            worker.process.wait(10)
