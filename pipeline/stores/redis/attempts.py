"""Attempts in Redis: a hash for each topic, a field for each partition."""

from collections.abc import Sequence

from pipeline.ports import Begun
from pipeline.stores.redis.keys import Keys
from pipeline.stores.redis.wire import Script, Wire

# ARGV: partition, first, last, 1 if this very call may have been counted already. Answers the count.
BEGIN = Script(
    """
local partition, first, last = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local noted = redis.call('HGET', KEYS[1], partition)
local from, to, count
if noted then from, to, count = string.match(noted, '^(%d+) (%d+) (%d+)$') end
if not from or first > tonumber(to) then
  redis.call('HSET', KEYS[1], partition, ARGV[2] .. ' ' .. ARGV[3] .. ' 1')
  return 1
end
if last < tonumber(from) then return 1 end
if ARGV[4] == '1' then return tonumber(count) end
count = tonumber(count) + 1
redis.call('HSET', KEYS[1], partition, from .. ' ' .. to .. ' ' .. string.format('%d', count))
return count
""",
    plain=True,
)

FORGET = Script("return redis.call('DEL', KEYS[1])", plain=True)

# ARGV: partition.
WITHDRAW = Script(
    """
local noted = redis.call('HGET', KEYS[1], ARGV[1])
if not noted then return 0 end
local from, to, count = string.match(noted, '^(%d+) (%d+) (%d+)$')
count = math.max(0, tonumber(count) - 1)
redis.call('HSET', KEYS[1], ARGV[1], from .. ' ' .. to .. ' ' .. string.format('%d', count))
return count
""",
    plain=True,
)


class RedisAttempts:
    """How often a batch was begun and not finished.

    Counting twice cannot be told from beginning twice, and a batch that is begun too often is suspected of killing
    its worker. So a call whose answer got lost is not repeated silently; the next one for its partition says that
    it may have been counted, and is not counted again. At worst one attempt too few is counted.
    """

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys
        self._unsure: set[tuple[str, int]] = set()

    async def begin(self, batches: Sequence[Begun]) -> Sequence[int]:
        """Note that ``batches`` are begun; answer how often each was, this time included."""
        spots = {(batch.topic, batch.partition) for batch in batches}
        again = spots & self._unsure
        self._unsure |= spots
        calls = [
            BEGIN.call(self._keys.attempts(topic), (partition, first, last, int((topic, partition) in again)))
            for topic, partition, first, last in batches
        ]
        counts = await self._wire.ask(calls, repeatable=False)
        self._unsure -= spots
        return [int(count) for count in counts]

    async def withdraw(self, topic: str, partition: int) -> None:
        """Take back the last count of a partition."""
        await self._wire.ask([WITHDRAW.call(self._keys.attempts(topic), (partition,))], repeatable=False)

    async def forget(self, topic: str) -> None:
        """Drop every note of a topic."""
        await self._wire.ask([FORGET.call(self._keys.attempts(topic), ())])
