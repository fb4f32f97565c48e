"""What a worker has done: counts, CPU by stage, and the age of events when they are finished."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

# Ages are counted in buckets that grow by 5 %: a percentile is right to 5 % whatever its size (as HdrHistogram does).
_GROWTH = log(1.05)


@dataclass(slots=True)
class Ages:
    """A histogram of milliseconds."""

    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, milliseconds: Sequence[float]) -> None:
        """Count each."""
        counts = self.counts
        # Many events of a batch are of one age; counting those is done in C, the logarithm is not.
        for value, events in Counter(milliseconds).items():
            counts[int(log(value) / _GROWTH) if value > 1 else 0] += events

    def percentile(self, share: float) -> float | None:
        """Answer the age (ms) that ``share`` (0…1) of the events stay under; None where there are none."""
        left = share * sum(self.counts.values())
        for place in sorted(self.counts):
            left -= self.counts[place]
            if left <= 0:
                return round(exp((place + 1) * _GROWTH), 1)
        return None


@dataclass(slots=True)
class Flowed:
    """What went through one topic's agent."""

    events: int = 0
    batches: int = 0
    rejected: int = 0
    ages: Ages = field(default_factory=Ages)


class Telemetry:
    """The Meter of a worker; its snapshot is what `heartline status` shows."""

    def __init__(self) -> None:
        self.stages: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
        self.topics: dict[str, Flowed] = defaultdict(Flowed)

    def note(self, stage: str, events: int, cpu_seconds: float) -> None:
        """Add ``events`` that ``stage`` has done in ``cpu_seconds``."""
        noted = self.stages[stage]
        noted[0] += events
        noted[1] += cpu_seconds

    def finished(self, topic: str, ages_ms: Sequence[float], rejected: int) -> None:
        """Add a finished batch of ``topic``."""
        flowed = self.topics[topic]
        flowed.events += len(ages_ms)
        flowed.batches += 1
        flowed.rejected += rejected
        flowed.ages.add(ages_ms)

    def snapshot(self) -> dict[str, Any]:
        """Answer everything as plain JSON values."""
        return {
            "stages": {
                name: {"events": int(events), "cpu_us": round(1e6 * cpu / events, 2) if events else None}
                for name, (events, cpu) in self.stages.items()
            },
            "topics": {
                name: {
                    "events": flowed.events,
                    "batches": flowed.batches,
                    "rejected": flowed.rejected,
                    "age_ms": {
                        "p50": flowed.ages.percentile(0.50),
                        "p95": flowed.ages.percentile(0.95),
                        "p99": flowed.ages.percentile(0.99),
                    },
                }
                for name, flowed in self.topics.items()
            },
        }
