"""The carrier: one batch to its end, or the end of the worker; never half."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from agents import carrier
from agents.carrier import EXIT_UNAVAILABLE, EXIT_UNFINISHED, FIRST_PAUSE_SECONDS, SUSPECTS, Carrier
from pipeline.buses.memory import MemoryRecord
from pipeline.clocks import SystemClock
from pipeline.domain.errors import Reason, Unavailable
from pipeline.domain.limits import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX, DEATHS_MAX
from pipeline.domain.reading import Reading
from pipeline.ports import Begun, Send
from pipeline.stores.memory import MemoryAttempts
from tests.makers import NOON_MS, WordReader, World, publishing, said, world

RETRY_SECONDS = 60.0


class Left(BaseException):
    """The worker is gone."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(code, why)
        self.code, self.why = code, why


@pytest.fixture(autouse=True)
def _leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the end of the process be seen by the test."""

    def leave(code: int, why: str) -> NoReturn:
        raise Left(code, why)

    monkeypatch.setattr(carrier, "leave", leave)


class Shut:
    """A bus, or attempts, that are away for a number of calls."""

    def __init__(self, here: World, times: int) -> None:
        self.here, self.times, self.calls = here, times, 0
        self.asked_at: list[float] = []
        self.attempts = MemoryAttempts()

    def _away(self) -> None:
        self.asked_at.append(self.here.clock.seconds())
        if self.times:
            self.times -= 1
            raise Unavailable("the door is shut")

    async def send(self, records: Sequence[Send]) -> None:
        """Send once the door is open."""
        self._away()
        await self.here.bus.send(records)

    async def begin(self, batches: Sequence[Begun]) -> Sequence[int]:
        """Note once the door is open."""
        self._away()
        return await self.attempts.begin(batches)

    async def withdraw(self, topic: str, partition: int) -> None:
        """Take back once the door is open."""
        self._away()
        await self.attempts.withdraw(topic, partition)


def batch(*texts: str, topic: str = "feedback") -> list[MemoryRecord]:
    """Answer one batch of one partition, which came at noon."""
    sends = [publishing(said(n, text, {"email": f"{n}@example.com"})) for n, text in enumerate(texts)]
    return [MemoryRecord(topic, 3, n, NOON_MS, b"k", s.value, s.headers) for n, s in enumerate(sends)]


def carries(here: World, attempts: MemoryAttempts | Shut | None = None, prefix: str = "") -> Carrier:
    """Answer a carrier with the doors of ``here``."""
    return Carrier(here.doors, attempts or MemoryAttempts(), prefix, RETRY_SECONDS, alive=lambda: None)


async def test_a_batch_is_sent_settled_and_noted() -> None:
    """A batch that is done has everything sent, and its ages and rejects noted under the topic without prefix."""
    here = world()
    here.clock.wind(2.0)
    records = batch("happy", "neglected", topic="acme.feedback")
    records.append(MemoryRecord("acme.feedback", 3, 2, NOON_MS, None, b"{", ()))
    await carries(here, prefix="acme.").carry(records)
    assert len(here.values("moments")) == 2
    assert dict(here.bus.records("rejects")[0].headers)["reject-topic"] == b"acme.feedback"
    flowed = here.telemetry.topics["feedback"]
    assert (flowed.events, flowed.batches, flowed.rejected) == (3, 1, 1)
    assert 2_000 <= (flowed.ages.percentile(1.0) or 0) <= 2_110


async def test_confirmed_alerts_are_settled() -> None:
    """After the sends are confirmed the outbox is empty."""
    here = world()
    await carries(here).carry(batch("neglected"))
    await carries(here).carry(here.bus.records("moments"))
    (person,) = await here.digest()
    assert (await here.timelines.load({person: ()}))[1] == {}
    assert len(here.values("alerts.billing")) == 1


@pytest.mark.parametrize("door", ["bus", "attempts"])
async def test_a_shut_door_is_waited_for_with_backoff(door: str) -> None:
    """The pauses double up to the limit, the batch is held, and when the door opens everything is sent once."""
    here = world()
    shut = Shut(here, 10)
    if door == "bus":
        here.change(bus=shut)
        await carries(here).carry(batch("happy"))
    else:
        await carries(here, shut).carry(batch("happy"))
    pauses = [later - sooner for sooner, later in zip(shut.asked_at, shut.asked_at[1:], strict=False)]
    expected = [min(FIRST_PAUSE_SECONDS * 2**n, BACKOFF_SECONDS_MAX) for n in range(10)]
    assert pauses[:10] == pytest.approx(expected)
    assert len(here.values("moments")) == 1


@pytest.mark.parametrize("door", ["bus", "attempts"])
async def test_past_the_limit_the_worker_leaves(door: str) -> None:
    """A door that stays shut ends the worker as a temporary failure, after the limit and not much later."""
    here = world()
    shut = Shut(here, 10_000)
    if door == "bus":
        here.change(bus=shut)
    with pytest.raises(Left) as caught:
        await carries(here, shut if door == "attempts" else None).carry(batch("happy"))
    assert caught.value.code == EXIT_UNAVAILABLE
    assert "the door is shut" in caught.value.why
    assert RETRY_SECONDS < here.clock.seconds() <= RETRY_SECONDS + BACKOFF_SECONDS_MAX
    assert here.telemetry.topics == {}


async def test_an_unknown_failure_ends_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    """What the flow does not know is never acknowledged: the worker ends, and the log says why."""
    here = world()

    class Broken(Shut):
        async def send(self, records: Sequence[Send]) -> None:
            raise ZeroDivisionError

    here.change(bus=Broken(here, 0))
    with caplog.at_level(logging.ERROR, "heartline"), pytest.raises(Left) as caught:
        await carries(here).carry(batch("happy"))
    assert caught.value.code == EXIT_UNFINISHED
    assert "ZeroDivisionError" in caplog.text


async def test_a_cancelled_batch_ends_the_worker() -> None:
    """A batch that is cancelled in the middle is not acknowledged as if it were done."""
    here = world()
    begun = asyncio.Event()

    class Hanging(Shut):
        async def send(self, records: Sequence[Send]) -> None:
            begun.set()
            await asyncio.Event().wait()

    here.change(bus=Hanging(here, 0))
    task = asyncio.ensure_future(carries(here).carry(batch("happy")))
    await begun.wait()
    task.cancel()
    with pytest.raises(Left) as caught:
        await task
    assert caught.value.code == EXIT_UNFINISHED


class Counting(WordReader):
    """Notes how many texts it is asked for at once; holds the first time until it is let go."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.let_go = asyncio.Event()

    async def _later(self, texts: Sequence[str]) -> Sequence[Reading]:
        self.asked.append(len(texts))
        if len(self.asked) == 1:
            await self.let_go.wait()
        return super().read(texts)

    def read(self, texts: Sequence[str]) -> Any:
        """Read behind a network."""
        return self._later(texts)


