"""The stores in Redis: what no contract can say."""

import asyncio
import fnmatch
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random  # noqa: TID251 - the type; hypothesis brings the chance

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from pipeline.domain.cases import Case
from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.domain.timeline import Entry, Figures
from pipeline.embedded.valkey import Valkey
from pipeline.ports import Change, Claim, Send
from pipeline.stores.memory import MemoryCases, MemoryTimelines
from pipeline.stores.redis import RedisStores, open_stores
from tests.makers import begin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEND = Send("alerts.care", b"k", b"v")
CASE = Case(
    id="c", version=1, person="p1-a", touchpoint="t", team="care", severity="low", opened_at=NOON, respond_by=NOON,
    hurts=1, alerts=("x",),
)  # fmt: skip


@pytest.fixture
async def stores(flush: str) -> AsyncIterator[RedisStores]:
    """Stores on an empty Valkey."""
    opened = open_stores(flush, "hl")
    yield opened
    await opened.close()


async def touch_all(stores: RedisStores) -> None:
    """Write at least one key of every kind."""
    await stores.identities.claim([Claim("h", "p1-a", None)])
    await stores.timelines.apply([Change("p1-a", 0, Figures(), [Entry("m", 1, b"{}")], {"x": SEND}, "p0")])
    await stores.cases.save([CASE])
    await begin(stores.attempts, "feedback", 0, 1, 2)


async def test_every_key_is_documented(stores: RedisStores) -> None:
    """What stands in Redis after every kind of write is what the table of keys says, with its type, and stays."""
    await touch_all(stores)
    table = {
        "hl:{b*}:handles": b"hash",
        "hl:{b*}:person:p1-a": b"hash",
        "hl:{b*}:when:p1-a": b"zset",
        "hl:{b*}:words:p1-a": b"hash",
        "hl:{b*}:outbox": b"hash",
        "hl:{b*}:cases:p1-a": b"hash",
        "hl:{b*}:open": b"zset",
        "hl:{b*}:team:care": b"zset",
        "hl:attempts:feedback": b"hash",
    }
    found = sorted(key.decode() for key in await stores.client.keys("*"))
    assert len(found) == len(table)
    for pattern, kind in table.items():
        [key] = fnmatch.filter(found, pattern)
        assert await stores.client.type(key) == kind
        assert await stores.client.ttl(key) == -1


