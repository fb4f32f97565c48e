"""Workers that are killed, stopped, suspended, blocked and started twice; after each the checker finds nothing.

T01 and so on are the rows of the table of faults. Chance is seeded.
"""

import asyncio
import json
import random  # noqa: TID251 - seeded
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.buses.topics import lags
from pipeline.domain.limits import ATTEMPTS_MAX
from pipeline.embedded.server import Server
from pipeline.embedded.valkey import Valkey
from pipeline.stores.redis import open_stores
from tests.faults.crowd import crowd
from tests.faults.scene import Scene
from tests.makers import begin

SEED = 20_261_124
EVENTS = 300


async def test_kill_in_the_middle(stage: Scene) -> None:
    """T01: two rounds of kill -9 under load lose nothing and double nothing."""
    await killed(stage, EVENTS, rounds=2)


@pytest.mark.chaos
async def test_kill_in_the_middle_long(stage: Scene) -> None:
    """T01, long: twenty rounds."""
    await killed(stage, 20 * EVENTS, rounds=20)


async def killed(stage: Scene, events: int, rounds: int) -> None:
    """Publish under way, kill a worker at a random event, start the next."""
    chance = random.Random(SEED)
    load = asyncio.ensure_future(stage.publish(crowd(SEED, events), per_second=events / (rounds * 1.5)))
    share = events // (rounds + 1)
    for turn in range(rounds):
        worker = stage.work()
        await stage.reaches("moments", turn * share + chance.randrange(1, share))
        worker.end(signal.SIGKILL)
    await load
    stage.work()
    await stage.clean(events)


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param({"door": "timelines.apply", "after": True, "nth": 1}, id="after-the-write"),
        pytest.param({"door": "bus.send", "topic": "alerts", "after": True, "nth": 1}, id="after-the-alerts"),
    ],
)
async def test_kill_between_write_and_alert_and_commit(stage: Scene, kill: dict[str, Any]) -> None:
    """T02: killed after the timeline was written, or after its alerts were confirmed, no alert is missed or doubled."""
    await stage.publish(crowd(SEED, EVENTS))
    first = stage.work({"kill": kill})
    await stage.until(lambda: not first.running, "the worker ends itself")
    assert first.process.returncode == -signal.SIGKILL
    stage.work()
    report = await stage.clean(EVENTS)
    assert report.totals["alerts"] > 20


async def test_sigterm_under_load(stage: Scene) -> None:
    """T03: a worker that is told to stop in the middle ends with 0 within 30 s, and its successor goes on."""
    first = stage.work()
    await stage.until(lambda: "ready" in first.words, "the worker is ready")
    load = asyncio.ensure_future(stage.publish(crowd(SEED, EVENTS), per_second=EVENTS / 4))
    await stage.reaches("moments", 20)
    assert first.end(signal.SIGTERM) == 0, first.words
    stage.work()
    await load
    await stage.clean(EVENTS)


async def test_a_zombie_wakes_up(stage: Scene, tmp_path: Path) -> None:
    """T04, T58: a worker suspended with a write in hand wakes after another took over; the store refuses that write."""
    gate = tmp_path / "gate"
    await stage.publish(crowd(SEED, EVENTS))
    zombie = stage.work({"pause": {"door": "timelines.apply", "nth": 1, "file": str(gate)}})
    here = Path(f"{gate}.here")
    await stage.until(here.exists, "the first worker holds its write")
    zombie.process.send_signal(signal.SIGSTOP)
    stage.work()
    await stage.clean(EVENTS)
    gate.touch()
    zombie.process.send_signal(signal.SIGCONT)
    answer = Path(f"{gate}.answer")
    await stage.until(answer.exists, "the zombie writes")
    assert not any(told(answer)), "every one of its writes was stale"
    await stage.publish(crowd(SEED + 1, 50))
    await stage.clean(EVENTS + 50)


def told(answer: Path) -> list[bool]:
    """Answer what the store answered to the zombie."""
    applied: list[bool] = json.loads(answer.read_text(encoding="utf-8"))
    return applied


async def test_bursts_of_kills(stage: Scene) -> None:
    """T05: two workers killed together, again and again, some before they are ready."""
    await bursts(stage, rounds=2, events=EVENTS)


@pytest.mark.chaos
async def test_bursts_of_kills_long(stage: Scene) -> None:
    """T05, long: twelve bursts."""
    await bursts(stage, rounds=12, events=20 * EVENTS)


async def bursts(stage: Scene, rounds: int, events: int) -> None:
    """Start two workers, let them live for a random while, kill both."""
    chance = random.Random(SEED)
    load = asyncio.ensure_future(stage.publish(crowd(SEED, events), per_second=events / (4 * rounds)))
    for _ in range(rounds):
        pair = [stage.work(), stage.work()]
        await asyncio.sleep(chance.uniform(1.0, 5.0))
        for worker in pair:
            worker.end(signal.SIGKILL)
    await load
    stage.work()
    await stage.clean(events)


async def test_the_same_worker_twice(stage: Scene) -> None:
    """T10: a second worker with the very same settings shares the work instead of disturbing the first."""
    pair = [stage.work(), stage.work()]
    await stage.until(lambda: all("ready" in each.words for each in pair), "both are ready")
    await stage.publish(crowd(SEED, EVENTS))
    await stage.clean(EVENTS)
    assert [each.end(signal.SIGTERM) for each in pair] == [0, 0], stage.told()


