"""What the doctor finds in a Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from pipeline.domain.errors import Unavailable
from pipeline.embedded.valkey import Valkey
from pipeline.stores.redis import ailments


@pytest.fixture
async def client(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of Valkey, whose configuration is put back at the end."""
    async with Redis.from_url(valkey.url) as connected:
        yield connected
        await connected.replicaof("NO", "ONE")
        for name, value in (
            ("maxmemory", "0"),
            ("maxmemory-policy", "noeviction"),
            ("appendonly", "yes"),
            ("save", ""),
        ):
            await connected.config_set(name, value)


async def test_the_embedded_server_is_healthy(client: Redis) -> None:
    """Valkey as Heartline starts it has no ailment."""
    assert await ailments(client) == []


@pytest.mark.parametrize(
    ("settings", "mends"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, ["CONFIG SET maxmemory-policy noeviction"]),
        ({"appendonly": "no"}, ["nothing over a restart: CONFIG SET appendonly yes"]),
        ({"appendonly": "no", "save": "3600 1"}, ["snapshots only: CONFIG SET appendonly yes"]),
        ({"maxmemory": "1000"}, ["CONFIG SET maxmemory 2000"]),
    ],
)
async def test_a_dangerous_setting_is_found(client: Redis, settings: dict[str, str], mends: list[str]) -> None:
    """Each unsafe setting is one line that ends in the command that mends it."""
    for name, value in settings.items():
        await client.config_set(name, value)
    found = await ailments(client)
    assert len(found) == len(mends)
    assert all(line.endswith(mend) for line, mend in zip(found, mends, strict=True))


async def test_a_replica_is_found(client: Redis) -> None:
    """A read-only replica is named together with its primary."""
    await client.replicaof("127.0.0.1", "1")
    assert any("read-only replica" in line and "127.0.0.1:1" in line for line in await ailments(client))


async def test_a_redis_that_is_away_cannot_be_asked() -> None:
    """Where nobody listens the doctor raises Unavailable."""
    async with Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=1) as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await ailments(client)
