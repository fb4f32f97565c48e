"""The record-batch driver, without a broker: its consumer reads from a log in memory.

`LogConsumer` replaces the calls that go to aiokafka, with aiokafka's meaning: a fetch moves the
position, whether or not anybody takes what it brought. Real brokers and workers: ``tests/faults/test_engine.py``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import ConsumerRecord
from faust.exceptions import ImproperlyConfigured
from faust.transport.drivers import by_url
from faust.types import TP

from agents import driver
from agents.driver import Consumer, RecordTopic, Transport, app_options
from agents.privates import BatchMessage, Records
from pipeline.domain.limits import BATCH_BYTES_MAX, BATCH_EVENTS_MAX

A, B = TP("feedback", 0), TP("feedback", 1)


def record(tp: TP, offset: int, value: bytes = b"value") -> ConsumerRecord:
    """Answer a record as aiokafka does."""
    return ConsumerRecord(*tp, offset, 1_700_000_000_000, 0, b"key", value, None, 3, len(value), ())


class LogConsumer(Consumer):
    """The driver's consumer on a log in memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logs: dict[TP, list[ConsumerRecord]] = {A: [], B: []}
        self.positions: dict[TP, int] = {}
        self.kept: dict[TP, int] = {}  # what the group coordinator keeps
        self.takes_commits = True
        self.commits = 0
        self.hold = asyncio.Event()  # cleared: a fetch comes back only when it is set
        self.hold.set()
        self.fetches = 0
        self.wanted: set[TP] = {A, B}
        self.waits_ms: list[int] = []
        self.oldest = 0

    def aim(self, partitions: Collection[TP], wait_ms: int, bytes_min: int) -> None:
        """Take note of what to ask for."""
        self.wanted = set(partitions)
        self.waits_ms.append(wait_ms)

    async def fetch(self, seconds: float) -> Records:
        """Answer what the logs hold from each position on."""
        self.fetches += 1
        found = {}
        for tp in sorted(self.wanted):
            found[tp] = [one for one in self.logs[tp] if one.offset >= self.positions.get(tp, 0)]
            if found[tp]:
                self.positions[tp] = found[tp][-1].offset + 1
        await self.hold.wait()
        await asyncio.sleep(0)
        return {tp: records for tp, records in found.items() if records}

    async def rewind(self, partitions: Collection[TP]) -> None:
        """Go to the beginning."""
        for tp in partitions:
            self.positions[tp] = 0

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to what is kept; as aiokafka, move nothing where nothing is."""
        self.positions.update({tp: offset for tp, offset in self.kept.items() if offset})
        return {tp: self.kept.get(tp) for tp in self.logs}  # type: ignore[misc]  # as aiokafka answers

    async def write_offsets(self, offsets: Mapping[TP, int]) -> bool:
        """Keep the offsets."""
        self.commits += 1
        if self.takes_commits:
            self.kept.update(offsets)
        return self.takes_commits

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Answer where the logs begin."""
        return dict.fromkeys(partitions, self.oldest)

    def assignment(self) -> set[TP]:
        """Both partitions are ours."""
        return set(self.logs)

    def highwater(self, tp: TP) -> int:
        """Answer the end of a log."""
        return self.logs[tp][-1].offset + 1 if self.logs[tp] else 0


class Bench:
    """A consumer that reads, and the messages that it handed on."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.app = faust.App("group", datadir=folder, **app_options("127.0.0.1:1") | options)
        self.app.batch_events_max = 3
        self.messages: list[BatchMessage] = []
        self.consumer = LogConsumer(
            self.app.transport,
            callback=self.on_message,
            on_partitions_revoked=self.on_rebalance,
            on_partitions_assigned=self.on_rebalance,
            loop=asyncio.get_running_loop(),
        )
        self.app._consumer = self.consumer
        self.during_revocation: Callable[[], None] = lambda: None
        self._reading: asyncio.Task[None] | None = None

    async def on_message(self, message: BatchMessage) -> None:
        """Stand where Faust's conductor stands."""
        self.messages.append(message)

    async def on_rebalance(self, *_: Any) -> None:
        """Stand where the app waits for the bodies."""
        self.during_revocation()

    async def read(self) -> None:
        """Begin as after a first assignment, and let the loop turn until it rests."""
        await self.consumer.perform_seek()
        self._reading = asyncio.ensure_future(self.consumer.drain(lambda: False))
        await self.rest()

    async def rest(self) -> None:
        """Let everything that is ready run. A fetch of the log takes two turns of the loop."""
        self.consumer.resume_flow()
        for _ in range(30):
            await asyncio.sleep(0)

    async def finish(self, message: BatchMessage) -> None:
        """Acknowledge as a stream does after a body."""
        message.tracked = True
        message.acked = True
        await self.rest()

    def offsets(self, tp: TP) -> list[list[int]]:
        """Answer the offsets of each batch of a partition, handed on so far."""
        return [self.seen[id(message)] for message in self.messages if message.tp == tp]

    @property
    def seen(self) -> dict[int, list[int]]:
        """Answer the offsets by message."""
        return {id(message): [one.offset for one in message.value or ()] for message in self.messages}

    async def close(self) -> None:
        """End the loop."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Answer a consumer that does not read yet."""
    one = Bench(tmp_path)
    yield one
    await one.close()


