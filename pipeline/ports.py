"""The doors to the world outside. Each has a memory twin that passes the same contract suite."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from pipeline.domain.cases import Case
from pipeline.domain.reading import Reading
from pipeline.domain.timeline import Entry, Figures

T = TypeVar("T")
Headers = tuple[tuple[str, bytes], ...]


class Send(NamedTuple):
    """One record to send: topic without prefix, key (decides the partition), value and headers."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Reader(Protocol):
    """Reads emotion. ``name`` is 'name/version' and stands in every reading.

    A reader behind a network also says ``remote = True``: one text may hang there, and must not keep those of other
    partitions waiting. One that takes milliseconds a text says ``slow = True``: a worker asks it in a thread.
    """

    name: str

    def read(self, texts: Sequence[str]) -> Sequence[Reading] | Awaitable[Sequence[Reading]]:
        """Answer one reading a text, in order. Pure; linear in the length of the texts.

        A reader in this process answers at once (one in a thread an awaitable) and never raises; one behind a
        network answers an awaitable, which gets a deadline, and raises Unavailable.
        """


class Claim(NamedTuple):
    """``handle`` shall lead to ``person`` if it still leads to ``expected`` (None: to nobody)."""

    handle: str
    person: str
    expected: str | None


class Identities(Protocol):
    """Which person a handle leads to."""

    async def find(self, handles: Sequence[str]) -> Sequence[str | None]:
        """Answer the person of each handle, None where it was never linked to another one."""

    async def claim(self, claims: Sequence[Claim]) -> Sequence[bool]:
        """Compare and set each; False where the handle leads elsewhere by now."""


class Remembered(NamedTuple):
    """One person's state as it is kept: ``version`` 0 and empty figures where there is none yet."""

    version: int
    figures: Figures
    moved_to: str | None
    known: frozenset[str]  # those of the asked moment ids that the timeline already holds
    cases: Mapping[str, str]  # touchpoint → id of the open case


class Change(NamedTuple):
    """What one batch does to one person, applied whole or, when ``version`` is stale, not at all.

    ``corrected`` are entries that the timeline holds and that get another body, as long as it is kept.
    """

    person: str
    version: int
    figures: Figures
    entries: Sequence[Entry]
    outbox: Mapping[str, Send]  # alert id → the alert to send until it is confirmed
    moved_to: str | None = None
    corrected: Sequence[Entry] = ()


class Timelines(Protocol):
    """Every person's emotional timeline, by bucket. All methods raise Unavailable when the store is away."""

    async def load(self, wanted: Mapping[str, Sequence[str]]) -> tuple[Mapping[str, Remembered], Mapping[str, Send]]:
        """Answer the state of each person, and what waits in the outboxes of their buckets, by alert id.

        ``wanted`` maps person → ids of moments to look for. The outbox holds alerts whose delivery was never
        confirmed: those that a worker left behind when it died.
        """

    async def words(self, wanted: Mapping[str, Sequence[str]]) -> Mapping[str, Mapping[str, bytes]]:
        """Answer person → moment → the Moment as JSON, of those of the ``wanted`` that are kept with their words."""

    async def apply(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Apply each change atomically; False where its version is stale."""

    async def sent(self, alerts: Mapping[str, Sequence[str]]) -> None:
        """Forget outbox entries whose delivery is confirmed; ``alerts`` maps person → alert ids."""

    async def entries(self, person: str, newest: int) -> Sequence[Entry]:
        """Answer the newest moments that are kept with their words, oldest first."""

    async def entries_of(self, persons: Sequence[str], newest: int) -> Sequence[Sequence[Entry]]:
        """Answer the same for each of several persons, at once."""

    async def forget(self, *persons: str) -> None:
        """Drop the entries and figures of persons that have moved; where they moved to stays known."""

    def persons(self) -> AsyncIterator[str]:
        """Go through every person that has a state, in no order."""


class Cases(Protocol):
    """Open and closed cases, by person."""

    async def load(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, Case]]:
        """Answer person → touchpoint → the open case."""

    async def save(self, cases: Sequence[Case]) -> Sequence[bool]:
        """Write each case (by its person and touchpoint) if its version is the kept one plus one; else False.

        Where none is kept any version is taken: what was lost comes back as it was.
        """

    async def newest(self, team: str | None, limit: int) -> Sequence[Case]:
        """Answer the open cases (of one team), newest first."""


class Begun(NamedTuple):
    """Offsets ``first``…``last`` of a partition, taken up."""

    topic: str
    partition: int
    first: int
    last: int


class Attempts(Protocol):
    """How often a batch was begun and not finished: finds what kills its worker."""

    async def begin(self, batches: Sequence[Begun]) -> Sequence[int]:
        """Note that ``batches`` are begun; answer how often each was, this time included.

        A note is overwritten only once the reader has passed it: while the noted offsets lie ahead it stays, and
        the answer is 1; where they overlap the count goes up. So work that kills its worker is found even if the
        restarted worker begins a little earlier.
        """

    async def withdraw(self, topic: str, partition: int) -> None:
        """Take back the last count of a partition: its worker ends for a reason that is not the batch's."""

    async def forget(self, topic: str) -> None:
        """Drop every note of a topic."""


class Bus(Protocol):
    """Where records are sent."""

    async def send(self, records: Sequence[Send]) -> None:
        """Send and return when every record is confirmed. Raises Unavailable."""


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> datetime:
        """Answer the present moment, in UTC."""

    def seconds(self) -> float:
        """Answer a monotonic reading, in seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Await ``work``. Raises TooSlow after ``seconds``."""

    def cpu_seconds(self) -> float:
        """Answer the CPU time that this thread has used."""


class Meter(Protocol):
    """Counts what is done."""

    def note(self, stage: str, events: int, cpu_seconds: float) -> None:
        """Add ``events`` that ``stage`` has done in ``cpu_seconds``."""

    def finished(self, topic: str, ages_ms: Sequence[float], rejected: int) -> None:
        """Add a finished batch of ``topic``: the age of each event (ms since Kafka got it), and the rejects."""
