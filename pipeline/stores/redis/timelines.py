"""Timelines in Redis.

A batch is cut by bucket and each bucket is served by one script call, all of them in one round trip. A script
decides nothing but whether the version still matches; what is written was folded in ``pipeline.domain``. The alerts
that a change raises are written into the outbox by the very call that writes the change: a worker that dies
afterwards leaves them there, and the next one to load a person of that bucket is given them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError

from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import TIMELINE_MOMENTS_MAX
from pipeline.domain.timeline import Entry, Figures
from pipeline.ports import Change, Remembered, Send
from pipeline.stores.redis.figures import decode_figures, encode_figures
from pipeline.stores.redis.keys import Keys
from pipeline.stores.redis.sends import decode_send, encode_send
from pipeline.stores.redis.slices import by_stem
from pipeline.stores.redis.troubles import meaning
from pipeline.stores.redis.wire import Argument, Script, Wire

# ARGV: person, number of moment ids, the ids; again and again. Answers the outbox (alert id, body, …) and then for
# each person: version, figures, moved_to, a digit for each id (1 if known), its cases (touchpoint, id, …).
LOAD = Script(r"""
local told = {redis.call('HGETALL', outbox_key)}
local at = 1
while at <= #ARGV do
  local person, count = ARGV[at], tonumber(ARGV[at + 1])
  local kept = redis.call('HMGET', person_key(person), 'v', 'f', 'm')
  local known = {}
  if kept[1] then
    local key = when_key(person)
    for i = 1, count do known[i] = redis.call('ZSCORE', key, ARGV[at + 1 + i]) and '1' or '0' end
  end
  local cases = redis.call('HGETALL', cases_key(person))
  for i = 2, #cases, 2 do cases[i] = string.match(cases[i], '^%d+\n([^\n]*)') end
  local n = #told
  told[n + 1], told[n + 2], told[n + 3] = kept[1], kept[2], kept[3]
  told[n + 4], told[n + 5] = table.concat(known), cases
  at = at + 2 + count