# -- how it is chosen ----------------------------------------------------------------------------------------
def test_the_url_chooses_the_driver() -> None:
    """``records://`` is this transport, by the entry point of the installed package."""
    assert by_url("records://localhost:9092") is Transport


def test_the_options_fit_faust(tmp_path: Path) -> None:
    """Faust takes every option, and several brokers become as many URLs."""
    app = faust.App("group", datadir=tmp_path, **app_options("one:1, kafka://two:2", session_seconds=6.0))
    assert [str(url) for url in app.conf.broker] == ["records://one:1", "records://two:2"]
    assert app.conf.broker_heartbeat_interval < app.conf.broker_session_timeout / 3
    assert app.conf.broker_session_timeout <= app.conf.broker_request_timeout
    assert isinstance(app.topic("feedback"), RecordTopic)


def test_an_option_can_be_overridden() -> None:
    """What is given beside wins."""
    assert app_options("one:1", broker_commit_interval=0.2)["broker_commit_interval"] == 0.2


async def test_the_bounds_are_the_limits(tmp_path: Path) -> None:
    """Without a word from the app, a batch is bounded by the limits of the domain."""
    app = faust.App("group", datadir=tmp_path, **app_options("127.0.0.1:1"))
    consumer = app.consumer
    assert isinstance(consumer, Consumer)
    assert (consumer.batch_events_max, consumer.batch_bytes_max) == (BATCH_EVENTS_MAX, BATCH_BYTES_MAX)


async def test_latest_is_refused(tmp_path: Path) -> None:
    """A policy that skips what was not read is refused at the start."""
    app = faust.App("group", datadir=tmp_path, **app_options("127.0.0.1:1", consumer_auto_offset_reset="latest"))
    with pytest.raises(ImproperlyConfigured, match="never skips"):
        _ = app.consumer


def test_a_topic_without_acks_is_refused(tmp_path: Path) -> None:
    """A topic that would never be committed is refused where it is named."""
    app = faust.App("group", datadir=tmp_path, **app_options("127.0.0.1:1"))
    with pytest.raises(ImproperlyConfigured, match="acks"):
        app.topic("feedback", acks=False)


async def test_faust_does_not_send(tmp_path: Path) -> None:
    """A send that no commit would wait for is refused, with the way to go."""
    app = faust.App("group", datadir=tmp_path, **app_options("127.0.0.1:1"))
    with pytest.raises(ImproperlyConfigured, match="through the bus"):
        await app.producer.send("alerts", b"key", b"value", None, None, None)


# -- reading -------------------------------------------------------------------------------------------------
async def test_an_event_is_a_batch(bench: Bench) -> None:
    """What a fetch brought comes as tuples of one partition, cut at the bound, without waiting to fill one."""
    bench.consumer.logs = {A: [record(A, n) for n in range(4)], B: [record(B, 0)]}
    await bench.read()
    assert bench.offsets(A) == [[0, 1, 2]]
    assert bench.offsets(B) == [[0]]
    message = bench.messages[0]
    assert isinstance(message.value, tuple)
    event = await bench.app.topic("feedback").decode(message)
    assert event.value == message.value
    assert (message.offset, message.generation_id) == (2, bench.app.consumer_generation_id)


async def test_one_batch_of_a_partition_at_a_time(bench: Bench) -> None:
    """The next batch of a partition comes only after the one before it, whatever the other partitions do."""
    bench.consumer.logs = {A: [record(A, n) for n in range(6)], B: [record(B, n) for n in range(6)]}
    await bench.read()
    first_a, first_b = bench.messages
    await bench.finish(first_b)
    assert [message.tp for message in bench.messages] == [A, B, B]
    await bench.finish(first_a)
    assert [message.tp for message in bench.messages] == [A, B, B, A]
    assert first_a.value is None, "a finished batch is let go"


