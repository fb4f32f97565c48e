"""A whole house in memory: every door a twin, driven by hand, checked with the ledger."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from pipeline.buses.memory import MemoryBus
from pipeline.client import prepare
from pipeline.clocks import WoundClock
from pipeline.domain.emotions import Emotion
from pipeline.domain.ledger import Noted, Report, check
from pipeline.domain.policy import Policy, parse_policy
from pipeline.domain.reading import Felt, Reading
from pipeline.flow import carry
from pipeline.stages.work import Doors, Outcome
from pipeline.stores.memory import MemoryCases, MemoryIdentities, MemoryTimelines
from pipeline.telemetry import Telemetry
from pipeline.verify import Gathered

WORDS: Mapping[str, Emotion] = {
    "frustrated": Emotion.FRUSTRATED,
    "disappointed": Emotion.DISAPPOINTED,
    "angry": Emotion.IRRITATED,
    "ignored": Emotion.NEGLECTED,
    "terrible": Emotion.DISSATISFIED,
    "happy": Emotion.HAPPY,
    "valued": Emotion.VALUED,
    "delighted": Emotion.PLEASED,
}


class WordReader:
    """Reads one word: enough to hurt, to please, and to do neither."""

    name = "words/1"

    def read(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Answer one reading a text."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Reading:
        for word, emotion in WORDS.items():
            if word in text:
                felt = Felt(confidence=0.9, intensity=2)
                negative = 0.9 if emotion.hurts else 0.05
                return Reading(emotions={emotion: felt}, primary=emotion, negative=negative, reader=self.name)
        return Reading(reader=self.name)


def shipped_policy() -> Policy:
    """Answer the policy that ships."""
    return parse_policy(files("pipeline").joinpath("policy.toml").read_text(encoding="utf-8"))


@dataclass
class MemoryHouse:
    """The bus and the doors; ``carry`` is what runs, so that a test can break it."""

    doors: Doors
    bus: MemoryBus
    timelines: MemoryTimelines
    carry: Callable[..., Awaitable[Outcome]] = carry

    @classmethod
    def build(cls) -> "MemoryHouse":
        """Answer an empty house."""
        clock = WoundClock()
        bus, cases = MemoryBus(clock), MemoryCases()
        timelines = MemoryTimelines(cases)
        doors = Doors(
            reader=WordReader(),
            identities=MemoryIdentities(),
            timelines=timelines,
            cases=cases,
            bus=bus,
            clock=clock,
            meter=Telemetry(),
            policy=shipped_policy(),
        )
        return cls(doors, bus, timelines)

    def with_doors(self, **doors: Any) -> "MemoryHouse":
        """Answer this house with other doors."""
        return replace(self, doors=replace(self.doors, **doors))

    async def publish(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Publish feedback as the client does."""
        await self.bus.send([prepare(event, self.doors.clock)[1] for event in events])

    async def report(self, noted: Sequence[Noted] = ()) -> Report:
        """Check everything."""
        gathered = Gathered(self.doors.policy)
        for (_, _), place in sorted(self.bus.log.items()):
            for record in place:
                gathered.take(record)
        for place in self.bus.log.values() if gathered.corrects else ():
            for record in place:
                if record.topic == "moments":
                    gathered.weigh(record)
        kept = [each async for each in self.timelines.kept()]
        return check(gathered.evidence(kept, await self.timelines.outbox(), noted))


def red(report: Report) -> set[str]:
    """Answer the names of the anomalies that were found."""
    return {name for name, anomaly in report.anomalies.items() if anomaly.count}
