"""A Faust transport in which one Faust event is one record batch of one partition.

Stock Faust spends about 60 µs a record on its own tasks and queues, acknowledges a record whose body raised, and
commits past a record that is still in work (faust#606). Here the unit is the batch: an agent reads
``async for batch in stream`` and gets a ``tuple[ConsumerRecord, ...]`` of one partition, in order, is called once a
batch, and one acknowledgement covers it. Chosen by the broker URL ``records://host:port`` together with the app's
``Topic`` class `RecordTopic`; `app_options` gives both with all the settings that the promise below leans on.

What is promised: *a batch is committed only after its body has run to its end, never past an unfinished one*.

- **Reading.** One fetch is on its way at a time; while records come, the broker gathers those of all partitions for
  some milliseconds and answers once. What a fetch brings waits in a ledger per partition (`agents.ledger`) and is cut
  into bounded batches, never waited for to fill. A partition has one batch in work at a time, so that its order holds
  even where an agent runs with ``concurrency``. A partition with a full batch waiting is left out of the fetch: that
  is the whole back-pressure.
- **Committing.** Every commit interval, and while partitions are taken away, the end of each ledger's finished head
  is committed. A commit that fails leaves the ledger as it is and is tried again, also when the partition has
  fallen idle (faust#316).
- **Rebalance.** An *epoch* numbers the assignments. What a fetch of an older epoch brings is dropped, and because the
  position already stands behind it, no assignment begins before that fetch has ended and every partition was set
  back to its committed offset, or to its beginning where nothing is committed.
- **A body that raises, is cancelled or leaves its loop** closes the stream in the middle of a batch. That batch is
  not acknowledged; the worker ends itself, and the batch comes again.

What is left to the agent: never raise for what can be answered otherwise, and never end before everything that the
batch caused is confirmed.
"""

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping
from time import monotonic
from typing import Any

from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.exceptions import ImproperlyConfigured
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from agents import privates
from agents.ledger import Batch, Jump, Ledger
from pipeline.domain.limits import BATCH_BYTES_MAX, BATCH_EVENTS_MAX

SCHEME = "records"

FETCH_SECONDS = 0.25  # how long a fetch waits for a first record; a rebalance waits for the fetch at most as long
IDLE_WAIT_MS = 100  # how long the broker holds a fetch when nothing comes; the first record ends it at once
GATHER_MS = 20  # the same while records come: those of all partitions by one fetch; each costs as much as many events
GATHER_BYTES = 262_144  # which end it early
SETTLE_SECONDS = 5.0


class BodyUnfinishedError(Exception):
    """An agent's body ended inside a batch. The batch is not acknowledged; the worker ends and it comes again."""


class Progress:
    """Counts for a watchdog, readable from any thread. ``last_seconds`` is a reading of the monotonic clock.

    It is renewed when a batch is handed on or finished, and as long as the reading loop turns with nothing in work.
    So ``monotonic() - last_seconds`` grows only where a batch is stuck or the loop itself is.
    """

    __slots__ = ("batches_finished", "batches_handed", "events_finished", "events_handed", "last_seconds")

    def __init__(self) -> None:
        self.batches_handed = self.batches_finished = 0
        self.events_handed = self.events_finished = 0
        self.last_seconds = monotonic()

    def touch(self) -> None:
        """Say that work goes on, where a body knows better (it waits for a door on purpose)."""
        self.last_seconds = monotonic()


