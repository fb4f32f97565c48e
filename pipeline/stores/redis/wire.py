"""One gesture with Redis: many calls, one round trip.

Calls are packed by hiredis and written at once; nothing is a transaction, for each script is one by itself. Every
call that Heartline makes may be made twice, since an answer can be lost after the call took effect: reading changes
nothing, a claim answers True for what is claimed already, and whatever carries a version answers "stale" the second
time, upon which its caller reads again and finds its own work done. The exception (attempts) says so, and is not
repeated here.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from math import inf
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import NoScriptError, RedisError, ResponseError

from pipeline.stores.redis.keys import LUA
from pipeline.stores.redis.troubles import meaning

Argument = str | bytes | int
Call = tuple[Argument, ...]


class Script:
    """A script whose only key is the stem of a bucket (or, ``plain``, the one key that it works on)."""

    def __init__(self, body: str, *, plain: bool = False) -> None:
        self.text = body if plain else LUA + body
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def call(self, key: str, arguments: Sequence[Argument]) -> Call:
        """Answer the call of this script."""
        return ("EVALSHA", self.sha, 1, key, *arguments)


class Wire:
    """The way to one Redis. ``scripts`` are those that its calls name, ``seconds_max`` is for a gesture."""

    def __init__(self, client: Redis, scripts: Sequence[Script], seconds_max: float) -> None:
        self.client = client
        self._seconds_max = seconds_max
        self._texts = {script.sha: script.text for script in scripts}

    async def ask(self, calls: Sequence[Call], *, repeatable: bool = True) -> list[Any]:
        """Answer the reply to each call, in order.

        A cut connection is made anew once if the calls are ``repeatable``. Calls of scripts that Redis does not
        know (it started anew, somebody flushed them) did nothing and are repeated with the text of the script,
        which Redis knows from then on. Raises Unavailable and Misconfigured.
        """
        if not calls:
            return []
        replies = await self._exchange(calls, repeatable=repeatable)
        unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            told = [self._told(calls[place]) for place in unknown]
            again = await self._exchange(told, repeatable=repeatable)
            for place, reply in zip(unknown, again, strict=True):
                replies[place] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise meaning(reply) from reply
        return replies

    def _told(self, call: Call) -> Call:
        _, sha, *arguments = call
        return ("EVAL", self._texts[str(sha)], *arguments)

    async def _exchange(self, calls: Sequence[Call], *, repeatable: bool) -> list[Any]:
        # The type stub of hiredis knows tuples of one only.
        packed = [hiredis.pack_command(call) for call in calls]  # type: ignore[arg-type]
        try:
            try:
                return await self._once(packed)
            except NotConnected:
                if not repeatable:
                    raise
                return await self._once(packed)
        except (RedisError, OSError) as error:
            raise meaning(error) from error

    async def _once(self, packed: Sequence[bytes]) -> list[Any]:
        pool = self.client.connection_pool
        async with asyncio.timeout(self._seconds_max):
            connection = await pool.get_connection()  # type: ignore[no-untyped-call]
            whole = False
            try:
                await connection.send_packed_command(packed)
                replies = [await _reply(connection) for _ in packed]
                whole = True
                return replies
            finally:
                # What was not read to its end would be taken for the answer to the next call.
                if not whole:
                    await connection.disconnect(nowait=True)
                await pool.release(connection)


async def _reply(connection: AbstractConnection) -> Any:
    try:
        # Without a timeout of its own: the gesture has one, and one for each reply costs more than the reply.
        return await connection.read_response(timeout=inf)
    except ResponseError as error:
        return error
