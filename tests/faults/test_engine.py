"""The record-batch driver under faults: real workers, a real broker, and a journal of what the bodies did.

Every test publishes numbered events and asks afterwards how often each was finished: none is lost, and none is
finished twice unless a worker or the broker was killed or suspended. Nothing is left to chance but the scheduling of
processes; where one has to be waited for, its journal is polled.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from agents.carrier import EXIT_UNFINISHED
from pipeline.embedded.server import Server

PARTITIONS = 4
SECONDS_MAX = 60.0


class Line(NamedTuple):
    """One line of a journal."""

    word: str
    partition: int
    offset: int
    value: str


class Worker:
    """One process of the group."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        folder.mkdir()
        self.journal = folder / "journal"
        self.log = folder / "log"
        plan = plan | {"journal": str(self.journal), "folder": str(folder / "faust")}
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.engine_worker", str(folder / "plan.json")],
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )

    def lines(self, word: str = "done") -> list[Line]:
        """Answer the lines of the journal that begin with ``word``; a torn last line is left out."""
        if not self.journal.exists():
            return []
        whole = self.journal.read_text(encoding="utf-8").rpartition("\n")[0]
        split = (line.split(" ") for line in whole.splitlines())
        return [Line(w, int(p), int(o), value) for w, p, o, value in split if w == word]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and answer the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


class Scene:
    """A topic, a group and its workers."""

    def __init__(self, broker: Server, folder: Path, name: str) -> None:
        self.broker, self.folder, self.name = broker, folder, name
        self.workers: list[Worker] = []
        self.sent: list[str] = []
        self.ends = dict.fromkeys(range(PARTITIONS), 0)  # the offset behind the last event of each partition
        self.plan: dict[str, Any] = {
            "group": name,
            "topic": name,
            "brokers": broker.address,
            "rebalance_seconds": 20.0,
            "batch_events_max": 20,
            "concurrency": 1,
            "batch_seconds": 0.01,
            "slow_partitions": [],
            "slow_seconds": 0.0,
            "raise_at": [],
            "block_at": [],
            "hang_at": [],
            "hung_seconds": 0.0,
        }

    def work(self, **changes: Any) -> Worker:
        """Start a worker."""
        worker = Worker(self.folder / f"worker{len(self.workers)}", self.plan | changes)
        self.workers.append(worker)
        return worker

    async def publish(self, count: int, per_second: float | None = None) -> None:
        """Publish ``count`` numbered events, spread over the partitions by their number."""
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.address, linger_ms=5)
        await producer.start()
        try:
            for _ in range(count):
                value = str(len(self.sent))
                partition = zlib.crc32(value.encode()) % PARTITIONS
                await producer.send(self.name, value.encode(), partition=partition)
                self.ends[partition] += 1
                self.sent.append(value)
                if per_second is not None:
                    await asyncio.sleep(1 / per_second)
            await producer.flush()
        finally:
            await producer.stop()

    def done(self) -> Counter[str]:
        """Answer how often each event was finished, over all workers."""
        return Counter(line.value for worker in self.workers for line in worker.lines())

    async def until(self, what: Callable[[], bool], why: str) -> None:
        """Poll until ``what`` holds."""
        end = time.monotonic() + SECONDS_MAX
        while not what():
            if time.monotonic() > end:
                logs = "\n".join(worker.log.read_text(encoding="utf-8")[-3000:] for worker in self.workers)
                pytest.fail(f"not within {SECONDS_MAX:g} s: {why}; {len(self.done())} of {len(self.sent)}\n{logs}")
            await asyncio.sleep(0.02)

    async def all_done(self) -> None:
        """Wait until every event was finished at least once."""
        await self.until(lambda: len(self.done()) == len(self.sent), "every event finished")

    async def committed(self) -> dict[int, int]:
        """Answer the committed offset of each partition; 0 where there is none."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.address, group_id=self.name, enable_auto_commit=False)
        tps = [TopicPartition(self.name, partition) for partition in range(PARTITIONS)]
        consumer.assign(tps)
        await consumer.start()
        try:
            return {tp.partition: await consumer.committed(tp) or 0 for tp in tps}
        finally:
            await consumer.stop()

    def assert_nothing_lost(self) -> None:
        """Every event was finished."""
        assert set(self.sent) - set(self.done()) == set()

    def assert_nothing_doubled(self) -> None:
        """No event was finished twice."""
        assert {value: count for value, count in self.done().items() if count > 1} == {}

    def finished_head(self) -> dict[int, int]:
        """Answer, for each partition, the first offset that no worker has finished."""
        done = {(line.partition, line.offset) for worker in self.workers for line in worker.lines()}
        heads = {}
        for partition in range(PARTITIONS):
            offset = 0
            while (partition, offset) in done:
                offset += 1
            heads[partition] = offset
        return heads

    async def assert_committed_behind_work(self) -> None:
        """Nothing is committed that was not finished before."""
        committed, heads = await self.committed(), self.finished_head()
        assert all(offset <= heads[partition] for partition, offset in committed.items()), (committed, heads)


@pytest.fixture
async def scene(broker: Server, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Answer a scene on a fresh topic; its workers do not outlive it."""
    name = f"{request.node.originalname}-{os.getpid()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    finally:
        await admin.close()
    scene = Scene(broker, tmp_path, name)
    yield scene
    for worker in scene.workers:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGCONT)
            worker.process.kill()
        worker.process.wait(10)


