"""What each living worker says of itself, for `heartline status`. A worker that falls silent is forgotten."""

from typing import Any

import orjson
from redis.asyncio import Redis

from pipeline.stores.redis.keys import Keys

LIVES_SECONDS = 10


async def report(client: Redis, prefix: str, worker: str, told: dict[str, Any]) -> None:
    """Say what ``worker`` has done so far; it holds for LIVES_SECONDS."""
    await client.set(Keys(prefix).worker(worker), orjson.dumps(told), ex=LIVES_SECONDS)


async def reports(client: Redis, prefix: str) -> list[dict[str, Any]]:
    """Answer what every living worker said last, by its name."""
    keys = sorted([key async for key in client.scan_iter(match=Keys(prefix).worker("*"), count=1_000)])
    told = await client.mget(keys) if keys else []
    return [orjson.loads(each) for each in told if each]


async def withdraw(client: Redis, prefix: str, worker: str) -> None:
    """Say that ``worker`` has ended."""
    await client.delete(Keys(prefix).worker(worker))
