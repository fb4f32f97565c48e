"""Reading beside the event loop: the loop goes on, calls wait for each other."""

import asyncio
import threading
from collections.abc import Awaitable, Sequence

import pytest

from pipeline.domain.reading import Reading
from pipeline.readers.aside import AsideReader, aside
from pipeline.readers.flat import FlatReader
from tests.makers import WordReader

WAIT_SECONDS_MAX = 10.0  # of a test that fails; one that passes waits for nothing


class Held(WordReader):
    """A slow reader that reads only when it is let."""

    slow = True

    def __init__(self) -> None:
        self.reading, self.let = threading.Event(), threading.Event()
        self.inside = self.most = 0
        self.threads: set[int] = set()

    def read(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Wait, note who reads, and read."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.threads.add(threading.get_ident())
        self.reading.set()
        assert self.let.wait(WAIT_SECONDS_MAX), "the event loop stood still"
        self.inside -= 1
        return super().read(texts)


async def later(answer: object) -> Sequence[Reading]:
    """Await what a reader answered."""
    assert isinstance(answer, Awaitable)
    return await answer  # type: ignore[no-any-return]


async def test_the_loop_goes_on_while_a_text_is_read() -> None:
    """The loop itself lets the reader read on: it would never, if reading kept the loop."""
    inner = Held()
    reader = AsideReader(inner)
    asked = asyncio.ensure_future(later(reader.read(["happy", "nothing"])))
    while not inner.reading.is_set():
        await asyncio.sleep(0)
    assert not asked.done()
    inner.let.set()
    assert await asked == WordReader().read(["happy", "nothing"])
    assert threading.get_ident() not in inner.threads
    reader.close()


async def test_one_call_reads_at_a_time() -> None:
    """Calls of several partitions are read one after the other, in one thread: readers keep tables of their own."""
    inner = Held()
    inner.let.set()
    reader = AsideReader(inner)
    texts = [["happy"] * size for size in range(1, 30)]
    answered = await asyncio.gather(*(later(reader.read(some)) for some in texts))
    assert [len(readings) for readings in answered] == [len(some) for some in texts]
    assert inner.most == 1
    assert len(inner.threads) == 1
    reader.close()


async def test_what_is_raised_arrives() -> None:
    """A reader that breaks its promise and raises is heard of by whoever waits."""

    class Broken(WordReader):
        def read(self, texts: Sequence[str]) -> Sequence[Reading]:
            raise ValueError(f"{len(texts)} texts")

    reader = AsideReader(Broken())
    with pytest.raises(ValueError, match="2 texts"):
        await later(reader.read(["a", "b"]))
    reader.close()


def test_only_the_slow_are_put_aside() -> None:
    """A reader of microseconds is asked in the loop, where that costs nothing; the name stays."""
    fast = FlatReader()
    assert aside(fast) is fast
    slow = aside(Held())
    assert isinstance(slow, AsideReader)
    assert slow.name == Held.name
    slow.close()
