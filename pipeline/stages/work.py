"""What a stage is handed and what it leaves: Arrived values, the Doors, an Outcome."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pipeline.domain.envelope import Record
from pipeline.domain.errors import Rejected
from pipeline.domain.policy import Policy
from pipeline.ports import Bus, Cases, Clock, Identities, Meter, Reader, Send, Timelines

E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Doors:
    """Every door that the stages go through, and the policy."""

    reader: Reader
    identities: Identities
    timelines: Timelines
    cases: Cases
    bus: Bus
    clock: Clock
    meter: Meter
    policy: Policy


class Arrived(NamedTuple, Generic[E_co]):
    """A value and the record that it came in."""

    record: Record
    event: E_co


@dataclass(slots=True)
class Outcome:
    """What a batch comes to: what to send, and what to do when all of it is confirmed."""

    sends: list[Send] = field(default_factory=list)
    confirmed: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    rejected: int = 0

    def reject(self, record: Record, why: Rejected) -> None:
        """Keep ``record`` with its reason: untouched, with its origin in the headers."""
        origin = (
            ("reject-reason", why.reason.encode()),
            ("reject-detail", why.detail.encode(errors="replace")),
            ("reject-topic", record.topic.encode()),
            ("reject-partition", str(record.partition).encode()),
            ("reject-offset", str(record.offset).encode()),
            ("reject-timestamp", str(record.timestamp).encode()),
        )
        kept = tuple(header for header in record.headers if not header[0].startswith("reject-"))
        self.sends.append(Send("rejects", record.key, record.value, (*kept, *origin)))
        self.rejected += 1

    def extend(self, other: "Outcome") -> None:
        """Take over what a part of the batch came to."""
        self.sends += other.sends
        self.confirmed += other.confirmed
        self.rejected += other.rejected


Verb = Callable[[Sequence[Any], Doors, Outcome], Awaitable[Sequence[Any]]]
