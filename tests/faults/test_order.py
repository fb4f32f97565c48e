"""Duplicates, any order, and operations run twice: the same events come to the same end."""

import json
import random  # noqa: TID251 - seeded
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.client import prepare
from pipeline.stores.redis.figures import encode_figures
from tests.faults.crowd import crowd
from tests.faults.memory_house import MemoryHouse
from tests.faults.scene import ROOT, Scene

SEED = 20_261_124
DAY_SECONDS = 86_400.0
ARRIVED = datetime(2026, 11, 1, tzinfo=UTC)


async def digest(house: MemoryHouse) -> dict[str, tuple[bytes, tuple[tuple[str, int], ...]]]:
    """Answer figures and moments of everybody who did not prove to be somebody else.

    The aliases tell by which way persons became one, which is a matter of the order; they are left out.
    """
    told = {}
    async for kept in house.timelines.kept():
        if kept.moved_to is None:
            state = (await house.timelines.load({kept.person: ()}))[0][kept.person]
            figures = json.loads(encode_figures(state.figures))
            figures.pop("aliases")
            told[kept.person] = (json.dumps(figures).encode(), kept.moments)
    return told


async def played(events: Sequence[Mapping[str, Any]], batch_events: int) -> MemoryHouse:
    """Play events, in this order, all of them said long before they arrive."""
    house = MemoryHouse.build()
    for event in events:
        house.bus.append(prepare(event, house.doors.clock)[1], timestamp=round(ARRIVED.timestamp() * 1000))
    await house.bus.run(house.doors, batch_events)
    return house


@given(order=st.permutations(range(14)), seed=st.integers(0, 50), batch_events=st.integers(1, 14))
@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
async def test_any_order_comes_to_the_same_end(order: list[int], seed: int, batch_events: int) -> None:
    """T57: the same events in any order and batches give everybody the same moments and figures, merges included."""
    events = [*crowd(seed, 14, persons=3)]
    straight = await played(events, 500)
    turned = await played([events[place] for place in order], batch_events)
    assert await digest(turned) == await digest(straight)
    assert (await turned.report()).clean


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


async def test_two_days_late() -> None:
    """T57: events shuffled within ten minutes, one of them two days late, make the timeline that order would make."""
    chance = random.Random(SEED)
    events = [*crowd(SEED, 60, persons=4)]
    shuffled = sorted(
        events[1:], key=lambda event: datetime.fromisoformat(event["at"]).timestamp() + chance.uniform(0, 600)
    )
    late = await played([*shuffled, events[0]], 7)
    assert await digest(late) == await digest(await played(events, 500))
    assert (await late.report()).clean


async def test_said_twice_near_and_far() -> None:
    """T55: the same id a moment and three days later, the second time edited, is one entry and one case."""
    house = MemoryHouse.build()
    event = next(each for each in crowd(SEED, 50) if "frustrated" in each["text"])
    await house.publish([event, event])
    await house.bus.run(house.doors)
    await house.doors.clock.sleep(3 * DAY_SECONDS)
    await house.publish([event, event | {"text": "I am angry now!"}])
    await house.bus.run(house.doors)
    report = await house.report()
    assert report.clean, report.anomalies
    assert [report.totals[each] for each in ("feedback", "events", "remembered", "alerts", "cases")] == [4, 1, 1, 1, 1]
    (person,) = [kept.person async for kept in house.timelines.kept()]
    (entry,) = await house.timelines.entries(person, 10)
    assert event["text"].encode() in entry.body, "what was said first stands"


async def test_a_tenth_comes_twice(stage: Scene) -> None:
    """T55: a worker that gets a tenth of all events twice, near and far, remembers each once."""
    events = [*crowd(SEED, 300)]
    await stage.publish([*events[:30], *events, *events[::10]])
    stage.work()
    report = await stage.clean(300)
    assert report.totals["feedback"] == 360


async def test_operations_run_twice(stage: Scene) -> None:
    """T62: `topics apply` twice changes nothing, `rejects replay` twice sends nothing twice, and nothing doubles."""

    def heartline(*words: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *words, "--json"],
            env={**stage.environment(), "PATH": "", "HOME": str(stage.folder)},
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert not any(topic["made"] for topic in heartline("topics", "apply") + heartline("topics", "apply"))
    events = [*crowd(SEED, 40)]
    events[7]["text"] += " RAISE"
    await stage.publish(events)
    first = stage.work({"raise_for": "RAISE"})
    await stage.clean(39, rejected=1)
    first.end(signal.SIGTERM)
    stage.work()
    for _ in range(2):
        heartline("rejects", "replay")
        report = await stage.clean(40)
        assert report.totals["feedback"] == 41
