"""What each stage costs: `carry`, one batch after the other in one task, on the real Kafka and the real Redis.

A worker overlaps its batches, so its own meter mixes them. Here nothing else is going on: the CPU time of this thread
between two points is that of the stage, with its client's work for Redis and Kafka in it.
"""

import gc
from collections.abc import Sequence
from itertools import groupby
from time import thread_time
from typing import Any

import uvloop

from agents.worker import GC_THRESHOLDS
from bench.ground import PARTITIONS, Ground
from bench.load import Said
from pipeline.buses.feed import whole
from pipeline.compose import open_house
from pipeline.domain.envelope import Record
from pipeline.domain.limits import BATCH_EVENTS_MAX
from pipeline.flow import carry
from pipeline.settings import Settings
from pipeline.telemetry import Telemetry

PREFIX = "stages-"


def measure(ground: Ground, reader: str, said: Sequence[Said]) -> list[dict[str, Any]]:
    """Answer a row for each stage: events that it met, µs CPU for each, and µs for each event published."""
    settings = Settings(
        kafka=ground.broker.address,
        redis=ground.valkey.url,
        prefix=PREFIX,
        redis_prefix=f"stages-{reader}",
        reader=reader,
        partitions=PARTITIONS,
    )
    ground.broker.make_topics(settings, ground.teams)
    try:
        ground.broker.load(f"{PREFIX}feedback", (each.send for each in said), PARTITIONS)
        return uvloop.run(_carry_all(settings, ground.teams, len(said)))
    finally:
        ground.broker.drop_topics(PREFIX)


async def _carry_all(settings: Settings, teams: Sequence[str], published: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    kept = gc.get_threshold()
    async with open_house(settings) as house:
        gc.collect()
        gc.freeze()  # as a worker does
        gc.set_threshold(*GC_THRESHOLDS)
        for topics in (["feedback"], ["moments"], [f"alerts.{team}" for team in teams]):
            name = topics[0].partition(".")[0]
            meter = Telemetry()
            object.__setattr__(house.doors, "meter", meter)  # a meter for each step; Doors are frozen for the stages
            records = [record async for record in whole(settings, topics)]
            sent = cpu = 0.0
            for batch in _batches(records):
                outcome = await carry(batch[0].topic.removeprefix(PREFIX), batch, house.doors)
                started = thread_time()
                await house.doors.bus.send(outcome.sends)
                cpu += thread_time() - started
                sent += len(outcome.sends)
                started = thread_time()
                for settle in outcome.confirmed:
                    await settle()
                meter.note("settle", len(batch), thread_time() - started)
            meter.note("send", int(sent), cpu)
            rows += [_row(f"{name}: {stage}", int(events), spent, published)
                     for stage, (events, spent) in meter.stages.items()]  # fmt: skip
    gc.unfreeze()
    gc.set_threshold(*kept)
    return rows


def _row(stage: str, events: int, cpu_seconds: float, published: int) -> dict[str, Any]:
    return {
        "stage": stage,
        "events": events,
        "cpu_us": round(1e6 * cpu_seconds / events, 1) if events else None,
        "cpu_us_published": round(1e6 * cpu_seconds / published, 1),
    }


def _batches(records: Sequence[Record]) -> list[Sequence[Record]]:
    ordered = sorted(records, key=lambda record: (record.topic, record.partition, record.offset))
    batches: list[Sequence[Record]] = []
    for _, group in groupby(ordered, key=lambda record: (record.topic, record.partition)):
        several = list(group)
        batches += [several[at : at + BATCH_EVENTS_MAX] for at in range(0, len(several), BATCH_EVENTS_MAX)]
    return batches
