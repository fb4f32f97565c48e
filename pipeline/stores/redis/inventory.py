"""All that the timelines hold, for `heartline verify`: every person once, and what waits in the outboxes."""

from collections.abc import AsyncIterator, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.domain.errors import Misconfigured
from pipeline.domain.ledger import Kept
from pipeline.stores.redis.figures import decode_figures
from pipeline.stores.redis.keys import Keys
from pipeline.stores.redis.troubles import meaning

SCAN_KEYS = 1_000
PERSONS_AT_ONCE = 500


class RedisInventory:
    """Reads, in round trips of some hundred persons, and changes nothing."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._keys = Keys(prefix)

    async def kept(self) -> AsyncIterator[Kept]:
        """Answer the timeline of every person, in no order, each once. Raises Unavailable, Misconfigured."""
        told: set[bytes] = set()
        waiting: list[str] = []
        try:
            async for key in self._client.scan_iter(match=self._keys.persons, count=SCAN_KEYS):
                if key in told:
                    continue
                told.add(key)
                waiting.append(self._keys.person_of(key))
                if len(waiting) == PERSONS_AT_ONCE:
                    for kept in await self._read(waiting):
                        yield kept
                    waiting = []
            for kept in await self._read(waiting):
                yield kept
        except (RedisError, OSError) as error:
            raise meaning(error) from error

    async def outbox(self) -> list[str]:
        """Answer the ids of the alerts whose delivery is not confirmed."""
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for stem in self._keys.stems:
                    pipe.hkeys(self._keys.outbox(stem))
                boxes = await pipe.execute()
        except (RedisError, OSError) as error:
            raise meaning(error) from error
        return [alert.decode() for box in boxes for alert in box]

    async def _read(self, persons: Sequence[str]) -> list[Kept]:
        # A transaction: between the figures and the moments of a person nobody may write.
        async with self._client.pipeline(transaction=True) as pipe:
            for person in persons:
                pipe.hmget(self._keys.person(person), ["f", "m"])
                pipe.zrange(self._keys.when(person), 0, -1, withscores=True)
            told = await pipe.execute()
        kept = []
        for person, (body, moved), when in zip(persons, told[::2], told[1::2], strict=True):
            try:
                figures = decode_figures(body)
            except (ValueError, TypeError) as error:
                raise Misconfigured(f"field f of {self._keys.person(person)} holds no figures ({error})") from error
            moments = tuple((moment.decode(), int(at_ms)) for moment, at_ms in when)
            signs = figures.positive + figures.negative + figures.neutral
            kept.append(Kept(person, moved.decode() if moved else None, moments, figures.moments, signs))
        return kept