def of_partition(partition: int, events: int) -> list[MemoryRecord]:
    """Answer a batch of one partition."""
    return [replace(each, partition=partition) for each in batch(*["happy"] * events)]


async def test_what_waits_is_carried_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two groups the batches of all partitions gather and go as one, up to the limit."""
    monkeypatch.setattr(carrier, "GROUP_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(carrier, "GROUP_EVENTS_MAX", 5)
    monkeypatch.setattr(SystemClock, "within", lambda _, __, work: work)
    here, reader = world(), Counting()
    here.change(reader=reader, clock=SystemClock())
    carries_all = carries(here)
    first = asyncio.ensure_future(carries_all.carry(of_partition(0, 1)))
    while not reader.asked:
        await asyncio.sleep(0)
    later = [asyncio.ensure_future(carries_all.carry(of_partition(n, 2))) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    assert reader.asked == [1]
    reader.let_go.set()
    await asyncio.gather(first, *later)
    assert reader.asked == [1, 4, 2]


async def test_what_can_hang_is_carried_alone() -> None:
    """Where a step is to be carried alone, each partition has a group of its own."""
    here, reader = world(), Counting()
    here.change(reader=reader, clock=SystemClock())
    reader.let_go.set()
    alone = Carrier(here.doors, MemoryAttempts(), "", RETRY_SECONDS, alive=lambda: None, alone=["feedback"])
    await asyncio.gather(*(alone.carry(of_partition(n, 2)) for n in range(3)))
    assert reader.asked == [2, 2, 2]


async def test_a_group_that_takes_long_does_not_stop_the_next() -> None:
    """A group that hangs keeps its own partitions only: what comes later is carried past it."""
    here, reader = world(), Counting()
    here.change(reader=reader, clock=SystemClock())
    carries_all = carries(here)
    stuck = asyncio.ensure_future(carries_all.carry(of_partition(0, 1)))
    while not reader.asked:
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await carries_all.carry(of_partition(1, 3))
    assert (reader.asked, stuck.done()) == ([1, 3], False)
    reader.let_go.set()
    await stuck


class Deadly(WordReader):
    """Ends the worker on one text, as a crash in a C extension would."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def read(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Read, or die."""
        self.asked.append(list(texts))
        if any("DEADLY" in text for text in texts):
            raise Left(-11, "segmentation fault")
        return super().read(texts)


