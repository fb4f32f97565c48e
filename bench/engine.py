"""What the engine itself costs: agents with an empty body, on this driver, on stock Faust and without Faust.

``python -m bench.engine`` starts Apache Kafka, ``python -m bench.engine host:port`` takes the one that is there.
Every contender is a process of its own and reads the same preloaded topic in a group of its own; the contenders take
turns, and each figure is the median of the turns. The clock runs from the first event to the last one, so that
neither importing nor joining the group is counted; CPU is that of the whole process, all its threads.

Stock Faust runs as its user guide has it, with what makes it faster and costs nothing: raw bytes, no web server,
round robin assignment, and its compiled streams' fast path (``cython_optimizations``). All commit once a second.

The second table is the time from publishing to the body, at a rate that keeps a body of 150 µs an event (about what
reading an emotion costs) half busy.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.driver import app_options
from pipeline.embedded.kafka import Kafka

PARTITIONS = 4
EVENT_BYTES = 160
TURNS = 3
EVENTS = {"getmany": 400_000, "driver": 400_000, "stock": 20_000, "stock take": 20_000}
TITLES = {
    "getmany": "aiokafka getmany, no Faust",
    "driver": "Faust, record-batch driver",
    "stock": "Faust, stock, async for",
    "stock take": "Faust, stock, take(1000, 0.05)",
}
BODY_SECONDS = 150e-6
DELAY_PER_SECOND = 3_000
DELAY_EVENTS = 18_000
CHILD_SECONDS_MAX = 120
TARGETS = {"times stock": 10.0, "share of getmany": 0.4}


class Meter:
    """Counts events in a contender's process and, at the last one, writes the figures down and ends the process."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._left: int = plan["events"]
        self._result = Path(plan["result"])
        self._events = self._left
        self._body_seconds: float = plan["body_seconds"]
        self._delays: list[float] = []
        self._wall = self._cpu = 0.0

    def saw(self, values: Iterable[bytes], count: int) -> None:
        """Take note of ``count`` events, after working on them."""
        if not self._wall:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
            self._result.with_suffix(".reads").touch()
        if self._body_seconds:
            now = time.time()
            self._delays.extend(now - float(value.split(b" ", 1)[0]) for value in values)
            until = time.process_time() + self._body_seconds * count
            while time.process_time() < until:
                pass
        self._left -= count
        if self._left <= 0:
            self._end()

    def _end(self) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        figures = {"events_per_second": self._events / wall, "cpu_us_per_event": cpu / self._events * 1e6}
        if self._delays:
            percent = statistics.quantiles(self._delays[len(self._delays) // 10 :], n=100)  # without the start
            figures |= {"p50_ms": percent[49] * 1e3, "p99_ms": percent[98] * 1e3}
        part = self._result.with_suffix(".part")
        part.write_text(json.dumps(figures), encoding="utf-8")
        part.rename(self._result)
        os._exit(0)


# -- the contenders ------------------------------------------------------------------------------------------
async def getmany(plan: dict[str, Any], meter: Meter) -> None:
    """Read with aiokafka alone."""
    consumer = AIOKafkaConsumer(
        plan["topic"],
        bootstrap_servers=plan["kafka"],
        group_id=plan["group"],
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    committed = time.monotonic()
    while True:
        found = await consumer.getmany(timeout_ms=250)
        for records in found.values():
            meter.saw((record.value for record in records), len(records))
        if found and time.monotonic() - committed > 1.0:
            await consumer.commit()
            committed = time.monotonic()


def driver(plan: dict[str, Any], meter: Meter) -> faust.App:
    """Read with this driver."""
    app = faust.App(plan["group"], datadir=plan["folder"], **app_options(plan["kafka"]))

    @app.agent(app.topic(plan["topic"]))
    async def count(stream: Any) -> None:
        async for batch in stream:
            records: tuple[ConsumerRecord, ...] = batch
            meter.saw((record.value for record in records), len(records))

    return app


def stock(plan: dict[str, Any], meter: Meter) -> faust.App:
    """Read with stock Faust, an event at a time."""
    app = _stock_app(plan)

    @app.agent(app.topic(plan["topic"], key_type=bytes, value_type=bytes))
    async def count(stream: Any) -> None:
        async for value in stream:
            meter.saw((value,), 1)

    return app


def stock_take(plan: dict[str, Any], meter: Meter) -> faust.App:
    """Read with stock Faust's own batches."""
    app = _stock_app(plan)

    @app.agent(app.topic(plan["topic"], key_type=bytes, value_type=bytes))
    async def count(stream: Any) -> None:
        async for values in stream.take(1000, within=0.05):
            meter.saw(values, len(values))

    return app


def _stock_app(plan: dict[str, Any]) -> faust.App:
    return faust.App(
        plan["group"],
        broker=f"kafka://{plan['kafka']}",
        datadir=plan["folder"],
        key_serializer="raw",
        value_serializer="raw",
        broker_commit_interval=1.0,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        cython_optimizations=True,
        web_enabled=False,
    )


ALONE: dict[str, Callable[[dict[str, Any], Meter], Awaitable[None]]] = {"getmany": getmany}
ON_FAUST: dict[str, Callable[[dict[str, Any], Meter], faust.App]] = {
    "driver": driver,
    "stock": stock,
    "stock take": stock_take,
}


def contend(plan: dict[str, Any]) -> None:
    """Be one contender, in a process of its own; does not return."""
    meter = Meter(plan)
    if plan["name"] in ALONE:
        asyncio.run(_awaited(ALONE[plan["name"]](plan, meter)))
    else:
        faust.Worker(ON_FAUST[plan["name"]](plan, meter), loglevel="warn").execute_from_commandline()


async def _awaited(job: Awaitable[None]) -> None:
    await job


# -- the race ------------------------------------------------------------------------------------------------
async def create(kafka: str, topic: str) -> None:
    """Create a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


async def preload(kafka: str, topic: str, events: int) -> None:
    """Fill a new topic with ``events`` events, the partitions alike."""
    await create(kafka, topic)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=262_144)
    await producer.start()
    try:
        value = b"x" * EVENT_BYTES
        for partition in range(PARTITIONS):
            left = events // PARTITIONS
            while left:
                batch = producer.create_batch()
                while left and batch.append(key=b"person", value=value, timestamp=None) is not None:
                    left -= 1
                await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


async def publish_evenly(kafka: str, topic: str, reads: Callable[[], bool]) -> None:
    """Wait until somebody ``reads``, then publish events that carry the time of their sending, at an even rate."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks=1)
    await producer.start()
    try:
        for partition in range(PARTITIONS):
            await producer.send_and_wait(topic, _stamped(), partition=partition)
        while not reads():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
        begin = time.monotonic()
        for number in range(DELAY_EVENTS):
            early = begin + number / DELAY_PER_SECOND - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
            await producer.send(topic, _stamped(), partition=number % PARTITIONS)
        await producer.flush()
    finally:
        await producer.stop()


def _stamped() -> bytes:
    return f"{time.time():.6f} ".encode().ljust(EVENT_BYTES, b"x")


async def turn(kafka: str, name: str, topic: str, group: str, *, paced: bool = False) -> dict[str, float]:
    """Run one contender once; ``paced`` publishes to it meanwhile, in place of a preloaded topic."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        plan = {
            "name": name,
            "kafka": kafka,
            "topic": topic,
            "group": group,
            "folder": folder,
            "result": str(result),
            "events": PARTITIONS + DELAY_EVENTS if paced else EVENTS[name],
            "body_seconds": BODY_SECONDS if paced else 0.0,
        }
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.engine", "--contend", json.dumps(plan), stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(CHILD_SECONDS_MAX):
                if paced:
                    await publish_evenly(kafka, topic, result.with_suffix(".reads").exists)
                await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        figures: dict[str, float] = json.loads(result.read_text(encoding="utf-8"))
        return figures


def medians(turns: list[dict[str, float]]) -> dict[str, float]:
    """Answer the median of each figure."""
    return {figure: statistics.median(one[figure] for one in turns) for figure in turns[0]}


async def race(kafka: str, stamp: str) -> dict[str, Any]:
    """Let the contenders take turns, then measure the delay; answer every figure."""
    topic = f"bench-engine-{stamp}"
    await preload(kafka, topic, max(EVENTS.values()))
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in EVENTS}
    for number in range(TURNS):
        for name in EVENTS:
            turns[name].append(await turn(kafka, name, topic, f"{topic}-{name.replace(' ', '-')}-{number}"))
    speed = {name: medians(each) for name, each in turns.items()}
    delays: dict[str, list[dict[str, float]]] = {"getmany": [], "driver": []}
    for number in range(TURNS):
        for name, each in delays.items():
            fresh = f"{topic}-delay-{name}-{number}"
            await create(kafka, fresh)
            each.append(await turn(kafka, name, fresh, fresh, paced=True))
    rate = {name: figures["events_per_second"] for name, figures in speed.items()}
    return {
        "speed": speed,
        "ratios": {
            "times stock": rate["driver"] / rate["stock"],
            "times stock take": rate["driver"] / rate["stock take"],
            "share of getmany": rate["driver"] / rate["getmany"],
        },
        "delay": {name: medians(each) for name, each in delays.items()},
    }


def run(kafka_address: str) -> dict[str, Any]:
    """Race on the Apache Kafka at ``host:port``. Answers ``speed``, ``ratios`` and ``delay``, medians by contender."""
    return asyncio.run(race(kafka_address, f"{time.time_ns():x}"))


def table(figures: dict[str, Any]) -> str:
    """Answer the figures as two Markdown tables."""
    bare = figures["speed"]["getmany"]["events_per_second"]
    lines = ["| empty body | events/s | CPU µs/event | against getmany |", "|---|---|---|---|"]
    for name, one in figures["speed"].items():
        speed, cpu = one["events_per_second"], one["cpu_us_per_event"]
        lines.append(f"| {TITLES[name]} | {speed:,.0f} | {cpu:.1f} | {speed / bare:.2f} |")
    ratios = figures["ratios"]
    lines.append("")
    lines.append(
        f"The driver is {ratios['times stock']:.1f} times stock (target {TARGETS['times stock']:g}), "
        f"{ratios['times stock take']:.1f} times stock take, "
        f"and {ratios['share of getmany']:.2f} of bare getmany (target {TARGETS['share of getmany']:g})."
    )
    lines += ["", f"| {DELAY_PER_SECOND:,} events/s, body of 150 µs | p50 ms | p99 ms |", "|---|---|---|"]
    lines += [
        f"| {TITLES[name]} | {one['p50_ms']:.1f} | {one['p99_ms']:.1f} |" for name, one in figures["delay"].items()
    ]
    return "\n".join(lines)


async def with_own_kafka() -> dict[str, Any]:
    """Start Apache Kafka, race on it, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        async with Kafka(Path(folder)) as kafka:
            return await race(kafka.address, f"{time.time_ns():x}")


def main(arguments: list[str]) -> None:
    """Contend, or race and print the tables."""
    match arguments:
        case ["--contend", plan]:
            contend(json.loads(plan))
        case [address]:
            print(table(run(address)))
        case []:
            print(table(asyncio.run(with_own_kafka())))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
