"""Workers that are killed, stopped, suspended and started twice; after each the checker finds nothing.

Marks T01 to T10 and T58 are rows of the table of faults in the README. Chance is seeded.
"""

import asyncio
import random  # noqa: TID251 - seeded
import signal

import pytest

from tests.faults.crowd import crowd
from tests.faults.scene import SESSION_SECONDS, Scene

SEED = 20_261_124
EVENTS = 400


async def test_kill_in_the_middle(stage: Scene) -> None:
    """T01: three rounds of kill -9 under load lose nothing and double nothing."""
    await killed(stage, EVENTS, rounds=3)


@pytest.mark.chaos
async def test_kill_in_the_middle_long(stage: Scene) -> None:
    """T01, long: twenty rounds."""
    await killed(stage, 10 * EVENTS, rounds=20)


async def killed(stage: Scene, events: int, rounds: int) -> None:
    chance = random.Random(SEED)
    load = asyncio.ensure_future(stage.publish(crowd(SEED, events), per_second=events / (rounds * 1.5)))
    for turn in range(rounds):
        worker = stage.work()
        await stage.until(lambda w=worker: "ready" in w.words, "the worker is ready")  # type: ignore[misc]
        await stage.reaches("moments", chance.randrange(1, events // (rounds + 1)) + turn * events // (rounds + 1))
        worker.end(signal.SIGKILL)
    await load
    stage.work()
    await stage.clean(events)


async def test_sigterm_under_load(stage: Scene) -> None:
    """T03: a worker that is told to stop in the middle ends with 0 within 30 s, and its successor goes on."""
    await stage.publish(crowd(SEED, EVENTS))
    first = stage.work()
    await stage.reaches("moments", 20)
    assert first.end(signal.SIGTERM) == 0, first.words
    stage.work()
    await stage.clean(EVENTS)
