"""All the servers of one Heartline, started at once, watched and stopped together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.domain.errors import Misconfigured
from pipeline.embedded.kafka import Kafka
from pipeline.embedded.server import Say, Server, silent
from pipeline.embedded.tansu import Tansu
from pipeline.embedded.valkey import Valkey

BROKERS = {broker.name: broker for broker in (Tansu, Kafka)}


class House(NamedTuple):
    """Where the servers are: ``kafka`` as host:port, ``redis`` as URL, and those that were started here."""

    kafka: str
    redis: str
    started: Sequence[Server]

    @property
    def idempotent(self) -> bool:
        """Whether the broker takes idempotent producers; a broker of your own is believed to."""
        return not any(isinstance(server, Tansu) for server in self.started)

    async def died(self) -> str:
        """Wait until one of the started servers ends by itself; answer its name, exit code and last log lines."""
        if not self.started:
            await asyncio.Event().wait()
        watches = [asyncio.ensure_future(server.died()) for server in self.started]
        try:
            first, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            return first.pop().result()
        finally:
            for watch in watches:
                watch.cancel()


@contextlib.asynccontextmanager
async def servers(
    broker: str, folder: Path, kafka: str | None = None, redis: str | None = None, say: Say = silent
) -> AsyncIterator[House]:
    """Start a broker ("tansu" or "kafka") and Valkey in folders below ``folder``, and stop them at the end.

    ``kafka`` (host:port) and ``redis`` (URL) name servers that exist; nothing is started for those. Raises
    Misconfigured when one cannot run here, Unavailable when one does not come up; the other is stopped then.
    """
    if broker not in BROKERS:
        raise Misconfigured(f"there is no broker {broker!r}; take one of: {', '.join(BROKERS)}")
    bus = None if kafka else BROKERS[broker](folder / broker, say)
    state = None if redis else Valkey(folder / "valkey", say)
    started = [server for server in (bus, state) if server is not None]
    try:
        await _all(started)
        yield House(kafka or (bus.address if bus else ""), redis or (state.url if state else ""), started)
    finally:
        await asyncio.gather(*(server.stop() for server in started))


async def _all(started: Sequence[Server]) -> None:
    """Start them at once; the first that fails ends the others' start, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for server in started:
                group.create_task(server.start())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
