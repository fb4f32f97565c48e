"""The memory bus keeps what a broker keeps: order within a partition, offsets, and what was not committed."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.buses.memory import MemoryBus
from pipeline.clocks import WoundClock
from pipeline.domain.buckets import partition_of
from pipeline.domain.errors import Unavailable
from pipeline.ports import Send
from tests.makers import NOON, NOON_MS, said, world


def bus(partitions: int = 4) -> MemoryBus:
    """Answer an empty bus at noon."""
    return MemoryBus(WoundClock(NOON), partitions)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=30), st.integers(1, 9))
async def test_a_key_has_its_partition_and_its_order(sent: list[tuple[bytes, bytes]], partitions: int) -> None:
    """Records of a key are all in its partition, in the order in which they were sent, with offsets from 0."""
    here = bus(partitions)
    await here.send([Send("t", key, value) for key, value in sent])
    for key in {key for key, _ in sent}:
        place = here.log["t", partition_of(key, partitions)]
        assert [r.value for r in place if r.key == key] == [value for other, value in sent if other == key]
    assert sum(len(place) for place in here.log.values()) == len(sent)
    for place in here.log.values():
        assert [r.offset for r in place] == list(range(len(place)))


async def test_without_a_key_partitions_take_turns() -> None:
    """Records without a key are spread evenly, and stamped with the time of the clock unless another is given."""
    here = bus(4)
    await here.send([Send("t", None, b"x", (("h", b"1"),))] * 8)
    assert [len(here.log["t", partition]) for partition in range(4)] == [2, 2, 2, 2]
    record = here.append(Send("t", b"k", b"x"), 7)
    assert (here.records("t")[0].timestamp, record.timestamp) == (NOON_MS, 7)
    assert here.records("t")[0].headers == (("h", b"1"),)
    assert here.records("other") == []


class Shut(MemoryBus):
    """A bus that takes nothing."""

    async def send(self, records: Sequence[Send]) -> None:
        """Refuse."""
        raise Unavailable("no broker")


async def test_what_was_not_confirmed_is_read_again() -> None:
    """A batch whose sends fail is not committed and comes again, whole."""
    here = world()
    here.change(bus=Shut(here.clock))
    await here.publish(said(1, "neglected", {"email": "a@example.com"}))
    with pytest.raises(Unavailable):
        await here.run()
    assert set(here.bus.committed.values()) <= {0}
    here.change(bus=here.bus)
    await here.run()
    assert len(here.values("moments")) == len(here.values("alerts.billing")) == len(here.values("cases")) == 1


async def test_run_ends_when_every_step_has_met_all() -> None:
    """After a run nothing is left to carry, and everything that steps read is committed."""
    here = world()
    await here.publish(*(said(n, "neglected", {"email": f"{n % 3}@example.com"}) for n in range(9)))
    await here.run(2)
    assert not await here.bus.step(here.doors)
    for (topic, partition), place in here.bus.log.items():
        if topic.partition(".")[0] in {"feedback", "moments", "alerts"}:
            assert here.bus.committed[topic, partition] == len(place)


@given(st.integers(1, 7))
async def test_a_batch_is_of_one_partition_and_bounded(batch_events: int) -> None:
    """One step takes at most so many events of each partition."""
    here = world(partitions=2)
    await here.publish(*(said(n, "happy", {}) for n in range(10)))
    await here.bus.step(here.doors, batch_events)
    assert [here.bus.committed["feedback", p] for p in (0, 1)] == [min(5, batch_events)] * 2
