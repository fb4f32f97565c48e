"""Read: every text of a batch once, in order, a slice at a time."""

from collections.abc import Awaitable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clocks import WoundClock
from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Reason, Rejected, Unavailable
from pipeline.domain.limits import READ_CHARS_MAX, READ_SECONDS_MAX, READ_TEXT_SECONDS_MAX, TEXT_CHARS_MAX
from pipeline.domain.reading import Reading
from pipeline.stages.read import read
from pipeline.stages.work import Arrived, Outcome
from tests.makers import POLICY, WordReader, World, feedback, record, world


class Remote(WordReader):
    """A reader that answers later, as one behind a network does."""

    remote = True

    def __init__(self, *, hangs: bool = False, shut: bool = False) -> None:
        self.hangs, self.shut = hangs, shut

    def read(self, texts: Sequence[str]) -> Awaitable[Sequence[Reading]]:  # type: ignore[override]
        """Answer an awaitable."""
        return self._later(texts)

    async def _later(self, texts: Sequence[str]) -> Sequence[Reading]:
        if self.shut:
            raise Unavailable("the model does not answer")
        if self.hangs:
            await WoundClock().within(1, _never())
        return super().read(texts)


async def _never() -> None:
    import asyncio

    await asyncio.Event().wait()


class Counting(WordReader):
    """Notes how many texts and characters it is asked for at once."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def read(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Note and read."""
        self.asked.append(list(texts))
        return super().read(texts)


def arrived(*texts: str) -> list[Arrived]:  # type: ignore[type-arg]
    """Answer a batch of feedback."""
    return [Arrived(record(b"", offset=n), feedback(n, text=text)) for n, text in enumerate(texts)]


async def test_each_text_has_its_reading() -> None:
    """Readings come back with the feedback and the record they belong to, in order."""
    batch = arrived("happy", "", "neglected!")
    answered = await read(batch, world().doors, Outcome())
    assert [each.reading.primary for each in answered] == [Emotion.HAPPY, None, Emotion.NEGLECTED]
    assert [(each.record, each.feedback) for each in answered] == [(a.record, a.event) for a in batch]


@settings(max_examples=25)
@given(st.lists(st.integers(0, READ_CHARS_MAX + 5_000), min_size=1, max_size=12))
async def test_slices_hold_every_text_once_within_the_limit(lengths: list[int]) -> None:
    """All texts are read once and in order; a slice passes the limit only where a single text does."""
    here, reader = world(), Counting()
    here.change(reader=reader)
    texts = ["x" * length for length in lengths]
    await read(arrived(*texts), here.doors, Outcome())
    assert [text for asked in reader.asked for text in asked] == texts
    for asked in reader.asked:
        assert len(asked) == 1 or sum(min(len(text), TEXT_CHARS_MAX) for text in asked) <= READ_CHARS_MAX


async def test_a_reader_behind_a_network_is_awaited() -> None:
    """An awaitable answer is as good as one at once."""
    here = world()
    here.change(reader=Remote())
    (answered,) = await read(arrived("happy"), here.doors, Outcome())
    assert answered.reading.primary is Emotion.HAPPY


class Beside(Remote):
    """A reader in a thread of this process: it answers after more rounds of the loop than a hanging one is given."""

    remote = False

    async def _later(self, texts: Sequence[str]) -> Sequence[Reading]:
        import asyncio

        for _ in range(300):
            await asyncio.sleep(0)
        return await super()._later(texts)


async def test_a_reader_in_a_thread_has_no_deadline() -> None:
    """What reads beside the loop is waited for however long it takes: it is bounded, and cannot be ended anyway."""
    here = world()
    here.change(reader=Beside())
    (answered,) = await read(arrived("happy"), here.doors, Outcome())
    assert answered.reading.primary is Emotion.HAPPY
    assert here.clock.seconds() == 0


@pytest.mark.parametrize("shut", [True, False])
async def test_a_reader_that_does_not_answer(shut: bool) -> None:
    """A shut model is Unavailable and waited for; one that hangs is rejected as a timeout after the deadline."""
    here: World = world()
    here.change(reader=Remote(shut=shut, hangs=not shut))
    expected: type[Exception] = Unavailable if shut else Rejected
    with pytest.raises(expected) as caught:
        await read(arrived("happy"), here.doors, Outcome())
    if isinstance(caught.value, Rejected):
        assert caught.value.reason is Reason.TIMEOUT
        assert here.clock.seconds() == READ_SECONDS_MAX + READ_TEXT_SECONDS_MAX


async def test_each_reading_says_what_it_is_about() -> None:
    """Topics and touchpoints of the policy stand in the readings, whatever the reader and however it answers."""
    for reader in (WordReader(), Remote()):
        here = world()
        here.change(reader=reader)
        batch = arrived("happy with the staff, neglected by billing", "app", "happy")
        told = [each.reading for each in await read(batch, here.doors, Outcome())]
        assert [reading.topics for reading in told] == [("billing", "staff"), ("app",), ()]
        assert [span.topic for span in told[0].spans] == ["staff", "billing"]


async def test_topics_keep_to_the_slices() -> None:
    """The topics of a slice are found before the next one is read, so that a long batch leaves the loop its turns."""
    here, reader = world(), Counting()
    asked: list[int] = []

    class Noting:
        def about(self, texts: Sequence[str], readings: Sequence[Reading]) -> list[Reading]:
            asked.append(len(texts))
            assert len(reader.asked) == len(asked)
            return list(readings)

    here.change(reader=reader, policy=POLICY.model_copy(update={"aspects": Noting()}))
    await read(arrived(*["x" * TEXT_CHARS_MAX] * 5), here.doors, Outcome())
    assert asked == [2, 2, 1]
