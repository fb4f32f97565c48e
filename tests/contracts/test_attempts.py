"""The contract of Attempts."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ports import Attempts
from tests.makers import begin

each_example_has_its_own_shelf = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
begun = st.tuples(st.integers(0, 12), st.integers(0, 4))


async def test_a_batch_begun_again_is_counted(shelf: Callable) -> None:
    """Each time the same offsets are begun the answer is one more."""
    attempts: Attempts = shelf().attempts
    assert [await begin(attempts, "feedback", 3, 100, 599) for _ in range(4)] == [1, 2, 3, 4]


async def test_a_batch_that_overlaps_is_counted(shelf: Callable) -> None:
    """A restarted worker may cut its batches differently: one common offset is enough."""
    attempts: Attempts = shelf().attempts
    await begin(attempts, "feedback", 0, 100, 200)
    assert await begin(attempts, "feedback", 0, 50, 100) == 2
    assert await begin(attempts, "feedback", 0, 200, 900) == 3


async def test_an_earlier_batch_leaves_the_note(shelf: Callable) -> None:
    """A worker that begins a little earlier gets 1, and what lies ahead is still suspected."""
    attempts: Attempts = shelf().attempts
    await begin(attempts, "feedback", 0, 100, 200)
    assert await begin(attempts, "feedback", 0, 50, 99) == 1
    assert await begin(attempts, "feedback", 0, 100, 150) == 2


async def test_a_note_that_was_passed_is_overwritten(shelf: Callable) -> None:
    """A batch behind the noted one is new, and so is the noted one from then on."""
    attempts: Attempts = shelf().attempts
    await begin(attempts, "feedback", 0, 100, 200)
    await begin(attempts, "feedback", 0, 100, 200)
    assert await begin(attempts, "feedback", 0, 201, 300) == 1
    assert await begin(attempts, "feedback", 0, 201, 300) == 2


async def test_topics_and_partitions_do_not_mix(shelf: Callable) -> None:
    """The same offsets of another partition or topic are another batch."""
    attempts: Attempts = shelf().attempts
    spots = [("feedback", 0), ("feedback", 1), ("moments", 0), ("moments", 10)]
    assert [await begin(attempts, topic, partition, 5, 9) for topic, partition in spots] == [1, 1, 1, 1]
    assert [await begin(attempts, topic, partition, 5, 9) for topic, partition in spots] == [2, 2, 2, 2]


@each_example_has_its_own_shelf
@given(batches=st.lists(begun, max_size=12))
async def test_the_rule_of_the_note(shelf: Callable, batches: list[tuple[int, int]]) -> None:
    """For any course: passed, the note is overwritten; ahead, it stays; overlapped, its count goes up."""
    attempts: Attempts = shelf().attempts
    note: tuple[range, int] = (range(0), 0)
    for first, more in batches:
        offsets = range(first, first + more + 1)
        noted, count = note
        if not noted or offsets[0] > noted[-1]:
            note = (offsets, 1)
            expected = 1
        elif set(offsets) & set(noted):
            note = (noted, count + 1)
            expected = count + 1
        else:
            expected = 1
        assert await begin(attempts, "feedback", 0, offsets[0], offsets[-1]) == expected


async def test_a_withdrawn_attempt_does_not_count(shelf: Callable) -> None:
    """What is begun, withdrawn and begun again was begun once; withdrawing what was never begun changes nothing."""
    attempts: Attempts = shelf().attempts
    await attempts.withdraw("feedback", 3)
    assert await begin(attempts, "feedback", 3, 10, 19) == 1
    await attempts.withdraw("feedback", 3)
    assert await begin(attempts, "feedback", 3, 10, 19) == 1
    assert await begin(attempts, "feedback", 3, 10, 19) == 2


async def test_a_topic_is_forgotten(shelf: Callable) -> None:
    """All its notes are gone, those of others stay; forgetting what was never begun changes nothing."""
    attempts: Attempts = shelf().attempts
    await attempts.forget("feedback#3#1")
    for topic, spot in (("feedback#3#1", 5), ("feedback#3#1", 7), ("feedback", 3)):
        assert await begin(attempts, topic, spot, spot, spot) == 1
    await attempts.forget("feedback#3#1")
    assert await begin(attempts, "feedback#3#1", 7, 7, 7) == 1
    assert await begin(attempts, "feedback", 3, 3, 3) == 2
