"""Every name of Faust, aiokafka and mode that the driver uses without a promise that it stays.

The record-batch driver replaces the inside of Faust's aiokafka consumer, so it needs names that are private or
undocumented. All of them stand here and nowhere else: these classes give them public names, with the meaning the
driver relies on, and `RELIED_ON` lists what has to be true of the installed Faust. `moved` compares; its test fails
when one name moves, before a worker does. Moving to another Faust means: read what changed, then renew the list.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.events import Event
from faust.topics import Topic
from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message, ack_lock
from mode import ServiceT

FAUST_VERSION = "0.15.3"
Records = Mapping[TP, Sequence[ConsumerRecord]]


class Thread(stock.AIOKafkaConsumerThread):
    """The thread in which aiokafka's consumer lives, so that heartbeats go on while an agent works."""

    fetch_wait_ms: int

    def _create_worker_consumer(self, transport: stock.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self.fetch_wait_ms
        return consumer

    async def fetch(self, partitions: Collection[TP], seconds: float, events_max: int | None) -> Records:
        """Answer what was fetched of ``partitions`` (not none); wait ``seconds`` where there is nothing yet.

        Called from the main loop. Raises ConsumerStoppedError. Must not be cancelled: what aiokafka took out of
        its buffers would be lost, though the position is behind it.
        """
        job = self._fetch_records(self._ensure_consumer(), set(partitions), timeout=seconds, max_records=events_max)
        found: Records = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(job, self.thread_loop))
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
        except KafkaError as error:
            self.log.warning("commit failed, will be tried again: %r", error)
            return False
        return True


class Consumer(stock.Consumer):
    """Faust's consumer with the names that the driver replaces or calls."""

    def _new_consumer_thread(self) -> Thread:
        return self.new_thread()

    def new_thread(self) -> Thread:
        """Make the thread."""
        return Thread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        await self.drain(lambda: self.should_stop or fetcher.should_stop)

    async def drain(self, stopping: Callable[[], bool]) -> None:
        """Read and hand on, until ``stopping``."""
        raise NotImplementedError

    async def fetch(self, partitions: Collection[TP], seconds: float, events_max: int | None) -> Records:
        """See `Thread.fetch`."""
        thread = self._thread
        assert isinstance(thread, Thread)  # noqa: S101  (made above)
        return await thread.fetch(partitions, seconds, events_max)

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
