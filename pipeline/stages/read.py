"""Read: from what was said to the emotion in it and what it is about, a batch of texts at a time."""

from collections.abc import Awaitable, Iterator, Sequence
from typing import NamedTuple

from pipeline.domain.envelope import Record
from pipeline.domain.events import Feedback
from pipeline.domain.limits import READ_CHARS_MAX, READ_SECONDS_MAX, READ_TEXT_SECONDS_MAX, TEXT_CHARS_MAX
from pipeline.domain.reading import Reading
from pipeline.stages.work import Arrived, Doors, Outcome


class Read(NamedTuple):
    """A feedback with its reading, and the record that it came in."""

    record: Record
    feedback: Feedback
    reading: Reading


async def read(batch: Sequence[Arrived[Feedback]], doors: Doors, outcome: Outcome) -> Sequence[Read]:
    """Read every text of the batch. Raises TooSlow when a reader behind a network does not answer in time."""
    readings: list[Reading] = []
    remote = getattr(doors.reader, "remote", False)
    aspects = doors.policy.aspects
    for texts in _slices([arrived.event.text for arrived in batch]):
        answer = doors.reader.read(texts)
        if isinstance(answer, Awaitable):
            # What reads in a thread of this process cannot be ended: it is bounded, and the watchdog looks after it.
            deadline = READ_SECONDS_MAX + READ_TEXT_SECONDS_MAX * len(texts)
            answer = await (doors.clock.within(deadline, answer) if remote else answer)
        else:
            await doors.clock.sleep(0)  # a long batch must not keep the loop from its other work
        readings += aspects.about(texts, answer)
    return [Read(arrived.record, arrived.event, reading) for arrived, reading in zip(batch, readings, strict=True)]


def _slices(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    first = chars = 0
    for place, text in enumerate(texts):
        length = min(len(text), TEXT_CHARS_MAX)
        if chars + length > READ_CHARS_MAX and place > first:
            yield texts[first:place]
            first, chars = place, 0
        chars += length
    yield texts[first:]