async def test_a_second_worker_joins_and_leaves(scene: Scene) -> None:
    """Two rebalances under load lose nothing and finish nothing twice, and both workers get work."""
    first = scene.work()
    load = asyncio.ensure_future(scene.publish(3000, per_second=400))
    await scene.until(lambda: len(first.lines()) > 100, "the first worker works")
    second = scene.work()
    await scene.until(lambda: len(second.lines()) > 100, "the second worker works")
    assert second.end(signal.SIGTERM) == 0
    await load
    await scene.all_done()
    assert first.end(signal.SIGTERM) == 0
    scene.assert_nothing_lost()
    scene.assert_nothing_doubled()
    assert await scene.committed() == scene.ends


async def test_sigterm_under_load(scene: Scene) -> None:
    """A worker told to stop finishes and commits what it has begun, exits with 0, and its successor goes on there."""
    await scene.publish(2000)
    first = scene.work(batch_seconds=0.3)
    await scene.until(lambda: len(first.lines("began")) > 100, "the first worker works")
    assert first.end(signal.SIGTERM) == 0
    assert len(first.lines("began")) == len(first.lines("done")) < 2000
    assert await scene.committed() == scene.finished_head()
    scene.work()
    await scene.all_done()
    scene.assert_nothing_lost()
    scene.assert_nothing_doubled()


async def test_kill_in_the_middle_of_a_batch(scene: Scene) -> None:
    """kill -9 repeats at most what was not committed, and loses nothing."""
    await scene.publish(4000)
    first = scene.work(batch_seconds=0.03)
    await scene.until(lambda: len(first.lines()) > 800, "the first worker works")
    await scene.until(lambda: len(first.lines("began")) > len(first.lines()), "a batch is in work")
    first.end(signal.SIGKILL)
    await scene.assert_committed_behind_work()
    committed = await scene.committed()
    assert any(committed.values()), "it had run for more than a commit interval"
    scene.work()
    await scene.all_done()
    scene.assert_nothing_lost()
    again = {value for value, count in scene.done().items() if count > 1}
    assert all(line.offset >= committed[line.partition] for line in first.lines() if line.value in again)


async def test_a_suspended_worker_wakes_up(scene: Scene) -> None:
    """A worker suspended past its session is replaced; awake it repeats only what it had in hand, then follows."""
    first = scene.work(batch_seconds=0.05)
    load = asyncio.ensure_future(scene.publish(4000, per_second=250))
    await scene.until(lambda: len(first.lines()) > 300, "the first worker works")
    first.process.send_signal(signal.SIGSTOP)
    committed = await scene.committed()
    in_hand = PARTITIONS * scene.plan["batch_events_max"]
    before = len(first.lines())
    second = scene.work()
    await scene.until(lambda: len({line.partition for line in second.lines()}) == PARTITIONS, "the second took over")
    taken_over = {line.value for line in second.lines()}
    first.process.send_signal(signal.SIGCONT)
    await load
    await scene.all_done()
    scene.assert_nothing_lost()
    late = [line for line in first.lines()[before:] if line.value in taken_over]
    assert len(late) <= in_hand
    again = {value for value, count in scene.done().items() if count > 1}
    assert all(line.offset >= committed[line.partition] for line in first.lines() if line.value in again)
    assert first.end(signal.SIGTERM) == 0
    assert second.end(signal.SIGTERM) == 0
    assert await scene.committed() == scene.ends


async def test_one_partition_is_slow(scene: Scene) -> None:
    """A body stuck on one partition neither holds up the others nor is passed by a commit."""
    await scene.publish(1200)
    first = scene.work(concurrency=PARTITIONS, slow_partitions=[0], slow_seconds=600.0)
    heads = scene.finished_head
    await scene.until(
        lambda: all(heads()[partition] == scene.ends[partition] for partition in range(1, PARTITIONS)),
        "the others go on",
    )
    assert {line.partition for line in first.lines("began")} == set(range(PARTITIONS))
    first.end(signal.SIGKILL)
    assert heads()[0] == (await scene.committed())[0] == 0
    scene.work(concurrency=PARTITIONS)
    await scene.all_done()
    scene.assert_nothing_lost()