async def test_nobody_waits_for_a_killed_worker_that_is_replaced(
    kafka: Server, valkey: Valkey, prefix: str, tmp_path: Path
) -> None:
    """T01: on Apache Kafka the one that is started instead goes on at once, long before the session is over."""
    session_seconds = 120.0
    stage = Scene(tmp_path, kafka.address, valkey.url, f"{prefix}again-", session_seconds=session_seconds)
    try:
        await stage.topics()
        pair = [stage.work(), stage.work()]
        await stage.until(lambda: all("ready" in each.words for each in pair), "both are ready")
        await stage.publish(crowd(SEED, EVENTS))
        await stage.clean(EVENTS)  # so both have joined for good
        before = len(pair[0].words)
        pair[1].end(signal.SIGKILL)
        stage.work()
        await stage.publish(crowd(SEED + 1, EVENTS))
        await stage.reaches("moments", 2 * EVENTS, seconds=session_seconds / 2)
        await stage.clean(2 * EVENTS)
        assert "rebalanc" not in pair[0].words[before:]
    finally:
        stage.close()


async def test_a_blocked_loop(stage: Scene) -> None:
    """T12: a worker whose loop is blocked ends itself with 70, and the next one loses nothing."""
    events = [*crowd(SEED, 60)]
    events[30]["text"] += " BLOCK"
    await stage.publish(events)
    first = stage.work({"block": "BLOCK"}, hung_seconds=2.0)
    await stage.until(lambda: not first.running, "the watchdog ends the worker")
    assert first.process.returncode == 70
    assert "has not answered" in first.words
    stage.work()
    await stage.clean(60)


async def test_what_kills_its_worker(stage: Scene) -> None:
    """T17: an event that kills whoever reads it is rejected as crash_loop, and only that one."""
    events = [*crowd(SEED, 40)]
    events[20]["text"] += " POISON"
    await stage.publish(events)
    (poison,) = [r for r in await stage.records("feedback") if b"POISON" in (r.value or b"")]
    stores = open_stores(stage.settings.redis, stage.settings.redis_prefix)
    try:
        # As if it had killed all workers but the last already: each real one costs a session.
        for _ in range(ATTEMPTS_MAX):
            await begin(stores.attempts, poison.topic, poison.partition, 0, poison.offset)
        alone = f"{poison.topic}#{poison.partition}#1"
        for _ in range(ATTEMPTS_MAX - 1):
            await begin(stores.attempts, alone, poison.offset, poison.offset, poison.offset)
    finally:
        await stores.close()
    await outlived(stage, restarts=1, events=40)


@pytest.mark.chaos
async def test_what_kills_its_worker_long(stage: Scene) -> None:
    """T17, long: every death is a real one."""
    events = [*crowd(SEED, 40)]
    events[20]["text"] += " POISON"
    await stage.publish(events)
    await outlived(stage, restarts=2 * ATTEMPTS_MAX, events=40)


async def outlived(stage: Scene, restarts: int, events: int) -> None:
    """Start a worker as often as it is killed; the last one lives and rejects what killed the others."""
    for _ in range(restarts):
        worker = stage.work({"poison": "POISON"})
        await stage.until(lambda w=worker: not w.running, "the event kills the worker")  # type: ignore[misc]
    stage.work({"poison": "POISON"})
    report = await stage.clean(events - 1, rejected=1)
    assert report.reasons == {"crash_loop": 1}


async def test_topics_that_are_not_there(stage: Scene) -> None:
    """T18: without its topics, or with too few partitions, a worker refuses and names the command that mends it."""
    missing = stage.work(prefix=f"{stage.settings.prefix}none-")
    fewer = stage.work(partitions=8)
    await stage.until(lambda: not missing.running and not fewer.running, "both refuse")
    assert (missing.process.returncode, fewer.process.returncode) == (2, 2)
    assert f"topic {stage.settings.prefix}none-feedback does not exist; run: heartline topics apply" in missing.words
    assert "has 4 partitions, 8 are expected" in fewer.words
    assert "HEARTLINE_PARTITIONS=4" in fewer.words


async def test_a_stuck_head(stage: Scene, tmp_path: Path) -> None:
    """T15: a batch that hangs holds up its own partition only, and no commit ever passes it."""
    first = stage.work({"hold": "HOLD", "hold_file": str(tmp_path / "never"), "reader_seconds": 600})
    await stage.publish([next(crowd(SEED, 1)) | {"text": "HOLD"}])
    await stage.publish(crowd(SEED + 1, 100))
    (held,) = [r for r in await stage.records("feedback") if b"HOLD" in (r.value or b"")]
    behind = [r for r in await stage.records("feedback") if r.partition == held.partition]
    assert 10 < len(behind) < 90
    await stage.falls_to("feedback", len(behind))
    await asyncio.sleep(2.5)  # two commit intervals: enough to pass it, if it could be passed
    [lag] = await lags(stage.settings, [stage.settings.topic("feedback")])
    assert lag.lag == len(behind)
    first.end(signal.SIGKILL)
    stage.work()
    await stage.clean(101)