class Consumer(privates.Consumer):
    """Reads, hands on and commits record batches.

    The bounds of a batch can be lowered for one app by setting ``batch_events_max`` or ``batch_bytes_max`` on it.
    """

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        if transport.app.conf.consumer_auto_offset_reset != "earliest":
            raise ImproperlyConfigured("records:// needs consumer_auto_offset_reset='earliest': it never skips")
        super().__init__(transport, *args, **kwargs)
        self.progress = Progress()
        self.batch_events_max: int = getattr(self.app, "batch_events_max", BATCH_EVENTS_MAX)
        self.batch_bytes_max: int = getattr(self.app, "batch_bytes_max", BATCH_BYTES_MAX)
        self._ledgers: dict[TP, Ledger[Any]] = {}
        self._handed_seconds: dict[TP, float] = {}  # when the batch in work was handed on
        self._epoch = 0
        self._settled = False  # whether the last rebalance has come to its end
        self._fetching: asyncio.Task[None] | None = None
        self._idle = True  # whether the last fetch brought nothing
        self._aimed: tuple[Collection[TP], bool] = (set(), True)  # the partitions that fetches ask for, and `_idle`
        self._stir = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    # -- what a watchdog asks ------------------------------------------------------------------------
    @property
    def in_work(self) -> int:
        """How many batches are with the agents."""
        return sum(ledger.in_work for ledger in list(self._ledgers.values()))

    @property
    def waiting(self) -> int:
        """How many records were read and wait to be handed on."""
        return sum(ledger.waiting for ledger in list(self._ledgers.values()))

    def lag(self) -> Mapping[TP, int]:
        """Answer, for each partition, the records between what is finished and the end as last heard of."""
        ends = {tp: self._end_of(tp) for tp in list(self._ledgers)}
        return {tp: max(0, ends[tp] - (ledger.done or 0)) for tp, ledger in list(self._ledgers.items()) if tp in ends}

    def _end_of(self, tp: TP) -> int:
        """Answer the end of the partition as last heard of; 0 while it is being taken away."""
        try:
            return self.highwater(tp) or 0
        except (AssertionError, IllegalStateError):
            return 0

    def longest_seconds(self) -> float:
        """Answer for how long the batch longest in work has been so; 0 where none is.

        For agents with ``concurrency``: there one stuck partition does not stop the others, and `stuck_seconds`
        stays low. A batch is in work from being handed on, also while it waits for its turn.
        """
        begun = [self._handed_seconds[tp] for tp, ledger in list(self._ledgers.items()) if ledger.in_work]
        return monotonic() - min(begun) if begun else 0.0

    def stuck_seconds(self) -> float:
        """Answer for how long nothing has moved: a body, the reading loop, or a rebalance that does not end.

        0 where there is nothing to do because the group has given this worker no partition.
        """
        if self._settled and not self._ledgers:
            return 0.0
        return monotonic() - self.progress.last_seconds

    # -- reading -------------------------------------------------------------------------------------
    async def drain(self, stopping: Callable[[], bool]) -> None:
        """Read and hand on, until ``stopping``."""
        try:
            while not stopping():
                self._stir.clear()
                if self._fetching is not None and self._fetching.done():
                    fetching, self._fetching = self._fetching, None
                    fetching.result()
                if self.flow_active:
                    await self._hand_on()
                    self._fetch()
                await self._stir.wait()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    def resume_flow(self) -> None:
        """Go on after a rebalance."""
        super().resume_flow()
        self._stir.set()

    def _fetch(self) -> None:
        """Ask for more, unless a fetch is on its way already or every partition has enough waiting."""
        self._aim()
        if self._fetching is None and self._aimed[0]:
            self._fetching = asyncio.ensure_future(self._take_in())
            self._fetching.add_done_callback(lambda _: self._stir.set())

    def _aim(self) -> None:
        """Say what the next fetch asks for, where that has changed."""
        hungry = {tp for tp, ledger in self._ledgers.items() if ledger.waiting < self.batch_events_max}
        idle = self._idle and len(hungry) == len(self._ledgers)
        if (hungry, idle) != self._aimed:
            self._aimed = (hungry, idle)
            self.aim(hungry, *((IDLE_WAIT_MS, 1) if idle else (GATHER_MS, GATHER_BYTES)))

    async def _take_in(self) -> None:
        """Take in what a fetch brings, and say what the next one asks for.

        aiokafka sends the next one as soon as this turn of the loop ends, so both are done in one turn. While a
        partition has enough waiting it is not asked for: aiokafka fetches nothing at all as long as it holds records
        of one that nobody takes.
        """
        epoch = self._epoch
        found = await self.fetch(FETCH_SECONDS)
        if epoch != self._epoch:
            return  # `perform_seek` goes back to before it
        for tp, records in found.items():
            ledger = self._ledgers.get(tp)
            if ledger is None:
                continue
            jump = ledger.add(records)
            if jump is not None:
                self._on_jump(tp, jump)
            self.app.monitor.track_tp_end_offset(tp, self._end_of(tp))
        self._idle = not found
        self._aim()
        if not self.in_work:
            self.progress.touch()

    async def _hand_on(self) -> None:
        """Give every partition that has none a batch to work on."""
        for tp, ledger in list(self._ledgers.items()):
            if ledger.in_work or not self.flow_active:
                continue
            taken = ledger.take(self.batch_events_max, self.batch_bytes_max)
            if taken is None:
                continue
            batch, records = taken
            self._handed_seconds[tp] = monotonic()
            message = privates.BatchMessage(
                self._acknowledged(batch),
                records[-1],
                value=records,
                checksum=None,
                tp=tp,
                generation_id=self.app.consumer_generation_id,
            )
            self.progress.batches_handed += 1
            self.progress.events_handed += batch.events
            self.progress.touch()
            await self.callback(message)

    def _acknowledged(self, batch: Batch[Any]) -> Callable[[privates.BatchMessage], None]:
        epoch = self._epoch

        def on_acked(message: privates.BatchMessage) -> None:
            message.value = None
            if not message.tracked:
                return  # never was with an agent
            if isinstance(sys.exc_info()[1], GeneratorExit):
                if epoch == self._epoch and not self.app.should_stop:
                    self.loop.call_soon(self._give_up, message.tp, batch)
                return
            if batch.finish():
                self.progress.batches_finished += 1
                self.progress.events_finished += batch.events
                self.progress.touch()
                self._stir.set()

        return on_acked

    def _give_up(self, tp: TP, batch: Batch[Any]) -> None:
        error = BodyUnfinishedError(
            f"a body ended inside a batch of {batch.events} events before offset {batch.end} of {tp.topic}"
            f"[{tp.partition}]: not acknowledged; this worker ends and the batch comes again"
        )
        self._in_background(self._end(error))

    async def _end(self, error: BodyUnfinishedError) -> None:
        await self.commit()
        await self.crash(error)

    def _in_background(self, job: Any) -> None:
        task = asyncio.ensure_future(job)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: the ledgers are the back-pressure."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing: the ledgers are the back-pressure."""

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust's alarm counts records and is false here; `progress` is what to watch."""

    # -- when offsets jump ---------------------------------------------------------------------------
    def _on_jump(self, tp: TP, jump: Jump) -> None:
        if jump.backwards:
            self.log.error(
                "%s[%s]: the broker has lost records: offset %s was next, it begins again at %s; "
                "everything from there is read again",
                tp.topic,
                tp.partition,
                jump.expected,
                jump.found,
            )
        else:
            self._in_background(self._explain_gap(tp, jump))

    async def _explain_gap(self, tp: TP, jump: Jump) -> None:
        """Say so when records were deleted before they were read; compaction and transactions leave gaps too."""
        try:
            oldest = (await self.earliest_offsets(tp))[tp]
        except Exception as error:  # noqa: BLE001  (it is only an explanation)
            self.log.debug("cannot ask where %s begins: %r", tp, error)
            return
        if oldest > jump.expected:
            self.log.error(
                "%s[%s]: offsets %s to %s were deleted by the broker (retention) before they were read",
                tp.topic,
                tp.partition,
                jump.expected,
                min(oldest, jump.found) - 1,
            )

    # -- committing ----------------------------------------------------------------------------------
    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the finished head of every partition (of ``topics``); True when the broker took it."""
        if self.crashed:
            return False  # `_end` has committed what could be
        self.drop_stock_notes()
        assigned = self.assignment()
        heads = {
            tp: (ledger, offset)
            for tp, ledger in self._ledgers.items()
            if (topics is None or tp in topics or tp.topic in topics)
            and tp in assigned
            and (offset := ledger.committable()) is not None
        }
        if not heads:
            return False
        offsets = {tp: offset for tp, (_, offset) in heads.items()}
        state = self.app.sensors.on_commit_initiated(self)
        done = await self.write_offsets(offsets)
        if done:
            for ledger, offset in heads.values():
                ledger.confirm(offset)
            self.app.monitor.on_tp_commit(offsets)
        self.app.sensors.on_commit_completed(self, state)
        return done

    # -- rebalance -----------------------------------------------------------------------------------
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Wait for the batches in work, commit them, let everything go. Eager protocol: it is always everything."""
        self._begin_epoch()
        await super().on_partitions_revoked(revoked)
        # A timed commit that was on its way made the last one of the wait a no-op (`Consumer.commit`).
        if not self.app.should_stop:  # then the connection is closed already
            await self.force_commit()
        self._ledgers = {}

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin anew; `perform_seek` is called at the end of it."""
        self._begin_epoch()
        self._ledgers = {}
        await super().on_partitions_assigned(assigned, generation_id)
        self._settled = self._settled or not assigned  # without any, `perform_seek` is not called

    def _begin_epoch(self) -> None:
        self._epoch += 1
        self._settled = False
        self.progress.touch()

    async def perform_seek(self) -> None:
        """Set every partition to its committed offset, or to its beginning, and open its ledger there."""
        if (fetching := self._fetching) is not None:
            await asyncio.wait([fetching], timeout=SETTLE_SECONDS)
            if not fetching.done():
                return  # aiokafka holds it, so the next rebalance has begun and this is called again
        epoch = self._epoch
        committed = {TP(*tp): offset or None for tp, offset in (await self.seek_to_committed()).items()}
        bare = [tp for tp, offset in committed.items() if offset is None]
        if bare:
            await self.rewind(bare)
        if epoch == self._epoch:
            self._ledgers = {tp: Ledger(offset) for tp, offset in committed.items()}
            self._aimed = (set(), True)  # aiokafka asks for every partition that is newly assigned
            self._settled = True
            self.progress.touch()


class Producer(stock.Producer):
    """A producer that is not connected: a send whose delivery nobody awaits would not hold back the commit."""

    async def on_start(self) -> None:
        """Start only what the conductor asks for its fill level."""
        await self.add_runtime_dependency(self.buffer)

    async def send(self, topic: str, *args: Any, **kwargs: Any) -> Any:
        """Refuse. Raises ImproperlyConfigured."""
        raise ImproperlyConfigured(f"records:// does not send (to {topic}): send through the bus, which confirms")


class Transport(stock.Transport):
    """``records://host:port``."""

    Consumer = Consumer
    Producer = Producer