async def test_order_holds_with_concurrency(scene: Scene) -> None:
    """With several actors, each partition is still worked off in order, one batch at a time."""
    await scene.publish(2000)
    worker = scene.work(concurrency=PARTITIONS)
    await scene.all_done()
    for partition in range(PARTITIONS):
        steps = [(line.word, line.offset) for line in _both(worker) if line.partition == partition]
        batches = [list(group) for group in _runs(steps)]
        assert [word for word, _ in batches] == ["began", "done"] * (len(batches) // 2)
        offsets = [offset for word, run in batches if word == "done" for offset in run]
        assert offsets == list(range(len(offsets)))
    assert worker.end(signal.SIGTERM) == 0


def _both(worker: Worker) -> Iterator[Line]:
    for line in worker.journal.read_text(encoding="utf-8").splitlines():
        word, partition, offset, value = line.split(" ")
        yield Line(word, int(partition), int(offset), value)


def _runs(steps: list[tuple[str, int]]) -> Iterator[tuple[str, list[int]]]:
    word, run = "", list[int]()
    for now, offset in steps:
        if now != word:
            if run:
                yield word, run
            word, run = now, []
        run.append(offset)
    yield word, run


async def test_a_body_that_raises(scene: Scene) -> None:
    """A body that raises is not acknowledged, as stock Faust would: the worker ends, and the batch comes again."""
    await scene.publish(400)
    first = scene.work(raise_at=["250"])
    await scene.until(lambda: first.process.poll() is not None, "the worker ends itself")
    assert first.process.returncode == EXIT_UNFINISHED
    assert "not acknowledged" in first.log.read_text(encoding="utf-8")
    assert "250" not in scene.done()
    await scene.assert_committed_behind_work()
    scene.work()
    await scene.all_done()
    scene.assert_nothing_lost()


@pytest.mark.parametrize("fault", ["block_at", pytest.param("hang_at", marks=pytest.mark.chaos)])
async def test_nothing_moves_any_more(scene: Scene, fault: str) -> None:
    """A body that blocks the loop or hangs is found by the watchdog, which ends the worker; its batch comes again.

    Without it a worker that hangs would last for ever, since its heartbeats go on, and one that blocks would not end.
    """
    await scene.publish(400)
    first = scene.work(hung_seconds=3.0, **{fault: ["250"]})
    await scene.until(lambda: first.process.poll() is not None, "the worker ends itself")
    assert first.process.returncode == EXIT_UNFINISHED
    assert "250" not in scene.done()
    await scene.assert_committed_behind_work()
    scene.work()
    await scene.all_done()
    scene.assert_nothing_lost()


def needs_apache_kafka(scene: Scene, why: str) -> None:
    """Skip on Tansu."""
    if scene.broker.name == "tansu":
        pytest.skip(why)


async def commit(scene: Scene, offset: int) -> None:
    """Commit an offset for every partition from outside, while the group has no member."""
    consumer = AIOKafkaConsumer(bootstrap_servers=scene.broker.address, group_id=scene.name, enable_auto_commit=False)
    tps = [TopicPartition(scene.name, partition) for partition in range(PARTITIONS)]
    consumer.assign(tps)
    await consumer.start()
    try:
        await consumer.commit(dict.fromkeys(tps, offset))
    finally:
        await consumer.stop()


async def test_the_broker_has_lost_records(scene: Scene) -> None:
    """A committed offset behind the end of the log is told once for each partition, and everything is read again."""
    needs_apache_kafka(scene, "Tansu answers nothing, in place of OFFSET_OUT_OF_RANGE, to a fetch behind the end")
    await scene.publish(200)
    await commit(scene, 10_000)
    worker = scene.work()
    await scene.all_done()
    assert worker.end(signal.SIGTERM) == 0
    scene.assert_nothing_doubled()
    assert worker.log.read_text(encoding="utf-8").count("the broker has lost records") == PARTITIONS
    assert await scene.committed() == scene.ends


async def test_the_broker_has_deleted_records(scene: Scene) -> None:
    """Records that retention deleted before they were read are told, and the rest is worked on."""
    needs_apache_kafka(scene, "Tansu deletes nothing")
    await scene.publish(400)
    await commit(scene, 1)
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.broker.address)
    await admin.start()
    try:
        before = {TopicPartition(scene.name, p): RecordsToDelete(before_offset=50) for p in range(PARTITIONS)}
        await admin.delete_records(before)
    finally:
        await admin.close()
    worker = scene.work()
    left = sum(scene.ends.values()) - 50 * PARTITIONS
    await scene.until(lambda: len(scene.done()) == left, "everything that is left")
    assert worker.end(signal.SIGTERM) == 0
    told = worker.log.read_text(encoding="utf-8").count("offsets 1 to 49 were deleted by the broker")
    assert told == PARTITIONS
    assert await scene.committed() == scene.ends


async def test_the_broker_is_killed_and_comes_back(scene: Scene) -> None:
    """A worker outlives its broker: it goes on by itself, repeats at most what was not committed, and loses nothing."""
    needs_apache_kafka(scene, "Tansu forgets everything")
    await scene.publish(3000)
    worker = scene.work(batch_seconds=0.03)
    await scene.until(lambda: len(worker.lines()) > 500, "the worker works")
    await scene.broker.kill()
    await scene.broker.start()
    await scene.all_done()
    assert worker.end(signal.SIGTERM) == 0
    scene.assert_nothing_lost()
    assert await scene.committed() == scene.ends
