"""The ledger of one partition: what is handed on, and how far it may be committed."""

from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.ledger import Batch, Jump, Ledger


class Record(NamedTuple):
    offset: int
    serialized_key_size: int = 1
    serialized_value_size: int = 9


def records(*offsets: int) -> list[Record]:
    """Answer records of these offsets, 10 bytes each."""
    return [Record(offset) for offset in offsets]


def taken(ledger: Ledger[Record], events_max: int = 10, bytes_max: int = 1000) -> Batch[Record]:
    """Take a batch that has to be there."""
    found = ledger.take(events_max, bytes_max)
    assert found is not None
    return found[0]


def test_nothing_to_take() -> None:
    """An empty ledger hands nothing on and commits nothing."""
    ledger = Ledger[Record](5)
    assert ledger.take(10, 1000) is None
    assert ledger.committable() is None
    assert ledger.add([]) is None


def test_a_batch_is_committable_only_when_finished() -> None:
    """What is in work is not committable; what is finished is, up to behind its last record."""
    ledger = Ledger[Record](None)
    ledger.add(records(7, 8, 9))
    batch = taken(ledger)
    assert (ledger.committable(), ledger.in_work, ledger.waiting) == (None, 1, 0)
    assert batch.finish()
    assert not batch.finish()
    assert (ledger.committable(), ledger.in_work, ledger.done) == (10, 0, 10)


def test_a_later_batch_waits_for_an_earlier_one() -> None:
    """A batch finished out of order stays behind the one still in work (stock Faust commits it: faust#606)."""
    ledger = Ledger[Record](0)
    ledger.add(records(0, 1, 2, 3))
    early, late = taken(ledger, 2), taken(ledger, 2)
    late.finish()
    assert ledger.committable() is None
    early.finish()
    assert ledger.committable() == 4


def test_a_failed_commit_is_tried_again() -> None:
    """An offset stays committable until the broker is known to keep it (faust#316), and only until then."""
    ledger = Ledger[Record](0)
    ledger.add(records(0))
    taken(ledger).finish()
    assert [ledger.committable(), ledger.committable()] == [1, 1]
    ledger.confirm(1)
    assert ledger.committable() is None


def test_a_late_end_of_an_older_assignment() -> None:
    """A batch of an older ledger finishes nothing in the ledger that came after, though the offsets are the same."""
    old, new = Ledger[Record](0), Ledger[Record](0)
    old.add(records(0, 1))
    new.add(records(0, 1))
    stale, fresh = taken(old), taken(new)
    stale.finish()
    assert new.committable() is None
    fresh.finish()
    assert new.committable() == 2


def test_offsets_begin_again() -> None:
    """After the broker lost records the commit follows the new, lower offsets, and says that it jumped."""
    ledger = Ledger[Record](100)
    assert ledger.add(records(0, 1)) == Jump(expected=100, found=0)
    assert Jump(100, 0).backwards
    taken(ledger).finish()
    assert ledger.committable() == 2


def test_a_gap_is_no_obstacle() -> None:
    """Offsets that the broker does not have (compaction, transaction marks) are passed, and told."""
    ledger = Ledger[Record](0)
    assert ledger.add(records(0, 1)) is None
    assert ledger.add(records(5, 9)) == Jump(expected=2, found=5)
    assert not Jump(2, 5).backwards
    taken(ledger).finish()
    assert ledger.committable() == 10


def test_a_record_larger_than_the_bound_goes_alone() -> None:
    """One record over the byte bound is handed on by itself, neither dropped nor joined by others."""
    ledger = Ledger[Record](0)
    ledger.add([Record(0, -1, 10), Record(1, 5, 500), Record(2, -1, -1), Record(3, 0, 10)])
    sizes = []
    while (found := ledger.take(10, 100)) is not None:
        sizes.append([record.offset for record in found[1]])
    assert sizes == [[0], [1], [2, 3]]


