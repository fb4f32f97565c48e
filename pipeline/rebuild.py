"""Rebuild: Redis is a view, the log is the record. Forget the view and read the log again from its beginning.

What comes back is what the log still holds (retention). The alerts are sent again, under the ids that they had.
"""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.buses.feed import ends_of, places_of
from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.flow import STEPS, topic_names
from pipeline.settings import Settings
from pipeline.stores.redis.workers import reports

KEYS_AT_ONCE = 1_000


async def rebuild(settings: Settings, client: Redis, teams: Sequence[str]) -> tuple[int, int]:
    """Delete every key of the prefix and set the workers' group back; answer how many keys, and how many records
    will be read again. Run twice it does the same twice. Raises Misconfigured while workers live, Unavailable.
    """
    try:
        alive = [told["worker"] for told in await reports(client, settings.redis_prefix)]
        if alive:
            raise Misconfigured(f"stop the workers first, these live: {', '.join(alive)}")
        deleted = await _forget(client, f"{settings.redis_prefix}:*")
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis at {settings.redis} does not answer: {error!r}") from error
    return deleted, await _set_back(settings, teams)


async def _forget(client: Redis, pattern: str) -> int:
    deleted = 0
    batch: list[bytes] = []
    async for key in client.scan_iter(match=pattern, count=KEYS_AT_ONCE):
        batch.append(key)
        if len(batch) == KEYS_AT_ONCE:
            deleted += await client.unlink(*batch)
            batch = []
    return deleted + (await client.unlink(*batch) if batch else 0)


async def _set_back(settings: Settings, teams: Sequence[str]) -> int:
    """The first step begins at its first record; the others go on behind what it will send them anew."""
    steps = {step.topic for step in STEPS}
    names = [settings.topic(name) for name, topic in topic_names(teams).items() if topic.name in steps]
    first = settings.topic(STEPS[0].topic)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, group_id=settings.group, enable_auto_commit=False, fetch_max_wait_ms=100
    )
    try:
        await consumer.start()
        places: list[TopicPartition] = [place for name in names for place in await places_of(consumer, name)]
        ends = await ends_of(consumer, places)
        begins = await consumer.beginning_offsets(places)
        offsets = {place: begins[place] if place.topic == first else ends[place] for place in places}
        await consumer.commit({place: OffsetAndMetadata(offset, "") for place, offset in offsets.items()})
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {settings.kafka} does not take the offsets: {error!r}") from error
    finally:
        await consumer.stop()
    return sum(ends[place] - begins[place] for place in places if place.topic == first)