async def test_a_full_partition_is_not_fetched(bench: Bench) -> None:
    """Reading stops where a batch is waiting in every partition, and goes on when one is taken."""
    bench.consumer.logs = {tp: [record(tp, n) for n in range(6)] for tp in (A, B)}
    await bench.read()
    fetches = bench.consumer.fetches
    await bench.rest()
    assert bench.consumer.fetches == fetches
    await bench.finish(bench.messages[0])
    assert bench.consumer.fetches > fetches


async def test_the_broker_gathers_while_records_come(bench: Bench) -> None:
    """An idle worker is answered at the first record; while records come the broker gathers them for some ms."""
    await bench.read()
    assert bench.consumer.waits_ms == [driver.IDLE_WAIT_MS]
    bench.consumer.logs[A] = [record(A, 0)]
    await bench.rest()
    assert bench.consumer.waits_ms == [driver.IDLE_WAIT_MS, driver.GATHER_MS, driver.IDLE_WAIT_MS]


async def test_a_full_partition_is_asked_again_as_soon_as_it_is_not(bench: Bench) -> None:
    """A partition that was left out is back in what is asked for with its next batch, while a fetch is on its way."""
    bench.consumer.logs[A] = [record(A, n) for n in range(6)]
    await bench.read()
    assert bench.consumer.wanted == {B}
    bench.consumer.hold.clear()
    await bench.rest()
    await bench.finish(bench.messages[0])
    assert bench.consumer.wanted == {A, B}
    bench.consumer.hold.set()


async def test_the_counts_for_a_watchdog(bench: Bench) -> None:
    """Handed, finished, in work, waiting and lag are told."""
    bench.consumer.logs = {A: [record(A, n) for n in range(5)], B: []}
    await bench.read()
    consumer = bench.consumer
    assert (consumer.in_work, consumer.waiting, consumer.lag()) == (1, 2, {A: 5, B: 0})
    await bench.finish(bench.messages[0])
    assert consumer.lag()[A] == 2
    progress = consumer.progress
    assert (progress.batches_handed, progress.events_handed) == (2, 5)
    assert (progress.batches_finished, progress.events_finished) == (1, 3)


async def test_when_nothing_moves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stuck is a batch in work for long and a rebalance without an end, but not an idle or a spare worker."""
    now = 1000.0
    monkeypatch.setattr(driver, "monotonic", lambda: now)
    consumer = bench.consumer
    await bench.read()
    now += 50
    await bench.rest()
    assert consumer.stuck_seconds() == 0.0, "idle"
    consumer.logs[A].append(record(A, 0))
    await bench.rest()
    now += 50
    await bench.rest()
    assert consumer.stuck_seconds() == 50.0, "a batch in work"
    consumer.progress.touch()
    assert consumer.stuck_seconds() == 0.0, "the body says that it waits"
    await consumer.on_partitions_revoked({A, B})
    now += 50
    await bench.rest()
    assert consumer.stuck_seconds() == 50.0, "a rebalance that does not end"
    await consumer.on_partitions_assigned(set())
    now += 50
    assert consumer.stuck_seconds() == 0.0, "a spare worker"


async def test_one_stuck_partition_among_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the oldest batch is in work is told, also while other partitions go on."""
    now = 1000.0
    monkeypatch.setattr(driver, "monotonic", lambda: now)
    consumer = bench.consumer
    consumer.logs = {A: [record(A, n) for n in range(3)], B: [record(B, n) for n in range(9)]}
    await bench.read()
    now += 50
    await bench.finish(next(message for message in bench.messages if message.tp == B))
    assert (consumer.stuck_seconds(), consumer.longest_seconds()) == (0.0, 50.0)
    await bench.finish(next(message for message in bench.messages if message.tp == A))
    assert consumer.longest_seconds() == 0.0


# -- committing ----------------------------------------------------------------------------------------------
async def test_only_what_is_finished_is_committed(bench: Bench) -> None:
    """A commit covers the finished head and nothing else, and is not repeated."""
    bench.consumer.logs = {A: [record(A, n) for n in range(6)], B: [record(B, 0)]}
    await bench.read()
    assert not await bench.consumer.commit()
    await bench.finish(bench.messages[0])
    assert await bench.consumer.commit()
    assert bench.consumer.kept == {A: 3}
    assert not await bench.consumer.commit()
    assert bench.consumer.commits == 1


