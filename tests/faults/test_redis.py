"""Redis fails as servers and networks fail; the stores say so, and lose and double nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from redis.asyncio import Redis

from pipeline.domain.buckets import bucket_of
from pipeline.domain.errors import Unavailable
from pipeline.domain.timeline import Entry, Figures
from pipeline.embedded.valkey import Valkey
from pipeline.ports import Change, Claim, Send
from pipeline.stores.redis import RedisStores, open_stores
from tests.faults.proxy import Proxy
from tests.makers import begin

T = TypeVar("T")
SEND = Send("alerts.care", b"p1", b'{"id":"x"}')
PATIENCE_SECONDS = 15.0
ANSWER_SECONDS_MAX = 0.4
PERSONS = [f"p1-{number}" for number in range(120)]  # of nearly all buckets: a gesture of many scripts


@pytest.fixture
async def proxy(valkey: Valkey, flush: str) -> AsyncIterator[Proxy]:
    """A proxy before an empty Valkey."""
    assert flush == valkey.url
    async with Proxy("127.0.0.1", valkey.port) as standing:
        yield standing


@pytest.fixture
async def stores(proxy: Proxy) -> AsyncIterator[RedisStores]:
    """Stores that reach Valkey through the proxy only, their connection open, and wait 0.4 s for an answer."""
    opened = open_stores(f"redis://127.0.0.1:{proxy.port}/0", "hl", answer_seconds_max=ANSWER_SECONDS_MAX)
    await opened.timelines.load({"p1-a": []})
    yield opened
    await opened.close()


@pytest.fixture
async def admin(flush: str) -> AsyncIterator[Redis]:
    """A client that does not pass the proxy, to inject faults and to look."""
    async with Redis.from_url(flush) as client:
        yield client


async def until_answered(gesture: Callable[[], Awaitable[T]]) -> T:
    """Try again as long as the store is Unavailable, as a stage does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await gesture()
        except Unavailable:
            assert time.monotonic() < end, "still unavailable"
            await asyncio.sleep(0.02)


