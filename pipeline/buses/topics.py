"""The topics as the broker has them: made, compared with what they have to be, and how far the workers have read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import OffsetAndMetadata

from pipeline.buses.feed import ends_of, places_of
from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.flow import Topic, topic_names
from pipeline.settings import Settings

ADMIN_SECONDS_MAX = 15.0
SHOWN_TRIES = 100
SHOWN_PAUSE_SECONDS = 0.1


class State(NamedTuple):
    """A topic as it is: its full name, what is wrong with it (empty: nothing) and whether it was made just now."""

    name: str
    partitions: int
    ailments: tuple[str, ...]
    made: bool = False


class Lag(NamedTuple):
    """How far the workers are behind on a topic, in records, over all partitions."""

    topic: str
    end: int
    committed: int
    lag: int


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(ADMIN_SECONDS_MAX):
            await admin.start()
        yield admin
    except (KafkaError, TimeoutError, OSError) as error:
        raise Unavailable(f"no Kafka broker answers at {settings.kafka}: {error!r}") from error
    finally:
        await admin.close()


def configs_of(topic: Topic) -> dict[str, str]:
    """Answer the broker's configuration that ``topic`` has to have."""
    configs = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.message_bytes_max + 65_536),  # the headers need room, too
    }
    return {name: value for name, value in configs.items() if not (topic.compacted and name == "retention.ms")}


async def apply(settings: Settings, teams: Sequence[str]) -> list[State]:
    """Make every topic that is missing and answer the state of all. Does nothing when it is run twice."""
    wanted = {settings.topic(name): topic for name, topic in topic_names(teams).items()}
    async with _admin(settings) as admin:
        missing = sorted(wanted.keys() - set(await admin.list_topics()))
        for name in missing:
            await _make(admin, name, wanted[name], settings)
        for _ in range(SHOWN_TRIES):  # Kafka shows a topic some time after it said that it was made
            if not missing or wanted.keys() <= set(await admin.list_topics()):
                break
            await asyncio.sleep(SHOWN_PAUSE_SECONDS)
    states = await inspect(settings, teams)
    return [state._replace(made=state.name in missing) for state in states]


async def _make(admin: AIOKafkaAdminClient, name: str, topic: Topic, settings: Settings) -> None:
    new = NewTopic(
        name=name,
        num_partitions=topic.partitions(settings.partitions),
        replication_factor=settings.replication,
        topic_configs=configs_of(topic),
    )
    answer = await admin.create_topics([new])
    for _, code, *told in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Misconfigured(f"topic {name} cannot be made: {error.__name__} {told[0] if told else ''}".strip())


async def inspect(settings: Settings, teams: Sequence[str]) -> list[State]:
    """Compare every topic with what it has to be, without changing anything."""
    wanted = {settings.topic(name): topic for name, topic in topic_names(teams).items()}
    async with _admin(settings) as admin:
        known = set(await admin.list_topics()) & wanted.keys()
        described = {topic["topic"]: topic for topic in await admin.describe_topics(sorted(known))} if known else {}
        configs = await _configs(admin, sorted(known))
    states = []
    for name, topic in sorted(wanted.items()):
        if name not in described:
            states.append(State(name, 0, (f"topic {name} does not exist; run: heartline topics apply",)))
            continue
        partitions = len(described[name]["partitions"])
        states.append(State(name, partitions, _ailments(name, topic, partitions, configs.get(name, {}), settings)))
    return states


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }


def _ailments(name: str, topic: Topic, partitions: int, configs: dict[str, str], settings: Settings) -> tuple[str, ...]:
    found = []
    expected = topic.partitions(settings.partitions)
    if partitions != expected:
        found.append(
            f"topic {name} has {partitions} partitions, {expected} are expected with HEARTLINE_PARTITIONS="
            f"{settings.partitions}; topics keyed alike need fitting numbers: set HEARTLINE_PARTITIONS="
            f"{partitions * settings.partitions // expected}, or start a new prefix (partitions cannot be changed "
            "without breaking the order of a person)"
        )
    for config, value in configs_of(topic).items():
        if config in configs and configs[config] != value:
            found.append(
                f"topic {name} has {config}={configs[config]}, expected {value}; run: kafka-configs.sh "
                f"--bootstrap-server {settings.kafka} --alter --topic {name} --add-config {config}={value}"
            )
    return tuple(found)


async def _committed(
    admin: AIOKafkaAdminClient, group: str, places: Sequence[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """A new Kafka makes its topic of offsets when it is first asked for a group, and has no answer meanwhile."""
    for _ in range(SHOWN_TRIES):
        try:
            found: dict[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(
                group, partitions=places
            )
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(SHOWN_PAUSE_SECONDS)
        else:
            return found
    raise Unavailable(f"Kafka has no coordinator for group {group} yet; try again")


async def lags(settings: Settings, topics: Sequence[str]) -> list[Lag]:
    """Answer how far the workers' group is behind on each topic (full names)."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    try:
        await consumer.start()
        places = {name: await places_of(consumer, name) for name in topics}
        every = [place for several in places.values() for place in several]
        ends = await ends_of(consumer, every)
        async with _admin(settings) as admin:
            offsets = await _committed(admin, settings.group, every) if every else {}
    except (KafkaError, OSError) as error:
        raise Unavailable(f"no Kafka broker answers at {settings.kafka}: {error!r}") from error
    finally:
        await consumer.stop()
    done = {place: max(0, offsets[place].offset) if place in offsets else 0 for place in every}
    return [
        Lag(
            name,
            sum(ends[place] for place in several),
            sum(done[place] for place in several),
            sum(max(0, ends[place] - done[place]) for place in several),
        )
        for name, several in places.items()
    ]
