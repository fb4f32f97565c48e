"""Identities in Redis: a hash of handles for each bucket."""

from collections.abc import Sequence

from pipeline.ports import Claim
from pipeline.stores.redis.keys import Keys
from pipeline.stores.redis.slices import by_stem
from pipeline.stores.redis.wire import Script, Wire

# ARGV: handle, expected ('' for nobody), person; again and again. Answers a digit for each: 1 if it leads there.
CLAIM = Script("""
local won = {}
for at = 1, #ARGV, 3 do
  local handle, expected, person = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local kept = redis.call('HGET', handles_key, handle) or ''
  if kept == person then
    won[#won + 1] = '1'
  elseif kept == expected then
    redis.call('HSET', handles_key, handle, person)
    won[#won + 1] = '1'
  else
    won[#won + 1] = '0'
  end
end
return table.concat(won)
""")


class RedisIdentities:
    """Which person a handle leads to."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    async def find(self, handles: Sequence[str]) -> Sequence[str | None]:
        """Answer the person of each handle, None where it was never linked to another one."""
        slices = by_stem(self._keys, handles)
        replies = await self._wire.ask(
            [("HMGET", self._keys.handles(stem), *(handles[at] for at in places)) for stem, places in slices.items()]
        )
        answers: list[str | None] = [None] * len(handles)
        for places, reply in zip(slices.values(), replies, strict=True):
            for at, person in zip(places, reply, strict=True):
                answers[at] = None if person is None else person.decode()
        return answers

    async def claim(self, claims: Sequence[Claim]) -> Sequence[bool]:
        """Compare and set each; True as well where the handle leads to the claimed person already."""
        slices = by_stem(self._keys, [claim.handle for claim in claims])
        calls = []
        for stem, places in slices.items():
            arguments: list[str] = []
            for at in places:
                handle, person, expected = claims[at]
                arguments += (handle, expected or "", person)
            calls.append(CLAIM.call(stem, arguments))
        replies = await self._wire.ask(calls)
        answers = [False] * len(claims)
        for places, reply in zip(slices.values(), replies, strict=True):
            for at, won in zip(places, reply, strict=True):
                answers[at] = won == ord("1")
        return answers