@given(
    sizes=st.lists(st.tuples(st.integers(-1, 40), st.integers(-1, 40)), max_size=60),
    chunks=st.lists(st.integers(1, 20), max_size=20),
    events_max=st.integers(1, 12),
    bytes_max=st.integers(1, 200),
)
@example(sizes=[(-1, 16), (40, 40), (40, 40)], chunks=[], events_max=3, bytes_max=175)
def test_batches_are_bounded_and_whole(
    sizes: list[tuple[int, int]], chunks: list[int], events_max: int, bytes_max: int
) -> None:
    """Whatever is read in whatever portions comes out once, in order, in batches within both bounds."""
    all_records = [Record(offset, *size) for offset, size in enumerate(sizes)]
    ledger, left, out = Ledger[Record](0), list(all_records), list[Record]()
    for chunk in [*chunks, len(all_records)]:
        ledger.add(left[:chunk])
        del left[:chunk]
        while (found := ledger.take(events_max, bytes_max)) is not None:
            batch, part = found
            size = sum(max(r.serialized_key_size, 0) + max(r.serialized_value_size, 0) for r in part)
            assert 1 <= len(part) == batch.events <= events_max
            assert size <= bytes_max or len(part) == 1
            assert batch.end == part[-1].offset + 1
            out.extend(part)
    assert out == all_records


class Partition(RuleBasedStateMachine):
    """One partition over many assignments; the model is the set of offsets whose work was done."""

    def __init__(self) -> None:
        super().__init__()
        self.log_end = 0  # offsets 0 … log_end-1 exist
        self.worked = set[int]()  # offsets whose work is done, by whomever
        self.kept = 0  # the offset that the broker keeps
        self.fresh: list[tuple[Batch[Record], tuple[Record, ...]]] = []
        self.stale: list[tuple[Batch[Record], tuple[Record, ...]]] = []
        self.begin()

    def begin(self) -> None:
        self.ledger = Ledger[Record](self.kept)
        self.read = self.kept

    @rule(count=st.integers(1, 8))
    def fetch(self, count: int) -> None:
        """Read on."""
        self.log_end = max(self.log_end, self.read + count)
        assert self.ledger.add(records(*range(self.read, self.read + count))) is None
        self.read += count

    @rule(events_max=st.integers(1, 5))
    def hand_on(self, events_max: int) -> None:
        """Hand on a batch."""
        found = self.ledger.take(events_max, 1000)
        if found is not None:
            self.fresh.append(found)

    @precondition(lambda self: self.fresh)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Finish any batch in work, in any order."""
        batch, part = self.fresh.pop(data.draw(st.integers(0, len(self.fresh) - 1)))
        self.worked.update(record.offset for record in part)
        assert batch.finish()

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def finish_late(self, data: st.DataObject) -> None:
        """Finish a batch of an assignment that is over: nothing may change."""
        before = self.ledger.committable(), self.ledger.done, self.ledger.in_work
        batch, _ = self.stale.pop(data.draw(st.integers(0, len(self.stale) - 1)))
        batch.finish()
        assert (self.ledger.committable(), self.ledger.done, self.ledger.in_work) == before

    @rule(taken=st.booleans())
    def commit(self, taken: bool) -> None:
        """Commit; the broker takes it or does not."""
        offset = self.ledger.committable()
        if offset is None:
            return
        if taken:
            assert offset > self.kept
            self.kept = offset
            self.ledger.confirm(offset)
            assert self.ledger.committable() is None
        else:
            assert self.ledger.committable() == offset

    @rule()
    def rebalance(self) -> None:
        """Lose the assignment with batches in work, and get it again."""
        self.stale += self.fresh
        self.fresh = []
        self.begin()

    @invariant()
    def nothing_unfinished_is_committed(self) -> None:
        """Every offset before the committed one, and before the committable one, was worked on."""
        assert set(range(max(self.kept, self.ledger.committable() or 0))) <= self.worked

    @invariant()
    def the_whole_head_is_committable(self) -> None:
        """What is committable is the whole finished head: up to the first batch in work, or to all that was taken."""
        unfinished = [part[0].offset for _, part in self.fresh]
        head = min(unfinished, default=self.read - self.ledger.waiting)
        assert self.ledger.done == head


TestPartition = Partition.TestCase
TestPartition.settings = settings(max_examples=40, stateful_step_count=30)