end
return told
""")

# ARGV: moments kept with their words; then again and again: person, version, figures, moved_to ('' for None),
# number of entries, id, at_ms ('' for one that is corrected), body of each, number of alerts, id, body of each.
# Answers a digit for each person.
APPLY = Script("""
local most = tonumber(ARGV[1])
local won = {}
local at = 2
while at <= #ARGV do
  local person, version, figures, moved = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local entries = tonumber(ARGV[at + 4])
  local first = at + 5
  local alerts = tonumber(ARGV[first + 3 * entries])
  at = first + 3 * entries + 1
  local key = person_key(person)
  if (redis.call('HGET', key, 'v') or '0') ~= version then
    won[#won + 1] = '0'
  else
    won[#won + 1] = '1'
    redis.call('HSET', key, 'v', string.format('%d', version + 1), 'f', figures)
    if moved ~= '' then redis.call('HSET', key, 'm', moved) end
    local when, words = when_key(person), words_key(person)
    for i = first, first + 3 * entries - 1, 3 do
      if ARGV[i + 1] == '' then
        if redis.call('HEXISTS', words, ARGV[i]) == 1 then redis.call('HSET', words, ARGV[i], ARGV[i + 2]) end
      elseif redis.call('ZADD', when, 'NX', ARGV[i + 1], ARGV[i]) == 1 then
        redis.call('HSET', words, ARGV[i], ARGV[i + 2])
      end
    end
    if entries > 0 and redis.call('HLEN', words) > most then
      -- Of this change, what is too old to stay; of those before it, whom it pushed out.
      for i = first, first + 3 * entries - 1, 3 do
        if redis.call('ZREVRANK', when, ARGV[i]) >= most then redis.call('HDEL', words, ARGV[i]) end
      end
      for _, id in ipairs(redis.call('ZREVRANGE', when, most, most + entries - 1)) do
        redis.call('HDEL', words, id)
      end
    end
    for i = at, at + 2 * alerts - 1, 2 do redis.call('HSET', outbox_key, ARGV[i], ARGV[i + 1]) end
  end
  at = at + 2 * alerts
end
return table.concat(won)
""")

# ARGV: person, how many of the newest. Answers id, at_ms, body (nil where it is not kept) of each, oldest first.
ENTRIES = Script("""
local told = redis.call('ZRANGE', when_key(ARGV[1]), -tonumber(ARGV[2]), -1, 'WITHSCORES')
local entries = {}
for i = 1, #told, 2 do
  local n = #entries
  entries[n + 1], entries[n + 2] = told[i], told[i + 1]
  entries[n + 3] = redis.call('HGET', words_key(ARGV[1]), told[i])
end
return entries
""")

# ARGV: person, the figures of nobody.
FORGET = Script("""
if redis.call('HEXISTS', person_key(ARGV[1]), 'm') == 1 then
  redis.call('HSET', person_key(ARGV[1]), 'f', ARGV[2])
  return redis.call('DEL', when_key(ARGV[1]), words_key(ARGV[1]))
end
return 0
""")

FIELDS = 5
SCAN_KEYS = 1_000


class RedisTimelines:
    """Every person's emotional timeline, by bucket."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    async def load(self, wanted: Mapping[str, Sequence[str]]) -> tuple[Mapping[str, Remembered], Mapping[str, Send]]:
        """Answer the state of each person, and what waits in the outboxes of their buckets, by alert id."""
        names = list(wanted)
        slices = by_stem(self._keys, names)
        calls = []
        for stem, places in slices.items():
            arguments: list[Argument] = []
            for place in places:
                ids = wanted[names[place]]
                arguments += (names[place], len(ids), *ids)
            calls.append(LOAD.call(stem, arguments))
        persons: dict[str, Remembered] = {}
        waiting: dict[str, Send] = {}
        for places, reply in zip(slices.values(), await self._wire.ask(calls), strict=True):
            outbox = reply[0]
            for alert, body in zip(outbox[::2], outbox[1::2], strict=True):
                waiting[alert.decode()] = self._send(alert, body)
            for number, place in enumerate(places):
                person = names[place]
                start = 1 + FIELDS * number
                persons[person] = self._remembered(person, wanted[person], reply[start : start + FIELDS])
        return persons, waiting

    def _remembered(self, person: str, ids: Sequence[str], told: Sequence[Any]) -> Remembered:
        version, figures, moved_to, known, cases = told
        number, kept = self._state(person, version, figures) if version else (0, Figures())
        return Remembered(
            number,
            kept,
            moved_to.decode() if moved_to else None,
            frozenset([moment for moment, digit in zip(ids, known, strict=False) if digit == ord("1")]),
            {touchpoint.decode(): case.decode() for touchpoint, case in zip(cases[::2], cases[1::2], strict=True)}
            if cases
            else {},
        )

    def _state(self, person: str, version: bytes, figures: bytes) -> tuple[int, Figures]:
        try:
            return int(version), decode_figures(figures)
        except ValueError as error:
            raise Misconfigured(
                f"{self._keys.person(person)} holds no state ({error}); `heartline rebuild` writes it anew"
            ) from error

    def _send(self, alert: bytes, body: bytes) -> Send:
        try:
            return decode_send(body)
        except ValueError as error:
            raise Misconfigured(f"alert {alert!r} in an outbox of Redis cannot be read ({error})") from error

    async def words(self, wanted: Mapping[str, Sequence[str]]) -> Mapping[str, Mapping[str, bytes]]:
        """Answer person → moment → the Moment as JSON, of those of the ``wanted`` that are kept with their words."""
        asked = {person: ids for person, ids in wanted.items() if ids}
        replies = await self._wire.ask([("HMGET", self._keys.words(person), *ids) for person, ids in asked.items()])
        return {
            person: {moment: body for moment, body in zip(ids, reply, strict=True) if body is not None}
            for (person, ids), reply in zip(asked.items(), replies, strict=True)
        }

    async def apply(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Apply each change atomically; False where its version is stale. ``moved_to`` None leaves it as it is."""
        slices = by_stem(self._keys, [change.person for change in changes])
        calls = []
        for stem, places in slices.items():
            arguments: list[Argument] = [TIMELINE_MOMENTS_MAX]
            for place in places:
                person, version, figures, entries, outbox, moved_to, corrected = changes[place]
                arguments += (person, version, encode_figures(figures), moved_to or "", len(entries) + len(corrected))
                for entry in entries:
                    arguments += entry
                for entry in corrected:
                    arguments += (entry.id, "", entry.body)
                arguments.append(len(outbox))
                for alert, send in outbox.items():
                    arguments += (alert, encode_send(send))
            calls.append(APPLY.call(stem, arguments))
        answers = [False] * len(changes)
        for places, reply in zip(slices.values(), await self._wire.ask(calls), strict=True):
            for place, digit in zip(places, reply, strict=True):
                answers[place] = digit == ord("1")
        return answers

    async def sent(self, alerts: Mapping[str, Sequence[str]]) -> None:
        """Forget outbox entries whose delivery is confirmed; ``alerts`` maps person → alert ids."""
        boxes: dict[str, list[str]] = {}
        for person, ids in alerts.items():
            if ids:
                boxes.setdefault(self._keys.outbox(self._keys.stem(person)), []).extend(ids)
        await self._wire.ask([("HDEL", box, *ids) for box, ids in boxes.items()])

    async def entries(self, person: str, newest: int) -> Sequence[Entry]:
        """Answer the newest moments that are kept with their words, oldest first."""
        return (await self.entries_of([person], newest))[0]

    async def entries_of(self, persons: Sequence[str], newest: int) -> Sequence[Sequence[Entry]]:
        """Answer the same for each of several persons, in one round trip."""
        if newest <= 0:
            return [[] for _ in persons]
        most = min(newest, TIMELINE_MOMENTS_MAX)
        replies = await self._wire.ask([ENTRIES.call(self._keys.stem(person), (person, most)) for person in persons])
        return [
            [
                Entry(told[at].decode(), int(float(told[at + 1])), told[at + 2])
                for at in range(0, len(told), 3)
                if told[at + 2] is not None
            ]
            for told in replies
        ]

    async def forget(self, *persons: str) -> None:
        """Drop the entries and figures of persons that have moved; nothing where one has not."""
        nobody = encode_figures(Figures())
        await self._wire.ask([FORGET.call(self._keys.stem(person), (person, nobody)) for person in persons])

    async def persons(self) -> AsyncIterator[str]:
        """Go through every person that has a state (moved ones too), in no order, each once.

        What was told is remembered, some 150 bytes a person: Redis may name a key twice while it grows.
        """
        told: set[bytes] = set()
        try:
            async for key in self._wire.client.scan_iter(match=self._keys.persons, count=SCAN_KEYS):
                if key not in told:
                    told.add(key)
                    yield self._keys.person_of(key)
        except (RedisError, OSError) as error:
            raise meaning(error) from error
