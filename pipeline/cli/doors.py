"""The stores, for commands that look things up."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pipeline.domain.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.stores.redis import RedisStores


@asynccontextmanager
async def stores(settings: "Settings") -> AsyncIterator["RedisStores"]:
    """Open the stores. Raises Misconfigured where their extra is missing or the URL is none."""
    try:
        from pipeline.stores.redis import open_stores
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            f"this command needs {missing.name}, which is not installed; run: pip install 'heartline[redis]'"
        ) from missing
    opened = open_stores(settings.redis, settings.redis_prefix)
    try:
        yield opened
    finally:
        await opened.close()


async def demand_topics(settings: "Settings", names: Sequence[str]) -> None:
    """Raise Misconfigured where a topic (name without prefix) is missing, Unavailable where no broker answers.

    A client that asks for a topic by its name may make it by asking, with partitions that are not ours.
    """
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=10_000)
    try:
        await admin.start()
        known = set(await admin.list_topics())
    except (KafkaError, OSError, ValueError) as error:
        raise Unavailable(
            f"no Kafka broker answers at {settings.kafka}; is it running? `heartline doctor` tells more"
        ) from error
    finally:
        await admin.close()
    if missing := [name for name in map(settings.topic, names) if name not in known]:
        raise Misconfigured(f"topic {missing[0]} does not exist; run: heartline topics apply")
