"""What was read of one partition, what of it is in work, and how far it may be committed.

The rule is one sentence: *the offset to commit is the end of the longest finished head*. A batch that is finished
while an older one of its partition is still in work stays behind it, so a crash at any moment repeats work and
never skips any. A ledger lives as long as one assignment of its partition. A batch knows the ledger that handed it
on, so what is finished late, after a rebalance, is noted in a ledger that nobody reads any more.

Plain values: no clock, no thread, no Kafka.
"""

from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, Protocol, TypeVar


class Record(Protocol):
    """What a ledger wants to know of a record (aiokafka's ``ConsumerRecord``); sizes in bytes, -1 for no value."""

    offset: int
    serialized_key_size: int
    serialized_value_size: int


R = TypeVar("R", bound=Record)

_key_bytes = attrgetter("serialized_key_size")
_value_bytes = attrgetter("serialized_value_size")


class Jump(NamedTuple):
    """The offsets did not go on where they stopped: ``expected`` was the next, ``found`` came."""

    expected: int
    found: int

    @property
    def backwards(self) -> bool:
        """True when the broker has lost what it once had; False for a gap (compacted, deleted, transaction marks)."""
        return self.found < self.expected


class Batch(Generic[R]):
    """Records of one partition, without a gap in what was read, that are worked on as one."""

    __slots__ = ("_ledger", "end", "events", "finished")

    def __init__(self, ledger: "Ledger[R]", end: int, events: int) -> None:
        self._ledger = ledger
        self.end = end  # the offset behind the last record
        self.events = events
        self.finished = False

    def finish(self) -> bool:
        """Note that the work is done; True the first time."""
        if self.finished:
            return False
        self.finished = True
        self._ledger.advance()
        return True


class Ledger(Generic[R]):
    """One partition during one assignment, read from offset ``start`` (None: from wherever it begins)."""

    def __init__(self, start: int | None) -> None:
        self._expected = start
        self._waiting: list[R] = []
        self._at = 0  # how many of `_waiting` were handed on already
        self._in_work: deque[Batch[R]] = deque()
        self._done: int | None = start  # the end of the finished head
        self._committed: int | None = start

    @property
    def waiting(self) -> int:
        """How many records were read and not handed on."""
        return len(self._waiting) - self._at

    @property
    def in_work(self) -> int:
        """How many batches were handed on and do not belong to the finished head."""
        return len(self._in_work)

    @property
    def done(self) -> int | None:
        """The offset behind the finished head; None where nothing is known yet."""
        return self._done

    def add(self, records: Sequence[R]) -> Jump | None:
        """Take in what was read next, in order; answer whether offsets jumped before it."""
        if not records:
            return None
        expected, found = self._expected, records[0].offset
        if self._at:
            del self._waiting[: self._at]
            self._at = 0
        self._waiting.extend(records)
        self._expected = records[-1].offset + 1
        return Jump(expected, found) if expected is not None and found != expected else None

    def take(self, events_max: int, bytes_max: int) -> tuple[Batch[R], tuple[R, ...]] | None:
        """Hand on the next batch: at most ``events_max`` records, and ``bytes_max`` bytes of keys and values.

        One record larger than ``bytes_max`` is a batch of its own. None when nothing is waiting.
        """
        records = self._waiting[self._at : self._at + events_max]
        if not records:
            return None
        # What has no key or no value counts as -1 in these sums, so near the bound it is looked at more closely.
        if sum(map(_value_bytes, records)) + sum(map(_key_bytes, records)) + 2 * len(records) > bytes_max:
            del records[_fitting(records, bytes_max) :]
        self._at += len(records)
        if self._at == len(self._waiting):
            self._waiting, self._at = [], 0  # lets go of the records as soon as their batch does
        batch = Batch(self, records[-1].offset + 1, len(records))
        self._in_work.append(batch)
        return batch, tuple(records)

    def advance(self) -> None:
        """Move the end of the finished head as far as it goes."""
        while self._in_work and self._in_work[0].finished:
            self._done = self._in_work.popleft().end

    def committable(self) -> int | None:
        """Answer the offset to commit; None when it is committed already.

        It can be lower than the one before: after a broker lost records, offsets begin again.
        """
        return self._done if self._done != self._committed else None

    def confirm(self, offset: int) -> None:
        """Note that the broker keeps ``offset``. Not called, the same offset is answered again."""
        self._committed = offset


def _fitting(records: Sequence[Record], bytes_max: int) -> int:
    """Answer how many of the first records fit into ``bytes_max``; at least one."""
    size = 0
    for count, record in enumerate(records):
        size += max(record.serialized_key_size, 0) + max(record.serialized_value_size, 0)
        if size > bytes_max:
            return max(count, 1)
    return len(records)
