"""Tansu, Apache Kafka and Valkey themselves."""

import asyncio
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError

from pipeline.embedded.kafka import Kafka
from pipeline.embedded.server import Server
from pipeline.embedded.tansu import Tansu
from pipeline.embedded.valkey import Valkey

LARGE = 5_000_000
REQUEST_BYTES_MAX = 16_000_000

SERVERS = [
    pytest.param(Tansu, marks=pytest.mark.service),
    pytest.param(Valkey, marks=pytest.mark.service),
    pytest.param(Kafka, marks=pytest.mark.kafka),
]


async def make_topic(broker: Server, name: str, **settings: str) -> None:
    """Make a topic of one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=settings)])
    finally:
        await admin.close()


async def send(broker: Server, topic: str, value: bytes, *, idempotent: bool = False) -> None:
    """Send one record and await its confirmation."""
    async with AIOKafkaProducer(
        bootstrap_servers=broker.address,
        enable_idempotence=idempotent,
        max_request_size=REQUEST_BYTES_MAX,
    ) as producer:
        await producer.send_and_wait(topic, value)


async def first(broker: Server, topic: str) -> bytes:
    """Read the first record of a topic."""
    async with AIOKafkaConsumer(
        bootstrap_servers=broker.address, fetch_max_bytes=REQUEST_BYTES_MAX, max_partition_fetch_bytes=REQUEST_BYTES_MAX
    ) as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        async with asyncio.timeout(20):
            record = await consumer.getone()
    assert isinstance(record.value, bytes)
    return record.value


async def test_a_record_goes_through(broker: Server, prefix: str) -> None:
    """What is sent to a topic of the broker is read from it."""
    await make_topic(broker, prefix + "feedback")
    await send(broker, prefix + "feedback", b"hello")
    assert await first(broker, prefix + "feedback") == b"hello"


async def test_a_topic_may_allow_larger_records(kafka: Kafka, prefix: str) -> None:
    """On Kafka a record over 1 MiB is refused, and taken where the topic's ``max.message.bytes`` allows it."""
    await make_topic(kafka, prefix + "small")
    await make_topic(kafka, prefix + "large", **{"max.message.bytes": "16777216"})
    with pytest.raises(MessageSizeTooLargeError):
        await send(kafka, prefix + "small", bytes(LARGE))
    await send(kafka, prefix + "large", bytes(LARGE))
    assert len(await first(kafka, prefix + "large")) == LARGE


async def test_kafka_keeps_what_it_confirmed(kafka: Kafka, prefix: str) -> None:
    """A record that an idempotent producer saw confirmed is there after kill -9 and a start at the same address."""
    address = kafka.address
    await make_topic(kafka, prefix + "kept")
    await send(kafka, prefix + "kept", b"kept", idempotent=True)
    await kafka.kill()
    await kafka.start()
    assert kafka.address == address
    assert await first(kafka, prefix + "kept") == b"kept"


async def test_kafka_makes_no_topic_by_itself(kafka: Kafka, prefix: str) -> None:
    """A topic that was never made is not made by asking for it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        await admin.describe_topics([prefix + "never"])
        assert prefix + "never" not in await admin.list_topics()
    finally:
        await admin.close()


@pytest.mark.service
async def test_valkey_keeps_what_it_was_told(tmp_path: Path) -> None:
    """A value is there after stop and start; nothing is evicted; it listens on loopback only."""
    async with Valkey(tmp_path) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        await server.stop()
        await server.start()
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            assert client.get("key") == "value"
            wanted = {
                "maxmemory-policy": "noeviction",
                "appendfsync": "everysec",
                "appendonly": "yes",
                "bind": "127.0.0.1",
                "save": "",
                "enable-debug-command": "no",
            }
            assert client.config_get(*wanted) == wanted


def test_each_test_has_an_empty_valkey(flush: str) -> None:
    """The fixture ``flush`` names a Valkey without a key."""
    with redis.Redis.from_url(flush) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize("kind", SERVERS)
async def test_two_at_once_do_not_clash(kind: type[Server], tmp_path: Path) -> None:
    """Two servers of a kind started at the same time both come up, each on its own ports."""
    if (reason := kind.available()) is not None:
        pytest.skip(reason)
    two = [kind(tmp_path / "one"), kind(tmp_path / "two")]
    try:
        await asyncio.gather(*(server.start() for server in two))
        assert all([await server.answers() for server in two])
        assert len({port for server in two for port in server.ports}) == 2 * len(two[0].ports)
    finally:
        await asyncio.gather(*(server.stop() for server in two))


async def test_a_broker_on_the_port_that_is_not_ours_is_not_believed(broker: Server, tmp_path: Path) -> None:
    """A broker of the same kind that listens on our port is not taken for the one that we started."""
    ours = type(broker)(tmp_path, port=broker.port)
    assert await broker.answers()
    assert not await ours.answers()


@pytest.mark.service
async def test_a_valkey_on_the_port_that_is_not_ours_is_not_believed(valkey: Valkey, tmp_path: Path) -> None:
    """A Valkey that listens on our port is not taken for the one that we started."""
    async with Valkey(tmp_path) as ours:
        assert await ours.answers()
        ours.port = valkey.port
        assert not await ours.answers()