async def test_a_failed_commit_of_an_idle_partition_is_tried_again(bench: Bench) -> None:
    """The last commit of a partition that has fallen idle is tried until the broker takes it (faust#316)."""
    bench.consumer.logs[A] = [record(A, 0)]
    await bench.read()
    await bench.finish(bench.messages[0])
    bench.consumer.takes_commits = False
    assert not await bench.consumer.commit()
    bench.consumer.takes_commits = True
    assert await bench.consumer.commit()
    assert bench.consumer.kept == {A: 1}


async def test_a_commit_can_be_limited_to_topics(bench: Bench) -> None:
    """Faust commits single topics or partitions on occasion; only those are."""
    bench.consumer.logs = {A: [record(A, 0)], B: [record(B, 0)]}
    await bench.read()
    for message in list(bench.messages):
        await bench.finish(message)
    assert not await bench.consumer.commit({"moments"})
    assert await bench.consumer.commit({B})
    assert bench.consumer.kept == {B: 1}
    assert await bench.consumer.commit({"feedback"})
    assert bench.consumer.kept == {A: 1, B: 1}


async def test_a_skipped_message_is_not_finished(bench: Bench) -> None:
    """A message that a stream skipped (its pure Python form acknowledges it then) was with no agent: not finished."""
    bench.consumer.logs[A] = [record(A, 0)]
    await bench.read()
    bench.messages[0].acked = True
    assert bench.consumer.in_work == 1
    assert not await bench.consumer.commit()


