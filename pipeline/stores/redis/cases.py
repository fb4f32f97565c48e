"""Cases in Redis: a hash for each person, and sorted sets that list the open ones, newest first."""

from collections.abc import Mapping, Sequence
from itertools import chain

from pydantic import ValidationError

from pipeline.domain.cases import Case
from pipeline.domain.errors import Misconfigured
from pipeline.domain.timeline import milliseconds
from pipeline.stores.redis.keys import Keys
from pipeline.stores.redis.slices import by_stem
from pipeline.stores.redis.wire import Argument, Script, Wire

# A case is kept as version, id and team, a line each, and its JSON: scripts need not read JSON.
HEAD_LINES = 3

# ARGV: person, touchpoint, version, team, −opened_ms, body; again and again. Answers a digit for each.
SAVE = Script(r"""
local won = {}
for at = 1, #ARGV, 6 do
  local person, touchpoint, version, team = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local key = cases_key(person)
  local kept = redis.call('HGET', key, touchpoint)
  local number, before
  if kept then
    number, before = string.match(kept, '^(%d+)\n[^\n]*\n([^\n]*)\n')
    number = tonumber(number)
  end
  if kept and version ~= number + 1 then
    won[#won + 1] = '0'
  else
    won[#won + 1] = '1'
    local member = person .. '\n' .. touchpoint
    redis.call('HSET', key, touchpoint, ARGV[at + 5])
    if before and before ~= team then redis.call('ZREM', team_key(before), member) end
    redis.call('ZADD', open_key, ARGV[at + 4], member)
    redis.call('ZADD', team_key(team), ARGV[at + 4], member)
  end
end
return table.concat(won)
""")


class RedisCases:
    """Open cases, by person."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    async def load(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, Case]]:
        """Answer person → touchpoint → the open case; empty for a person without one."""
        names = list(dict.fromkeys(persons))
        replies = await self._wire.ask([("HGETALL", self._keys.cases(person)) for person in names])
        return {
            person: {touchpoint.decode(): self._case(body) for touchpoint, body in reply.items()}
            for person, reply in zip(names, replies, strict=True)
        }

    async def save(self, cases: Sequence[Case]) -> Sequence[bool]:
        """Write each case if its version is the kept one plus one, or none is kept; else False."""
        slices = by_stem(self._keys, [case.person for case in cases])
        calls = []
        for stem, places in slices.items():
            arguments: list[Argument] = []
            for case in (cases[place] for place in places):
                head = f"{case.version}\n{case.id}\n{case.team}\n"
                body = head + case.model_dump_json()
                opened = -milliseconds(case.opened_at)
                arguments += (case.person, case.touchpoint, case.version, case.team, opened, body)
            calls.append(SAVE.call(stem, arguments))
        answers = [False] * len(cases)
        for places, reply in zip(slices.values(), await self._wire.ask(calls), strict=True):
            for place, digit in zip(places, reply, strict=True):
                answers[place] = digit == ord("1")
        return answers

    async def newest(self, team: str | None, limit: int) -> Sequence[Case]:
        """Answer the open cases (of one team), newest first; within a millisecond by person, then touchpoint."""
        if limit <= 0:
            return []
        listings = await self._wire.ask(
            [("ZRANGE", self._keys.open(stem, team), 0, limit - 1, "WITHSCORES") for stem in self._keys.stems]
        )
        listed = sorted((score, member.split(b"\n", 1)) for member, score in chain.from_iterable(listings))[:limit]
        # A case can change between the two round trips; then it is told as it is by now.
        bodies = await self._wire.ask(
            [("HGET", self._keys.cases(person.decode()), touchpoint) for _, (person, touchpoint) in listed]
        )
        return [self._case(body) for body in bodies if body is not None]

    def _case(self, body: bytes) -> Case:
        try:
            return Case.model_validate_json(body.split(b"\n", HEAD_LINES)[-1])
        except ValidationError as error:
            raise Misconfigured(f"a case in Redis cannot be read: {error.errors(include_input=False)}") from error
