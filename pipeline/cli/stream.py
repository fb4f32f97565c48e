"""Records of many topics from this moment on: nothing between the call and the first record is missed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from pipeline.buses.feed import ends_of, places_of
from pipeline.domain.envelope import Record
from pipeline.domain.errors import Unavailable
from pipeline.settings import Settings

FETCH_MS = 100
CONNECT_SECONDS_MAX = 15.0


class Stream:
    """An open stream. ``quiet`` counts how often in a row nothing had come."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.quiet = 0

    async def some(self) -> list[Record]:
        """Answer what has come; nothing after a tenth of a second. Raises Unavailable."""
        try:
            batches = await self._consumer.getmany(timeout_ms=FETCH_MS)
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer: {error!r}") from error
        self.quiet = 0 if batches else self.quiet + 1
        return [record for records in batches.values() for record in records]


@asynccontextmanager
async def from_now(settings: Settings, topics: Sequence[str]) -> AsyncIterator[Stream]:
    """Open a stream of ``topics`` (names without prefix) from now on.

    Raises Unavailable when no broker answers, Misconfigured when a topic is missing.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4_194_304,
        fetch_max_wait_ms=FETCH_MS,
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            await consumer.start()
            places = [place for topic in topics for place in await places_of(consumer, settings.topic(topic))]
            for place, end in (await ends_of(consumer, places)).items():
                consumer.seek(place, end)
        yield Stream(consumer)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"no Kafka broker answers at {settings.kafka}: {error!r}") from error
    finally:
        await consumer.stop()
