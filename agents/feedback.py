"""What people said: read, and stitched to a person."""

from collections.abc import Sequence
from typing import Any

import faust
from faust.types import StreamT

from agents.carrier import Carrier


def listen(app: faust.App, topics: Sequence[str], carrier: Carrier, concurrency: int) -> None:
    """Let an agent of ``app`` carry the record batches of ``topics``."""

    @app.agent(app.topic(*topics, value_type=bytes), name="feedback", concurrency=concurrency)
    async def feedback(stream: StreamT[Any]) -> None:
        async for batch in stream:
            await carrier.carry(batch)
