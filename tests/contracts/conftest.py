"""The stores, each in memory and in Redis: one suite for both."""

import itertools
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest

from pipeline.ports import Attempts, Cases, Identities, Timelines
from pipeline.stores.memory import MemoryAttempts, MemoryCases, MemoryIdentities, MemoryTimelines
from pipeline.stores.redis import RedisStores, open_stores


class Shelf(NamedTuple):
    """Empty stores that nobody else writes to."""

    identities: Identities
    timelines: Timelines
    cases: Cases
    attempts: Attempts


def _memory_shelf() -> Shelf:
    cases = MemoryCases()
    return Shelf(MemoryIdentities(), MemoryTimelines(cases), cases, MemoryAttempts())


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest) -> str | None:
    """Answer where Redis is; None stands for memory."""
    return None if request.param == "memory" else request.getfixturevalue("valkey").url


@pytest.fixture
async def shelf(url: str | None, prefix: str) -> AsyncIterator[Callable[[], Shelf]]:
    """Answer what makes a new shelf: a property test takes one for each example."""
    if url is None:
        yield _memory_shelf
        return
    opened: list[RedisStores] = []
    numbers = itertools.count()

    def redis_shelf() -> Shelf:
        stores = open_stores(url, f"{prefix}{next(numbers)}")
        opened.append(stores)
        return Shelf(stores.identities, stores.timelines, stores.cases, stores.attempts)

    yield redis_shelf
    for stores in opened:
        await stores.close()