class RecordTopic(privates.BatchTopic):
    """The ``Topic`` class of an app whose agents get ``tuple[ConsumerRecord, ...]``."""

    def __init__(self, *args: Any, acks: bool = True, **kwargs: Any) -> None:
        if not acks:
            raise ImproperlyConfigured("a topic without acks is never committed: records:// does not read it")
        super().__init__(*args, acks=acks, **kwargs)


def app_options(
    brokers: str,
    *,
    session_seconds: float = 10.0,
    rebalance_seconds: float = 60.0,
    commit_seconds: float = 1.0,
    **more: Any,
) -> dict[str, Any]:
    """Answer the options for ``faust.App(group, **options)``: the driver, and the settings that it leans on.

    ``brokers`` is ``host:port`` or several of them joined by commas. ``session_seconds`` is how long the group
    waits for a worker that fell silent, ``rebalance_seconds`` how long for one to finish its batch; the latter has
    to be longer than any batch takes, or its events are worked on twice. ``more`` overrides.
    """
    hosts = [host.strip().split("://")[-1] for host in brokers.split(",")]
    return {
        "broker": ";".join(f"{SCHEME}://{host}" for host in hosts),
        "Topic": RecordTopic,
        "broker_session_timeout": session_seconds,
        # A member hears of a rebalance with its heartbeat, and everybody waits for the last one to hear.
        "broker_heartbeat_interval": min(1.0, session_seconds / 5),
        "broker_rebalance_timeout": rebalance_seconds,
        "broker_request_timeout": max(90.0, rebalance_seconds + 10, session_seconds + 10),
        "broker_commit_interval": commit_seconds,
        # aiokafka lets a worker without partitions leave and never come back (robinhood/faust#517).
        "broker_max_poll_interval": 10_000_000.0,
        "consumer_auto_offset_reset": "earliest",
        "key_serializer": "raw",
        "value_serializer": "raw",
        # False acknowledges what is in work when the worker stops.
        "stream_wait_empty": True,
        # 0 selects aiokafka's round robin; Faust's own assignor serves tables, and there are none.
        "table_standby_replicas": 0,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        **more,
    }
