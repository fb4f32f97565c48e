"""Publishing: what is accepted, what is refused and why, and what the ledger keeps."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from pipeline.buses.memory import MemoryBus
from pipeline.cli.app import create_app
from pipeline.cli.publish import KINDS_MAX, Press
from pipeline.cli.rows import row_of
from pipeline.clocks import WoundClock
from pipeline.domain.errors import Unavailable
from pipeline.ports import Send

GOOD = {"channel": "chat", "text": "Love it", "id": "1", "source": "/s", "handles": {"email": "A@b.org"}}


def press(book: io.BytesIO | None = None, rate: float | None = None) -> tuple[Press, MemoryBus, WoundClock]:
    """Answer a press on a memory bus and a wound clock."""
    clock = WoundClock()
    bus = MemoryBus(clock)
    return Press(bus, clock, "GB", book, rate), bus, clock


async def take(one: Press, several: Sequence[object]) -> None:
    """Let the press take these values, a line each."""
    await one.take([row_of(number, orjson.dumps(each), None) for number, each in enumerate(several, start=1)])
    await one.settle()


async def test_accepted() -> None:
    """A good line becomes a record keyed by its strongest handle."""
    one, bus, _ = press()
    await take(one, [GOOD])
    [record] = bus.records("feedback")
    assert record.key == b"email:a@b.org"
    assert (one.accepted, one.refused) == (1, 0)


async def test_refusals_are_grouped() -> None:
    """What is refused for the same reason is counted together, with the first line at which it stands."""
    one, bus, _ = press()
    bad = {**GOOD, "at": "yesterday"}
    await take(one, [GOOD, bad, bad, [], {**GOOD, "id": "2"}])
    assert (one.accepted, one.refused, len(bus.records("feedback"))) == (2, 3, 2)
    told = one.told()["reasons"]
    assert [(each["reason"], each["count"], each["first_line"]) for each in told] == [
        ("schema", 2, 2),
        ("invalid_envelope", 1, 4),
    ]
    assert "/at" in told[0]["detail"]


async def test_many_kinds() -> None:
    """However many kinds of refusal there are, the list stays short and the count stays right."""
    one, _, _ = press()
    await take(one, [{**GOOD, "answers": {f"a{number}": "x"}} for number in range(3 * KINDS_MAX)])
    assert len(one.kinds) == KINDS_MAX + 1
    assert sum(count for count, _ in one.kinds.values()) == one.refused == 3 * KINDS_MAX


async def test_ledger() -> None:
    """The ledger has a line before and one after what is confirmed, and one for what is refused."""
    book = io.BytesIO()
    one, _, _ = press(book)
    await take(one, [GOOD, {**GOOD, "id": "2", "at": "?"}, {"text": "nobody can name this one"}])
    told = [json.loads(line) for line in book.getvalue().splitlines()]
    states = [(line["id"], line["source"], line["state"]) for line in told]
    assert sorted(states) == [("1", "/s", "info"), ("1", "/s", "ok"), ("2", "/s", "fail")]
    assert states.index(("1", "/s", "info")) < states.index(("1", "/s", "ok"))


class ShutBus(MemoryBus):
    """A bus that is away ``times`` times."""

    times = 0

    async def send(self, records: Sequence[Send]) -> None:
        """Send, or be away."""
        if self.times:
            self.times -= 1
            raise Unavailable("away")
        await super().send(records)


async def test_broker_comes_back() -> None:
    """A broker that is away for a moment is waited for, and nothing is lost or doubled."""
    clock = WoundClock()
    bus = ShutBus(clock)
    bus.times = 3
    one = Press(bus, clock, "GB")
    await take(one, [GOOD])
    assert len(bus.records("feedback")) == 1


async def test_broker_stays_away() -> None:
    """A broker that stays away ends the publishing with how much is out; the ledger does not say that it is."""
    clock, book = WoundClock(), io.BytesIO()
    bus = ShutBus(clock)
    bus.times = 1_000_000
    one = Press(bus, clock, "GB", book)
    with pytest.raises(Unavailable, match="0 events are confirmed"):
        await take(one, [GOOD])
    assert [json.loads(line)["state"] for line in book.getvalue().splitlines()] == ["info"]


async def test_rate() -> None:
    """A rate is kept: 100 events at 50 a second take two seconds."""
    one, _, clock = press(rate=50)
    await take(one, [{**GOOD, "id": str(number)} for number in range(100)])
    assert clock.seconds() == pytest.approx(2.0, abs=0.1)


def test_missing_file() -> None:
    """A file that is not there is exit code 2 and is told by its name."""
    told = CliRunner().invoke(create_app(), ["publish", "nowhere.csv"])
    assert told.exit_code == 2
    assert "nowhere.csv" in told.stderr


def test_missing_map(tmp_path: Path) -> None:
    """A map that is not there is exit code 2, before anything is asked of a broker."""
    (tmp_path / "a.csv").write_text("text\nx\n")
    told = CliRunner().invoke(create_app(), ["publish", str(tmp_path / "a.csv"), "--map", "nomap"])
    assert told.exit_code == 2
    assert "nomap" in told.stderr