async def test_a_body_left_in_the_middle(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream closed inside a body does not acknowledge it; the worker commits what is finished and gives up."""
    crashes: list[BaseException] = []

    async def crash(reason: BaseException) -> None:
        crashes.append(reason)

    monkeypatch.setattr(bench.consumer, "crash", crash)
    bench.consumer.logs = {A: [record(A, 0)], B: [record(B, 0)]}
    await bench.read()
    await bench.finish(bench.messages.pop())

    async def stream() -> AsyncIterator[BatchMessage]:
        for message in bench.messages:
            message.tracked = True
            try:
                yield message
            finally:
                message.acked = True

    batches = stream()
    await anext(batches)
    await batches.aclose()  # type: ignore[attr-defined]  # it is a generator
    await bench.rest()
    assert bench.consumer.kept == {B: 1}
    assert [type(reason) for reason in crashes] == [driver.BodyUnfinishedError]
    assert "feedback[0]" in str(crashes[0])


async def test_a_crashed_worker_commits_no_more(bench: Bench) -> None:
    """After a crash nothing is committed any more: what could be was committed before, and the worker can end."""
    bench.consumer.logs[A] = [record(A, 0)]
    await bench.read()
    await bench.finish(bench.messages[0])
    await bench.consumer.crash(RuntimeError("as planned"))
    assert not await bench.consumer.commit()
    assert bench.consumer.commits == 0


# -- rebalance -----------------------------------------------------------------------------------------------
async def rebalance(bench: Bench) -> None:
    """Take everything away and give it back, as Faust does: the flow stops before and resumes after."""
    consumer = bench.consumer
    bench.during_revocation, finish = consumer.stop_flow, bench.during_revocation
    await consumer.on_partitions_revoked({A, B})
    finish()
    await consumer.on_partitions_assigned({A, B}, 1)
    await consumer.perform_seek()
    await bench.rest()


async def test_a_fetch_over_a_rebalance_loses_nothing(bench: Bench) -> None:
    """What a fetch brings that began before a rebalance and ended in it is read again, committed before or not."""
    consumer = bench.consumer
    consumer.logs = {A: [record(A, n) for n in range(2)], B: [record(B, n) for n in range(2)]}
    consumer.kept = {A: 1}
    consumer.hold.clear()
    await bench.read()
    assert consumer.positions == {A: 2, B: 2}, "the positions stand behind what is on its way"
    change = asyncio.ensure_future(rebalance(bench))
    await asyncio.sleep(0)
    consumer.hold.set()
    await change
    assert bench.offsets(A) == [[1]]
    assert bench.offsets(B) == [[0, 1]]


async def test_a_fetch_that_does_not_end_postpones_the_beginning(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a fetch of the time before is held (the next rebalance has begun) nothing is opened, so nothing skipped."""
    monkeypatch.setattr(driver, "SETTLE_SECONDS", 0.01)
    consumer = bench.consumer
    consumer.logs[A] = [record(A, 0)]
    consumer.hold.clear()
    await bench.read()
    await rebalance(bench)
    assert (bench.messages, consumer.fetches) == ([], 1)
    consumer.hold.set()
    await rebalance(bench)
    assert bench.offsets(A) == [[0]]


async def test_a_commit_of_zero_is_a_beginning(bench: Bench) -> None:
    """An offset 0 that was committed sends back to the beginning; aiokafka itself moves nothing for it."""
    consumer = bench.consumer
    consumer.logs[A] = [record(A, 0)]
    consumer.kept = {A: 0}
    consumer.positions = {A: 1}
    await bench.read()
    assert bench.offsets(A) == [[0]]


async def test_a_rebalance_during_the_seek(bench: Bench) -> None:
    """A seek that a new rebalance overtakes opens no ledger: the partitions may be somebody else's by now."""
    consumer = bench.consumer
    consumer.logs[A] = [record(A, 0)]
    rewind = consumer.rewind

    async def overtaken(partitions: Collection[TP]) -> None:
        await rewind(partitions)
        await consumer.on_partitions_revoked({A, B})

    consumer.rewind = overtaken  # type: ignore[method-assign]
    await bench.read()
    assert (consumer.fetches, consumer.lag()) == (0, {})
    consumer.rewind = rewind  # type: ignore[method-assign]
    await rebalance(bench)
    assert bench.offsets(A) == [[0]]


async def test_what_ends_during_a_revocation_is_committed(bench: Bench) -> None:
    """A batch whose body ends while the partitions are taken away is committed before they are gone."""
    consumer = bench.consumer
    consumer.logs[A] = [record(A, n) for n in range(5)]
    await bench.read()

    def finish() -> None:
        consumer.stop_flow()
        bench.messages[0].tracked = True
        bench.messages[0].acked = True

    bench.during_revocation = finish
    await consumer.on_partitions_revoked({A, B})
    assert consumer.kept == {A: 3}
    assert consumer.in_work == consumer.waiting == 0


async def test_a_late_end_after_a_rebalance(bench: Bench) -> None:
    """A batch of the time before, ended after the rebalance, neither commits nor frees its partition."""
    consumer = bench.consumer
    consumer.logs[A] = [record(A, n) for n in range(5)]
    await bench.read()
    await rebalance(bench)
    old, new = bench.messages
    assert bench.offsets(A) == [[0, 1, 2], [0, 1, 2]]
    await bench.finish(old)
    assert not await consumer.commit()
    assert len(bench.messages) == 2
    await bench.finish(new)
    assert await consumer.commit()
    assert consumer.kept == {A: 3}


# -- jumps ---------------------------------------------------------------------------------------------------
async def test_lost_records_are_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Offsets that begin again are an error, said once, and the commit follows them down."""
    consumer = bench.consumer
    consumer.kept = {A: 100}
    consumer.positions = {A: 0}
    await consumer.perform_seek()
    consumer.positions[A] = 0  # aiokafka's reset, after the broker said "out of range"
    consumer.logs[A] = [record(A, n) for n in range(5)]
    await bench.rest()
    reading = asyncio.ensure_future(consumer.drain(lambda: False))
    await bench.rest()
    for _ in range(2):
        await bench.finish(bench.messages[-1])
    reading.cancel()
    await asyncio.wait([reading])
    assert [line.levelno for line in caplog.records if "lost records" in line.message] == [logging.ERROR]
    assert await consumer.commit()
    assert consumer.kept == {A: 5}


@pytest.mark.parametrize(("oldest", "said"), [(7, ["offsets 2 to 6 were deleted"]), (0, [])])
async def test_deleted_records_are_told(
    bench: Bench, caplog: pytest.LogCaptureFixture, oldest: int, said: list[str]
) -> None:
    """A gap is an error only where the broker has deleted what was not read; compaction leaves gaps too."""
    consumer = bench.consumer
    consumer.oldest = oldest
    consumer.kept = {A: 2}
    consumer.logs[A] = [record(A, 7)]
    await bench.read()
    errors = [line.message for line in caplog.records if line.levelno == logging.ERROR]
    assert len(errors) == len(said)
    assert all(part in line for part, line in zip(said, errors, strict=True))
    assert bench.offsets(A) == [[7]]