async def forever(gesture: Callable[[], Awaitable[object]]) -> None:
    """Repeat a gesture until it raises, at most for the patience of a test."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            await gesture()


async def remember(stores: RedisStores, moment: str) -> set[str]:
    """Do to each person once what a stage does with ``moment``; answer the alerts that wait at the end."""

    async def once() -> set[str] | None:
        persons, waiting = await stores.timelines.load(dict.fromkeys(PERSONS, (moment,)))
        changes = [
            Change(
                person,
                kept.version,
                Figures(moments=kept.figures.moments + 1),
                [Entry(moment, 1, b"{}")],
                {f"{moment} {person}": SEND},
            )
            for person, kept in persons.items()
            if moment not in kept.known
        ]
        if not changes:
            return set(waiting)
        await stores.timelines.apply(changes)
        return None

    while True:
        waiting = await until_answered(once)
        if waiting is not None:
            return waiting


async def assert_exact(stores: RedisStores, *moments: str) -> None:
    """Every person has every moment once, in figures and entries, at a version for each, and every alert waits."""
    persons, waiting = await stores.timelines.load(dict.fromkeys(PERSONS, moments))
    for person, kept in persons.items():
        assert (kept.version, kept.figures.moments, kept.known) == (len(moments), len(moments), set(moments)), person
        assert len(await stores.timelines.entries(person, 10)) == len(moments)
    assert set(waiting) == {f"{moment} {person}" for moment in moments for person in PERSONS}


async def test_a_read_only_replica_is_waited_for(stores: RedisStores, admin: Redis) -> None:
    """T25: while Redis is a replica, writes raise Unavailable with advice; promoted again, they go on, exactly."""
    await remember(stores, "m1")
    await admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(Unavailable, match="REPLICAOF NO ONE"):
            await stores.identities.claim([Claim("h", "p", None)])
        with pytest.raises(Unavailable):
            await stores.timelines.apply([Change("p1-0", 1, Figures(), [], {})])
        work = asyncio.ensure_future(remember(stores, "m2"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(work), 0.3)
    finally:
        await admin.execute_command("REPLICAOF", "NO", "ONE")
    await work
    await assert_exact(stores, "m1", "m2")


@pytest.mark.parametrize("fault", [("CLIENT", "PAUSE", "1200", "WRITE"), ("DEBUG", "SLEEP", "1.2")])
async def test_a_slow_redis_is_waited_for(stores: RedisStores, admin: Redis, fault: tuple[str, ...]) -> None:
    """T26: calls time out with their result unknown, some take effect later; repeated, nothing is there twice."""
    await remember(stores, "m1")
    slow = asyncio.ensure_future(admin.execute_command(*fault))
    if fault[0] == "CLIENT":
        await slow
    with pytest.raises(Unavailable, match="in time"):
        await forever(lambda: stores.timelines.apply([Change(person, 0, Figures(), [], {}) for person in PERSONS]))
    await remember(stores, "m2")
    await slow
    await assert_exact(stores, "m1", "m2")


async def test_an_effect_whose_answer_is_lost(stores: RedisStores, proxy: Proxy, admin: Redis) -> None:
    """T26: a call takes effect and its answer never comes; the next try is stale, its reload finds all done."""
    change = Change("p1-a", 0, Figures(moments=1), [Entry("m1", 1, b"{}")], {"x": SEND})
    proxy.hold_down = True
    with pytest.raises(Unavailable, match="in time"):
        await stores.timelines.apply([change])
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await admin.hexists(f"hl:{{b{bucket_of('p1-a')}}}:outbox", "x"):
            await asyncio.sleep(0.01)
    proxy.hold_down = False
    assert list(await stores.timelines.apply([change])) == [False]
    persons, waiting = await stores.timelines.load({"p1-a": ["m1"]})
    assert (persons["p1-a"].version, persons["p1-a"].known, waiting) == (1, {"m1"}, {"x": SEND})


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.77, 0.99])
async def test_a_connection_cut_on_the_way_up(stores: RedisStores, proxy: Proxy, share: float) -> None:
    """T27: wherever in the bytes of a batch the connection ends, the batch is applied exactly once in the end."""
    await remember(stores, "m0")  # from now on Redis knows the scripts, and one batch is as long as the next
    before = proxy.up_bytes
    await remember(stores, "m1")
    size = proxy.up_bytes - before
    proxy.cut_up(int(size * share))
    await remember(stores, "m2")
    assert proxy.connections > 1
    await assert_exact(stores, "m0", "m1", "m2")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.77, 0.9])
async def test_a_connection_cut_on_the_way_down(stores: RedisStores, proxy: Proxy, share: float) -> None:
    """T27: wherever in the answers the connection ends, after the effect of all or some scripts, the end is exact."""
    await remember(stores, "m0")  # from now on Redis knows the scripts, and one batch is as long as the next
    before = proxy.down_bytes
    await remember(stores, "m1")
    size = proxy.down_bytes - before
    proxy.cut_down(int(size * share))
    await remember(stores, "m2")
    assert proxy.connections > 1
    await assert_exact(stores, "m0", "m1", "m2")


async def test_a_reset_connection_is_made_anew(stores: RedisStores, proxy: Proxy) -> None:
    """T27: one connection reset between two gestures is not even noticed; while all are refused it is Unavailable."""
    await remember(stores, "m1")
    proxy.reset()
    await remember(stores, "m2")
    proxy.refuse = True
    proxy.reset()
    with pytest.raises(Unavailable, match="reached"):
        await stores.timelines.load({"p1-a": []})
    proxy.refuse = False
    await assert_exact(stores, "m1", "m2")


async def test_a_half_open_connection_is_left(stores: RedisStores, proxy: Proxy) -> None:
    """T27: where bytes vanish and nobody says so, the gesture ends in time and the next one goes on."""
    proxy.hold_up = True
    with pytest.raises(Unavailable, match="in time"):
        await stores.identities.claim([Claim("h", "p", None)])
    proxy.hold_up = False
    assert list(await stores.identities.claim([Claim("h", "p", None)])) == [True]


async def test_an_attempt_whose_answer_is_lost_is_counted_once(stores: RedisStores, proxy: Proxy) -> None:
    """T27: a worker that lost the answer is not suspected twice, however often it must ask."""
    assert await begin(stores.attempts, "feedback", 0, 10, 19) == 1
    for _ in range(3):
        proxy.cut_down(0)
        with pytest.raises(Unavailable):
            await begin(stores.attempts, "feedback", 0, 10, 19)
    assert await begin(stores.attempts, "feedback", 0, 10, 19) == 2
    assert await begin(stores.attempts, "feedback", 0, 10, 19) == 3


async def test_flushed_scripts_are_loaded_again(stores: RedisStores, admin: Redis) -> None:
    """T28: where Redis lost the scripts, between gestures or again and again, calls load them and are answered."""
    await remember(stores, "m1")
    await admin.script_flush()
    await remember(stores, "m2")
    await assert_exact(stores, "m1", "m2")
    await admin.script_flush()
    assert list(await stores.identities.claim([Claim("h", "p", None)])) == [True]
    await admin.script_flush()
    assert await begin(stores.attempts, "feedback", 0, 1, 2) == 1


async def test_scripts_flushed_all_the_time(stores: RedisStores, admin: Redis) -> None:
    """T28: while somebody flushes scripts without pause, every gesture is answered, and the end is exact."""
    stop = asyncio.Event()

    async def flush() -> int:
        count = 0
        while not stop.is_set():
            await admin.script_flush()
            count += 1
        return count

    flushing = asyncio.ensure_future(flush())
    moments = [f"m{number}" for number in range(8)]
    for moment in moments:
        await remember(stores, moment)
    stop.set()
    assert await flushing > len(moments)
    await assert_exact(stores, *moments)


async def test_a_slow_network_only_takes_time(stores: RedisStores, proxy: Proxy) -> None:
    """T26: latency below the deadline is borne without an error."""
    proxy.delay_seconds = 0.02
    await stores.timelines.load({"p1-a": []})
    proxy.delay_seconds = ANSWER_SECONDS_MAX
    with pytest.raises(Unavailable, match="in time"):
        await stores.timelines.load({"p1-a": []})