async def test_a_batch_is_one_round_trip(stores: RedisStores) -> None:
    """A load and an apply of a batch of all buckets make one call for each bucket and no other."""
    persons = [f"p1-{number}" for number in range(600)]
    await stores.timelines.load(dict.fromkeys(persons, ()))
    await stores.timelines.apply([])
    await stores.client.config_resetstat()
    await stores.timelines.load(dict.fromkeys(persons, ()))
    calls = (await stores.client.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert calls == 64


async def test_words_beyond_the_limit_leave_redis(stores: RedisStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many moments one change brings or pushes out, no words stay behind that nobody can read any more."""
    monkeypatch.setattr("pipeline.stores.redis.timelines.TIMELINE_MOMENTS_MAX", 5)
    batches = [range(10, 14), range(20, 24), range(9), range(30, 37), range(15, 18)]
    for version, batch in enumerate(batches):
        entries = [Entry(f"m{number:02}", number, b"{}") for number in batch]
        await stores.timelines.apply([Change("p1-a", version, Figures(), entries, {})])
        [key] = await stores.client.keys("hl:*:words:*")
        assert await stores.client.hlen(key) == (4 if version == 0 else 5)
        assert len(await stores.timelines.entries("p1-a", 9)) == await stores.client.hlen(key)


async def test_two_prefixes_do_not_meet(stores: RedisStores, flush: str) -> None:
    """What one prefix holds, another one neither reads nor lists."""
    await touch_all(stores)
    other = open_stores(flush, "hl2")
    assert [person async for person in other.timelines.persons()] == []
    assert list(await other.identities.find(["h"])) == [None]
    assert list(await other.cases.newest(None, 5)) == []
    await other.close()


async def test_many_gestures_at_once_keep_their_answers(stores: RedisStores) -> None:
    """Concurrent gestures share the pool without taking each other's answers."""
    await stores.identities.claim([Claim(f"h{number}", f"p{number}", None) for number in range(50)])
    answers = await asyncio.gather(*(stores.identities.find([f"h{number}"]) for number in range(50)))
    assert [list(answer) for answer in answers] == [[f"p{number}"] for number in range(50)]


async def test_a_cancelled_gesture_leaves_no_answer_behind(stores: RedisStores) -> None:
    """After a load was cancelled in flight, the next one is given its own answer."""
    await stores.identities.claim([Claim("h", "p1", None), Claim("g", "p2", None)])
    for _ in range(20):
        lost = asyncio.ensure_future(stores.identities.find(["h"]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        lost.cancel()
        await asyncio.gather(lost, return_exceptions=True)
        assert list(await stores.identities.find(["g"])) == ["p2"]


@pytest.mark.parametrize("field", ["f", "v"])
async def test_a_damaged_state_is_named(stores: RedisStores, field: str) -> None:
    """Figures or an outbox that cannot be read raise Misconfigured, with the key and the way out."""
    await touch_all(stores)
    [key] = await stores.client.keys("hl:*:person:*")
    await stores.client.hset(key, field, "{")
    with pytest.raises(Misconfigured, match=r"person:p1-a.*rebuild"):
        await stores.timelines.load({"p1-a": []})


async def test_damaged_alerts_and_cases_are_named(stores: RedisStores) -> None:
    """An alert or a case that cannot be read raises Misconfigured."""
    await touch_all(stores)
    [outbox] = await stores.client.keys("hl:*:outbox")
    [cases] = await stores.client.keys("hl:*:cases:*")
    await stores.client.hset(outbox, "x", "{")
    await stores.client.hset(cases, "t", "1\nc\ncare\n{")
    with pytest.raises(Misconfigured, match="outbox"):
        await stores.timelines.load({"p1-a": []})
    with pytest.raises(Misconfigured, match="case"):
        await stores.cases.load(["p1-a"])


async def test_a_foreign_key_is_misconfigured(stores: RedisStores) -> None:
    """A key of ours that holds another type says that the prefix is somebody else's."""
    await touch_all(stores)
    [key] = await stores.client.keys("hl:*:person:*")
    await stores.client.set(key, "mine")
    with pytest.raises(Misconfigured, match="prefix of its own"):
        await stores.timelines.load({"p1-a": []})


async def test_a_full_redis_is_unavailable_and_applies_nothing(stores: RedisStores) -> None:
    """Out of memory, a change raises Unavailable and is not half written; with memory again it applies."""
    change = Change("p1-a", 0, Figures(), [Entry("m", 1, b"{}")], {"x": SEND})
    await stores.timelines.load({"p1-a": []})
    await stores.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(Unavailable, match="maxmemory"):
            await stores.timelines.apply([change])
        assert await stores.client.keys("*") == []
    finally:
        await stores.client.config_set("maxmemory", "0")
    assert list(await stores.timelines.apply([change])) == [True]


async def test_credentials_are_misconfigured_and_never_told(valkey: Valkey) -> None:
    """A wrong password, and a user without rights, raise Misconfigured without the password in the message."""
    async with Redis.from_url(valkey.url) as admin:
        await admin.acl_setuser("reader", enabled=True, passwords=["+s3cret"], commands=["+hello", "+client"])
        try:
            for password, advice in (("wr0ng", "password"), ("s3cret", "ACL SETUSER")):
                stores = open_stores(valkey.url.replace("//", f"//reader:{password}@"), "hl")
                with pytest.raises(Misconfigured, match=advice) as told:
                    await stores.identities.find(["h"])
                assert password not in str(told.value)
                await stores.close()
        finally:
            await admin.acl_deluser("reader")


@pytest.mark.parametrize("url", ["", "http://x", "redis://x:port/0"])
def test_what_is_no_url_is_misconfigured(url: str) -> None:
    """A Redis URL that cannot be one is told at once."""
    with pytest.raises(Misconfigured, match="Redis URL"):
        open_stores(url, "hl")


async def test_nobody_listens() -> None:
    """Where there is no Redis every door raises Unavailable."""
    stores = open_stores("redis://127.0.0.1:1/0", "hl")
    for gesture in (
        stores.identities.find(["h"]),
        stores.timelines.load({"p": []}),
        stores.cases.newest(None, 1),
        begin(stores.attempts, "feedback", 0, 1, 2),
        anext(stores.timelines.persons()),
    ):
        with pytest.raises(Unavailable, match="start it"):
            await gesture
    await stores.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
async def test_redis_and_memory_are_twins(stores: RedisStores, monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    """Whatever is done to both, in any order, they give the same answers."""
    for module in ("pipeline.stores.memory", "pipeline.stores.redis.timelines"):
        monkeypatch.setattr(f"{module}.TIMELINE_MOMENTS_MAX", 4)
    await stores.client.flushall()
    twin = MemoryTimelines(MemoryCases())
    persons = [f"p1-{number}" for number in range(4)]
    moments = [f"m{number}" for number in range(12)]
    for _ in range(12):
        known, _waiting = await twin.load(dict.fromkeys(persons, ()))
        changes = [
            Change(
                person,
                known[person].version + chance.choice((0, 0, 0, 1)),
                Figures(moments=chance.randrange(9), trust=chance.randrange(2**80)),
                [Entry(moment, chance.randrange(5), moment.encode()) for moment in chance.sample(moments, 3)],
                {chance.choice("xyz"): SEND._replace(value=bytes([chance.randrange(256)]))},
                chance.choice((None, None, "p0")),
            )
            for person in chance.choices(persons, k=3)
        ]
        done = {chance.choice(persons): [chance.choice("xyz")]}
        forgotten, count = chance.choice(persons), chance.randrange(6)
        for timelines in (twin, stores.timelines):
            await timelines.sent(done)
            await timelines.forget(forgotten)
        assert list(await twin.apply(changes)) == list(await stores.timelines.apply(changes))
        wanted = dict.fromkeys(persons, moments)
        assert await twin.load(wanted) == await stores.timelines.load(wanted)
        for person in persons:
            assert list(await twin.entries(person, count)) == list(await stores.timelines.entries(person, count))
    assert {person async for person in twin.persons()} == {person async for person in stores.timelines.persons()}
