"""The stores, for commands that look things up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pipeline.domain.errors import Misconfigured

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.stores.redis import RedisStores


@asynccontextmanager
async def stores(settings: "Settings") -> AsyncIterator["RedisStores"]:
    """Open the stores. Raises Misconfigured where their extra is missing or the URL is none."""
    try:
        from pipeline.stores.redis import open_stores
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            f"this command needs {missing.name}, which is not installed; run: pip install 'heartline[redis]'"
        ) from missing
    opened = open_stores(settings.redis, settings.redis_prefix)
    try:
        yield opened
    finally:
        await opened.close()
