"""Kafka, for those who listen: the records of some topics, as they come or up to their end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.domain.envelope import Record
from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.settings import Settings

CONNECT_SECONDS_MAX = 10.0
FETCH_MS = 500
LOOKS_MAX = 10
LOOK_SECONDS = 0.1


@asynccontextmanager
async def _consumer(settings: Settings, topics: Sequence[str], **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=settings.kafka,
        max_partition_fetch_bytes=4_194_304,
        max_poll_interval_ms=86_400_000,
        fetch_max_wait_ms=100,
        **options,
    )
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            await consumer.start()
        yield consumer
    except (KafkaError, TimeoutError, OSError) as error:
        raise Unavailable(f"Kafka at {settings.kafka} does not answer: {error!r}") from error
    finally:
        await consumer.stop()


async def follow(
    settings: Settings,
    topics: Sequence[str],
    group: str | None = None,
    start: Literal["earliest", "latest"] = "latest",
) -> AsyncIterator[Record]:
    """Answer the records of ``topics`` (names without prefix) as they come, for ever.

    With a ``group`` several listeners share the topics, and what was answered counts as read when the next record
    is asked for (at-least-once); without one, everybody gets everything from ``start`` on.
    """
    names = [settings.topic(topic) for topic in topics]
    session = int(settings.session_seconds * 1000)
    shared: dict[str, Any] = {
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": start,
        "session_timeout_ms": session,
        "heartbeat_interval_ms": min(1_000, session // 3),
    }
    async with _consumer(settings, names if group else (), **(shared if group else {})) as consumer:
        if group is None:
            await _stand(consumer, names, start)
        while True:
            batches = await consumer.getmany(timeout_ms=FETCH_MS)
            for records in batches.values():
                for record in records:
                    yield record
            if group is not None and batches:
                await consumer.commit()


async def _stand(consumer: AIOKafkaConsumer, names: Sequence[str], start: Literal["earliest", "latest"]) -> None:
    places = [place for name in names for place in await places_of(consumer, name)]
    ends = await ends_of(consumer, places)
    for place in places:
        consumer.seek(place, ends[place] if start == "latest" else 0)


async def whole(settings: Settings, topics: Sequence[str]) -> AsyncIterator[Record]:
    """Answer everything that stands in ``topics`` (names without prefix) now, partition by partition."""
    async with _consumer(settings, (), enable_auto_commit=False) as consumer:
        places = [place for topic in topics for place in await places_of(consumer, settings.topic(topic))]
        ends = await ends_of(consumer, places)
        if places:
            await consumer.seek_to_beginning(*places)
        left = {place for place in places if ends[place] > 0}
        while left:
            for place in list(left):
                if await consumer.position(place) >= ends[place]:
                    left.discard(place)
                    consumer.pause(place)
            for place, records in (await consumer.getmany(timeout_ms=FETCH_MS)).items():
                for record in records:
                    if record.offset < ends[place]:
                        yield record


async def places_of(consumer: AIOKafkaConsumer, name: str) -> list[TopicPartition]:
    """Answer the partitions of a topic (full name). Raises Misconfigured where it does not exist."""
    client = consumer._client  # aiokafka has no public way to ask about a topic that it does not read yet
    await client.add_topic(name)
    found = sorted(consumer.partitions_for_topic(name) or ())
    for _ in range(LOOKS_MAX):
        if found:
            break
        # A topic that was made just now is not known to every broker at once.
        await asyncio.sleep(LOOK_SECONDS)
        await client.force_metadata_update()
        found = sorted(consumer.partitions_for_topic(name) or ())
    if not found:
        raise Misconfigured(f"topic {name} does not exist; run: heartline topics apply")
    return [TopicPartition(name, partition) for partition in found]


async def ends_of(consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Assign ``places`` to ``consumer`` and answer the offset behind the last record of each.

    Tansu 0.6 answers ListOffsets with the first record of the last batch; what a fetch says of the high watermark
    is right on every broker, so each place that is not empty is fetched from once.
    """
    if not places:
        return {}
    consumer.assign(places)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    waiting = {place for place, end in ends.items() if end > 0}
    for place in places:
        consumer.seek(place, max(0, ends[place] - 1))
    while waiting:
        await consumer.getmany(*waiting, timeout_ms=FETCH_MS)
        for place in list(waiting):
            if (highwater := consumer.highwater(place)) is not None:
                ends[place] = max(ends[place], highwater)
                waiting.discard(place)
    return ends
