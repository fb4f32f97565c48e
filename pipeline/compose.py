"""The one place where doors are opened: from settings to everything that the stages go through."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from pipeline.buses.kafka import KafkaBus
from pipeline.clocks import SystemClock
from pipeline.domain.errors import Misconfigured
from pipeline.domain.policy import Policy, parse_policy
from pipeline.readers import open_reader
from pipeline.readers.aside import AsideReader, aside
from pipeline.settings import Settings
from pipeline.stages.work import Doors
from pipeline.stores.redis import RedisStores, open_stores
from pipeline.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class House:
    """The open doors of a worker, with what only the carrier needs of them.

    ``knows_again`` says whether the broker gives a worker that comes back under its name what it had. A small broker
    for tests, which cannot promise idempotence either, lets everybody wait instead.
    """

    doors: Doors
    stores: RedisStores
    telemetry: Telemetry
    knows_again: bool = False


def load_policy(settings: Settings) -> Policy:
    """Read the policy that the settings name, or the one that ships. Raises Misconfigured."""
    if settings.policy is None:
        return parse_policy(files("pipeline").joinpath("policy.toml").read_text(encoding="utf-8"))
    try:
        text = settings.policy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"policy {settings.policy} cannot be read: {error}") from error
    return parse_policy(text, str(settings.policy))


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Open every door that the stages need. Raises Unavailable, Misconfigured."""
    policy = load_policy(settings)
    reader = aside(open_reader(settings.reader, settings.weights))
    telemetry = Telemetry()
    stores = open_stores(settings.redis, settings.redis_prefix)
    try:
        async with KafkaBus(settings) as bus:
            doors = Doors(
                reader=reader,
                identities=stores.identities,
                timelines=stores.timelines,
                cases=stores.cases,
                bus=bus,
                clock=SystemClock(),
                meter=telemetry,
                policy=policy,
            )
            yield House(doors, stores, telemetry, bus.idempotent)
    finally:
        await stores.close()
        if isinstance(reader, AsideReader):
            reader.close()