async def test_what_ends_its_worker_is_found_and_rejected() -> None:
    """After three deaths a small batch is tried one by one; what kills three more times is rejected, alone."""
    here, reader, attempts = world(), Deadly(), MemoryAttempts()
    here.change(reader=reader)
    records = batch("happy", "DEADLY", "neglected")
    deaths = 0
    for _ in range(20):
        try:
            await carries(here, attempts).carry(records)
        except Left:
            deaths += 1
            continue
        break
    assert deaths == 2 * ATTEMPTS_MAX
    (reject,) = here.bus.records("rejects")
    headers = dict(reject.headers)
    assert headers["reject-reason"] == Reason.CRASH_LOOP.value.encode()
    assert headers["reject-offset"] == b"1"
    assert reject.value == records[1].value
    assert {each["feedback"]["text"] for each in here.values("moments")} == {"happy", "neglected"}
    assert [len(texts) for texts in reader.asked[:ATTEMPTS_MAX]] == [3] * ATTEMPTS_MAX
    assert {len(texts) for texts in reader.asked[ATTEMPTS_MAX:]} == {1}
    assert here.telemetry.topics["feedback"].rejected == 1


async def test_a_large_suspect_is_carried_in_parts() -> None:
    """Of a large batch only the part that kills is tried one by one: what is killed by chance comes through soon."""
    here, reader, attempts = world(), Deadly(), MemoryAttempts()
    here.change(reader=reader)
    part, single = SUSPECTS
    texts = ["happy"] * (3 * part)
    texts[part + 2] = "DEADLY"
    for _ in range(20):
        with suppress(Left):
            await carries(here, attempts).carry(batch(*texts))
            break
    (reject,) = here.bus.records("rejects")
    assert dict(reject.headers)["reject-offset"] == str(part + 2).encode()
    assert len({each["feedback"]["id"] for each in here.values("moments")}) == len(texts) - 1
    met = [len(each) for each in reader.asked]
    assert met[:ATTEMPTS_MAX] == [len(texts)] * ATTEMPTS_MAX
    assert met[-part:] == [single] * (part - 1) + [part]  # those beside the one that kills, and the last part
    assert set(met[ATTEMPTS_MAX:]) == {part, single}


@pytest.mark.parametrize(("many", "deadly"), [(3, [0, 2]), (96, [2, 40]), (96, [34, 36]), (96, [0, 1, 95])])
async def test_several_that_end_their_worker_are_found(many: int, deadly: list[int]) -> None:
    """However many there are in one batch, each is rejected after its deaths, and nothing else."""
    here, reader, attempts = world(), Deadly(), MemoryAttempts()
    here.change(reader=reader)
    records = batch(*("DEADLY" if place in deadly else "happy" for place in range(many)))
    for _ in range(DEATHS_MAX):
        with suppress(Left):
            await carries(here, attempts).carry(records)
            break
    rejected = [int(dict(each.headers)["reject-offset"]) for each in here.bus.records("rejects")]
    assert sorted(set(rejected)) == deadly
    assert len({each["feedback"]["id"] for each in here.values("moments")}) == many - len(deadly)


async def test_a_new_batch_starts_with_a_clean_count() -> None:
    """After a batch was finished one by one, the next one is carried whole."""
    here, reader, attempts = world(), Deadly(), MemoryAttempts()
    here.change(reader=reader)
    for _ in range(ATTEMPTS_MAX + 1):
        await carries(here, attempts).carry(batch("happy", "happy"))
    later = [MemoryRecord("feedback", 3, 7 + n, NOON_MS, b"k", r.value, r.headers)
             for n, r in enumerate(batch("happy", "happy"))]  # fmt: skip
    reader.asked.clear()
    await carries(here, attempts).carry(later)
    assert [len(texts) for texts in reader.asked] == [2]


@pytest.mark.parametrize("code", [EXIT_UNFINISHED, EXIT_UNAVAILABLE])
def test_leaving_ends_the_process_at_once(code: int) -> None:
    """Leaving says why, ends the process with its code, and runs nothing that could acknowledge on the way out."""
    script = (
        "import logging; logging.basicConfig()\n"
        "from agents.carrier import leave\n"
        f"try:\n    leave({code}, 'the reason')\nfinally:\n    print('acknowledged')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert "the reason; this worker ends unacknowledged" in done.stderr


async def test_a_shut_door_is_no_crash_loop() -> None:
    """An event whose worker left again and again because a door was shut is done when the door opens, not rejected."""
    here, attempts = world(), MemoryAttempts()
    reader = here.doors.reader

    class Away(WordReader):
        def read(self, texts: Sequence[str]) -> Sequence[Reading]:
            raise Unavailable("the model is away")

    here.change(reader=Away())
    for _ in range(2 * ATTEMPTS_MAX):
        with pytest.raises(Left):
            await carries(here, attempts).carry(batch("happy"))
    here.change(reader=reader)
    await carries(here, attempts).carry(batch("happy"))
    assert (len(here.values("moments")), here.values("rejects")) == (1, [])
