"""Every name of Faust, aiokafka and mode that the driver uses without a promise that it stays.

The record-batch driver replaces the inside of Faust's aiokafka consumer, so it needs names that are private or
undocumented. All of them stand here and nowhere else: these classes give them public names, with the meaning the
driver relies on, and `RELIED_ON` lists what has to be true of the installed Faust. `moved` compares; its test fails
when one name moves, before a worker does. Moving to another Faust means: read what changed, then renew the list.
"""

import asyncio
import hashlib
import importlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError
from faust.events import Event
from faust.topics import Topic
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message, ack_lock
from mode import Service, ServiceT
from mode.utils.futures import maybe_async

FAUST_VERSION = "0.15.3"
Records = Mapping[TP, Sequence[ConsumerRecord]]


class Client(stock.AIOKafkaConsumerThread):
    """aiokafka's consumer, in the loop of the worker instead of a thread of its own.

    A thread and a busy loop take the interpreter from each other at every call of a socket, so that each fetch waits
    several times for its turn, and what it brings has to cross from loop to loop. The heartbeats are in the loop now,
    too: a worker that blocks it for longer than its session loses its partitions to those who go on.
    """

    # What mode's ServiceThread replaced, back as it is for every other service.
    maybe_start = Service.maybe_start
    start = Service.start
    stop = Service.stop
    _stopped_set = Service._stopped_set
    _stop_children = Service._stop_children
    _stop_futures = Service._stop_futures
    _stop_exit_stacks = Service._stop_exit_stacks
    set_shutdown = Service.set_shutdown
    wait_for_shutdown = False

    def __init__(self, consumer: "Consumer", *, loop: asyncio.AbstractEventLoop, **kwargs: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, **kwargs)

    async def on_stop(self) -> None:
        """Leave the group, also under a name that outlives this worker: who ends in order is not waited for."""
        if self._consumer is not None:
            if self._consumer._coordinator is not None:
                self._consumer._coordinator._group_instance_id = None
            await self._consumer.stop()

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it here."""
        return await maybe_async(fun(*args, **kwargs))

    def aim(self, partitions: Collection[TP], wait_ms: int, bytes_min: int) -> None:
        """Say what the fetches from now on ask for: of ``partitions``, held until there are ``bytes_min`` bytes."""
        consumer = self._ensure_consumer()
        wanted, paused = set(map(stock.ensure_aiokafka_TP, partitions)), consumer.paused()
        consumer.pause(*(consumer.assignment() - wanted - paused))
        consumer.resume(*(paused & wanted))
        consumer._fetcher._fetch_max_wait_ms = wait_ms
        consumer._fetcher._fetch_min_bytes = bytes_min

    async def fetch(self, seconds: float) -> Records:
        """Answer all that was fetched; wait ``seconds`` where there is nothing yet.

        Raises ConsumerStoppedError. Must not be cancelled: what aiokafka took out of its buffers would be lost,
        though the position is behind it.
        """
        found: Records = await self._fetch_records(self._ensure_consumer(), set(), timeout=seconds)
        return found

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit and say whether the broker took it. Stock Faust ends the worker at every error but one."""
        try:
            await self._ensure_consumer().commit(
                {stock.ensure_aiokafka_TP(tp): offset for tp, offset in offsets.items()}
            )
        except (CommitFailedError, IllegalStateError) as error:  # the partitions are somebody else's by now
            self.log.info("commit came too late for a rebalance, its events come again: %s", error)
            return False
        except (KafkaError, ConsumerStoppedError) as error:
            self.log.warning("commit failed, will be tried again: %r", error)
            return False
        return True


