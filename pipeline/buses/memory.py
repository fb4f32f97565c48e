"""The memory bus: topics, partitions and committed offsets in this process, driven by hand.

It keeps what a broker keeps that the stages can tell: a key's partition, order within a partition, offsets, and
that what was read but not committed is read again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.buckets import partition_of
from pipeline.domain.limits import BATCH_EVENTS_MAX
from pipeline.flow import STEPS, carry
from pipeline.ports import Clock, Headers, Send
from pipeline.stages.work import Doors


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record as it stands in a partition."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class MemoryBus:
    """Topics in memory; ``partitions`` of each."""

    def __init__(self, clock: Clock, partitions: int = 4) -> None:
        self.partitions = partitions
        self.log: dict[tuple[str, int], list[MemoryRecord]] = defaultdict(list)
        self.committed: dict[tuple[str, int], int] = defaultdict(int)
        self._clock = clock
        self._turn = 0

    async def send(self, records: Sequence[Send]) -> None:
        """Append every record."""
        for send in records:
            self.append(send)

    def append(self, send: Send, timestamp: int | None = None) -> MemoryRecord:
        """Append one record; without a key the partitions take turns."""
        if send.key is None:
            self._turn += 1
            partition = self._turn % self.partitions
        else:
            partition = partition_of(send.key, self.partitions)
        place = self.log[send.topic, partition]
        at = round(self._clock.now().timestamp() * 1000) if timestamp is None else timestamp
        record = MemoryRecord(send.topic, partition, len(place), at, send.key, send.value, send.headers)
        place.append(record)
        return record

    def records(self, topic: str) -> list[MemoryRecord]:
        """Answer everything on a topic, partition after partition."""
        return [record for (name, _), place in sorted(self.log.items()) if name == topic for record in place]

    async def run(self, doors: Doors, batch_events: int = BATCH_EVENTS_MAX) -> None:
        """Carry until every step has met all that was sent to it."""
        while await self.step(doors, batch_events):
            pass

    async def step(self, doors: Doors, batch_events: int = BATCH_EVENTS_MAX) -> bool:
        """Carry one batch of each partition that has one; False where nothing was left."""
        steps = {step.topic for step in STEPS}
        moved = False
        for topic, partition in sorted(self.log):
            if topic.partition(".")[0] not in steps:
                continue
            at = self.committed[topic, partition]
            batch = self.log[topic, partition][at : at + batch_events]
            if not batch:
                continue
            outcome = await carry(topic, batch, doors)
            await doors.bus.send(outcome.sends)
            for settle in outcome.confirmed:
                await settle()
            self.committed[topic, partition] = at + len(batch)
            moved = True
        return moved
