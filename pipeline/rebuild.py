"""Rebuild: Redis is a view, the log is the record. Forget the view and read the log again from its beginning.

What comes back is what the log still holds (retention). The alerts are sent again, under the ids that they had.
What people corrected is on ``moments`` only, which is made anew of feedback, so it is sent there once more. Who is who
comes back first: everything then goes to the person that somebody proved to be in the end, and alerts find the cases
that answer them, in whatever order the partitions are read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.buses.feed import ends_of, places_of, whole
from pipeline.buses.kafka import KafkaBus
from pipeline.corrections import on_the_log
from pipeline.domain.cases import Case, brought_home
from pipeline.domain.envelope import open_envelope, read_value
from pipeline.domain.errors import Misconfigured, Rejected, Unavailable
from pipeline.flow import STEPS, topic_names
from pipeline.persons import who_is_who
from pipeline.ports import Claim
from pipeline.settings import Settings
from pipeline.stages.fold import send_correction
from pipeline.stores.redis import RedisStores
from pipeline.stores.redis.workers import reports

KEYS_AT_ONCE = 1_000
JOIN_SECONDS_MAX = 60.0
JOIN_PAUSE_SECONDS = 0.05


class Rebuilt(NamedTuple):
    """How many keys were deleted, cases and corrections brought back, and records that will be read again."""

    keys: int
    cases: int
    records: int
    corrections: int


async def rebuild(settings: Settings, stores: RedisStores, teams: Sequence[str]) -> Rebuilt:
    """Delete every key of the prefix, bring back the cases, and set the workers' group to the log's beginning.

    Run twice it does the same twice. Raises Misconfigured while workers live, Unavailable.
    """
    try:
        alive = [told["worker"] for told in await reports(stores.client, settings.redis_prefix)]
        if alive:
            raise Misconfigured(f"stop the workers first, these live: {', '.join(alive)}")
        # All that is needed of the log first: where it cannot be read, nothing is forgotten.
        handles, persons = await who_is_who(settings)
        # What people did about a hurt cannot be read from feedback; the log of the cases is its own record.
        cases = brought_home(await _newest_cases(settings), persons)
        corrections = await on_the_log(settings)
        records = await _set_back(settings, teams)
        keys = await _forget(stores.client, f"{settings.redis_prefix}:*")
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis at {settings.redis} does not answer: {error!r}") from error
    claims = [Claim(handle, person, None) for handle, person in handles.items()]
    for first in range(0, len(claims), KEYS_AT_ONCE):
        await stores.identities.claim(claims[first : first + KEYS_AT_ONCE])
    await stores.cases.save(cases)
    async with KafkaBus(settings) as bus:
        # Where one had moved, nothing has moved any more.
        anew = [
            each.model_copy(update={"moved_from": None, "person": persons.get(each.person, each.person)})
            for each in corrections.values()
        ]
        await bus.send([send_correction(each) for each in anew])
    return Rebuilt(keys, len(cases), records, len(corrections))


async def _newest_cases(settings: Settings) -> list[Case]:
    newest: dict[str, Case] = {}
    async for record in whole(settings, ["cases"]):
        try:
            case = read_value(Case, open_envelope(record).data)
        except Rejected:
            continue  # somebody else's, or deleted
        if case.id not in newest or case.version > newest[case.id].version:
            newest[case.id] = case
    return list(newest.values())


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
    begins, ends = await _bounds(settings, names)
    offsets = {place: begins[place] if place.topic == first else end for place, end in ends.items()}
    await _commit(settings, names, offsets)
    return sum(ends[place] - begins[place] for place in ends if place.topic == first)


async def _bounds(
    settings: Settings, names: Sequence[str]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False, fetch_max_wait_ms=100)
    try:
        await consumer.start()
        places = [place for name in names for place in await places_of(consumer, name)]
        return await consumer.beginning_offsets(places), await ends_of(consumer, places)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {settings.kafka} does not answer: {error!r}") from error
    finally:
        await consumer.stop()


async def _commit(settings: Settings, names: Sequence[str], offsets: Mapping[TopicPartition, int]) -> None:
    """Commit as the only member of the workers' group: some brokers take offsets from members only."""
    session = int(settings.session_seconds * 1000)
    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=settings.kafka,
        group_id=settings.group,
        enable_auto_commit=False,
        session_timeout_ms=session,
        heartbeat_interval_ms=min(1_000, session // 3),
    )
    try:
        async with asyncio.timeout(JOIN_SECONDS_MAX):
            await consumer.start()
            while consumer.assignment() != offsets.keys():  # noqa: ASYNC110 - aiokafka tells nobody
                await asyncio.sleep(JOIN_PAUSE_SECONDS)
            await consumer.commit({place: OffsetAndMetadata(offset, "") for place, offset in offsets.items()})
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {settings.kafka} does not take the offsets: {error!r}") from error
    finally:
        await consumer.stop()
