"""All stores on one Redis."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.domain.errors import Misconfigured
from pipeline.stores.redis import attempts, cases, identities, timelines
from pipeline.stores.redis.attempts import RedisAttempts
from pipeline.stores.redis.cases import RedisCases
from pipeline.stores.redis.identities import RedisIdentities
from pipeline.stores.redis.keys import Keys
from pipeline.stores.redis.timelines import RedisTimelines
from pipeline.stores.redis.wire import Wire

ANSWER_SECONDS_MAX = 5.0
CONNECT_SECONDS_MAX = 2.0
SCRIPTS = (
    identities.CLAIM,
    timelines.LOAD,
    timelines.APPLY,
    timelines.ENTRIES,
    timelines.FORGET,
    cases.SAVE,
    attempts.BEGIN,
    attempts.FORGET,
    attempts.WITHDRAW,
)


class RedisStores(NamedTuple):
    """The doors, the client that they share (for `doctor`), and what closes it."""

    identities: RedisIdentities
    timelines: RedisTimelines
    cases: RedisCases
    attempts: RedisAttempts
    client: Redis
    close: Callable[[], Awaitable[None]]


def open_stores(url: str, prefix: str, *, answer_seconds_max: float = ANSWER_SECONDS_MAX) -> RedisStores:
    """Answer the stores of the Redis at ``url`` (redis://, rediss://, unix://), whose keys begin with ``prefix``.

    Nothing is connected before the first call.
    Raises Misconfigured where the URL or the prefix cannot be.
    """
    keys = Keys(prefix)
    try:
        client = Redis.from_url(
            url,
            protocol=3,
            socket_timeout=answer_seconds_max,
            socket_connect_timeout=CONNECT_SECONDS_MAX,
            socket_keepalive=True,
            # The wire knows which calls may be repeated; redis-py does not.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise Misconfigured(f"the Redis URL is not one ({error}); it looks like redis://host:6379/0") from error
    wire = Wire(client, SCRIPTS, answer_seconds_max)
    return RedisStores(
        RedisIdentities(wire, keys),
        RedisTimelines(wire, keys),
        RedisCases(wire, keys),
        RedisAttempts(wire, keys),
        client,
        client.aclose,
    )