class Consumer(stock.Consumer):
    """Faust's consumer with the names that the driver replaces or calls."""

    def _new_consumer_thread(self) -> Client:
        return Client(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        await self.drain(lambda: self.should_stop or fetcher.should_stop)

    async def drain(self, stopping: Callable[[], bool]) -> None:
        """Read and hand on, until ``stopping``."""
        raise NotImplementedError

    @property
    def client(self) -> Client:
        """What talks to the broker."""
        client = self._thread
        assert isinstance(client, Client)  # noqa: S101  (made above)
        return client

    async def fetch(self, seconds: float) -> Records:
        """See `Client.fetch`."""
        return await self.client.fetch(seconds)

    def aim(self, partitions: Collection[TP], wait_ms: int, bytes_min: int) -> None:
        """See `Client.aim`."""
        self.client.aim(partitions, wait_ms, bytes_min)

    async def rewind(self, partitions: Collection[TP]) -> None:
        """Go back to the oldest record that the broker keeps."""
        await self._thread.seek_to_beginning(*(stock.ensure_aiokafka_TP(tp) for tp in partitions))

    async def write_offsets(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; False when the broker did not take it."""
        return await self._commit(offsets)

    def drop_stock_notes(self) -> None:
        """Empty the lists in which a stream notes single offsets: the ledgers replace them, and they would grow."""
        with ack_lock:
            self._acked.clear()
            self._acked_index.clear()


class BatchMessage(ConsumerMessage):
    """A message that says when a stream has finished with it.

    A stream acknowledges by setting ``acked``; the compiled stream does so past every method, so the attribute
    itself is where to listen. ``tracked`` is set by the stream when it gives the message to the agent: a message
    that it skips (it is of an older generation) is acknowledged by the pure Python stream all the same.
    """

    def __init__(self, on_acked: Callable[["BatchMessage"], None], record: ConsumerRecord, **fields: Any) -> None:
        self._on_acked = on_acked
        self._acked = False
        super().__init__(
            record.topic,
            record.partition,
            record.offset,
            (record.timestamp or 0) / 1000.0,
            record.timestamp_type,
            None,
            None,
            **fields,
        )

    @property
    def acked(self) -> bool:
        """Whether the stream is through with it."""
        return self._acked

    @acked.setter
    def acked(self, acked: bool) -> None:
        self._acked = acked
        if acked:
            self._on_acked(self)


class BatchTopic(Topic):
    """A topic whose messages carry a tuple of records as their value, which needs no decoding."""

    def _compile_decode(self) -> None:
        """Keep `decode` below: the stock one is compiled and set on the instance."""

    async def decode(self, message: Message, *, propagate: bool = False) -> Event:
        """Answer the event that carries the records."""
        return Event(self.app, None, message.value, None, message)


class Relied(NamedTuple):
    """A name, and the fingerprint of its source as it was read."""

    name: str
    fingerprint: str


# Replaced or leaned upon: a change of the body, not only of the name, has to be read.
RELIED_ON = (
    # What the driver replaces
    Relied("faust.transport.consumer:Fetcher._fetcher", "6f5fa085a935"),
    Relied("faust.transport.consumer:Consumer._drain_messages", "44a2500309e8"),
    Relied("faust.transport.consumer:Consumer.force_commit", "cc094614d22c"),
    Relied("faust.transport.consumer:Consumer.perform_seek", "0e8c130ff4b0"),
    Relied("faust.transport.consumer:Consumer.verify_all_partitions_active", "4e0e46f5c297"),
    Relied("faust.transport.consumer:Consumer.on_buffer_full", "c8961679e0bc"),
    Relied("faust.transport.consumer:Consumer.on_buffer_drop", "4b57e8a418d5"),
    Relied("faust.transport.drivers.aiokafka:Consumer._new_consumer_thread", "0870ec53dea7"),
    Relied("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._commit", "932852ce7a23"),
    Relied("faust.transport.drivers.aiokafka:Producer.on_start", "219c9a7a785d"),
    Relied("faust.transport.drivers.aiokafka:Producer.on_stop", "86799c5ab7b6"),
    Relied("faust.transport.drivers.aiokafka:Producer.flush", "36d0cb3615f6"),
    Relied("faust.topics:Topic._compile_decode", "6474178f8c21"),
    # What `Client` takes back, or leaves unused
    Relied("mode.threads:ServiceThread", "327e312386fa"),
    Relied("mode.threads:QueueServiceThread", "219c18b1f499"),
    Relied("mode.services:Service.start", "d2f2f9e03f52"),
    Relied("mode.services:Service.stop", "e17cd2b6bd01"),
    # What it calls
    Relied("faust.transport.consumer:ThreadDelegateConsumer._commit", "a20eec84e4b2"),
    Relied("faust.transport.consumer:ThreadDelegateConsumer.seek_to_committed", "f1d483b861b0"),
    Relied("faust.transport.consumer:ThreadDelegateConsumer.assignment", "58f5bf9281fb"),
    Relied("faust.transport.consumer:ThreadDelegateConsumer.highwater", "f52cb0d26a71"),
    Relied("faust.transport.consumer:ThreadDelegateConsumer.earliest_offsets", "2833b09d2888"),
    Relied("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._fetch_records", "39a2c6c79fc1"),
    Relied("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._ensure_consumer", "ff4a4c693b7e"),
    Relied("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.seek_to_beginning", "bd4250b8d1e7"),
    Relied("faust.transport.drivers.aiokafka:ensure_aiokafka_TP", "8bab82bf8643"),
    Relied("faust.sensors.monitor:Monitor.track_tp_end_offset", "94ceb4542d7c"),
    Relied("faust.sensors.monitor:Monitor.on_tp_commit", "43a95f8882ce"),
    # What calls it, in an order that it counts on
    Relied("faust.transport.consumer:Consumer.commit", "a354437baaa0"),
    Relied("faust.transport.consumer:Consumer.wait_empty", "e4662fe24f09"),
    Relied("faust.transport.consumer:Consumer.on_stop", "45b1d2210ce2"),
    Relied("faust.transport.consumer:Consumer.stop_flow", "cf7e875a2b0d"),
    Relied("faust.transport.consumer:Consumer.resume_flow", "db59630f25b5"),
    Relied("faust.transport.consumer:Consumer.on_partitions_revoked", "d04b7ae72c6f"),
    Relied("faust.transport.consumer:Consumer.on_partitions_assigned", "29ce96596f05"),
    Relied("faust.app.base:App._on_partitions_revoked", "d5c895bbe57d"),
    Relied("faust.app.base:App._on_partitions_assigned", "de932b7927db"),
    Relied("faust.app.base:App._stop_consumer", "55854a5de12c"),
    Relied("faust.tables.recovery:Recovery._resume_streams", "d986a6710c1a"),
    Relied("faust.transport.conductor:ConductorCompiler.build", "837cf521368c"),
    Relied("faust.streams:Stream._c_aiter", "fa44582a5882"),
    Relied("faust.streams:Stream._py_aiter", "3a48ee257a65"),
    Relied("faust.types.tuples:Message", "e8c4626e9919"),
    Relied("faust.types.tuples:ConsumerMessage", "5edc45d571eb"),
    Relied("faust.types.tuples:ack_lock", "9c8874c5b145"),
    Relied("mode.services:Service.crash", "14980000465d"),
    # aiokafka, below
    Relied("aiokafka.consumer.consumer:AIOKafkaConsumer.start", "2f1ba7044332"),
    Relied("aiokafka.consumer.consumer:AIOKafkaConsumer.seek_to_committed", "f6cd85c8b70a"),
    Relied("aiokafka.consumer.consumer:AIOKafkaConsumer.seek_to_beginning", "231229deedd7"),
    Relied("aiokafka.consumer.consumer:AIOKafkaConsumer.pause", "d5fc6f423650"),
    Relied("aiokafka.consumer.consumer:AIOKafkaConsumer.resume", "9301532efa15"),
    Relied("aiokafka.consumer.consumer:AIOKafkaConsumer.paused", "9163884fe2e9"),
    Relied("aiokafka.consumer.group_coordinator:GroupCoordinator._maybe_leave_group", "016cd88a16e6"),
    Relied("aiokafka.consumer.fetcher:Fetcher._fetch_requests_routine", "2a8ec5932644"),
    Relied("aiokafka.consumer.fetcher:Fetcher._get_actions_per_node", "1dab2cf937d1"),
    Relied("aiokafka.consumer.fetcher:Fetcher.fetched_records", "be4348896b9b"),
    Relied("aiokafka.consumer.fetcher:FetchResult.getall", "3e717e30de50"),
)


def fingerprint(name: str) -> str:
    """Answer a digest of the source of ``module:attribute.attribute``; of the type where there is no source.

    Raises AttributeError or ImportError when it is not there.
    """
    module, _, path = name.partition(":")
    thing: Any = importlib.import_module(module)
    for part in path.split("."):
        thing = getattr(thing, part)
    try:
        text = inspect.getsource(inspect.unwrap(thing))
    except TypeError:
        text = type(thing).__name__
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def moved(relied_on: Sequence[Relied] = RELIED_ON) -> list[str]:
    """Answer what is not as it was read, one sentence each; empty on the Faust that this driver was written for."""
    found = [] if version("faust-streaming") == FAUST_VERSION else [f"Faust is not {FAUST_VERSION}"]
    for relied in relied_on:
        try:
            now = fingerprint(relied.name)
        except (AttributeError, ImportError) as error:
            found.append(f"{relied.name} is gone: {error}")
            continue
        if now != relied.fingerprint:
            found.append(f"{relied.name} has changed: read it, then write {now}")
    return found
