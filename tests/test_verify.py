"""Verify: what it reads beside the topics, and what it says while workers are behind."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.domain.identity import moment_id
from pipeline.domain.ledger import Kept, check
from pipeline.domain.timeline import milliseconds
from pipeline.embedded.server import Server
from pipeline.embedded.valkey import Valkey
from pipeline.stages.stitch import send_moment
from pipeline.verify import Gathered, read_ledger
from tests.faults.crowd import crowd
from tests.faults.scene import Scene
from tests.makers import POLICY, moment, record

LINE = '{"id": "1", "source": "/s", "state": "ok"}\n'


def test_a_ledger(tmp_path: Path) -> None:
    """A ledger is read line by line; the half line that a killed producer leaves is passed over."""
    file = tmp_path / "ledger"
    file.write_text(LINE + "\n" + LINE.replace("ok", "info") + '{"id": "2", "sou', encoding="utf-8")
    notes = read_ledger(file)
    assert [(note.moment, note.state) for note in notes] == [(moment_id("/s", "1"), state) for state in ("ok", "info")]


def test_a_row_that_was_never_an_event(tmp_path: Path) -> None:
    """A line that was refused before it had an id or a source says nothing of any event."""
    file = tmp_path / "ledger"
    file.write_text('{"id": null, "source": null, "state": "fail", "line": 3, "reason": "schema"}\n' + LINE)
    assert [note.state for note in read_ledger(file)] == ["ok"]


@pytest.mark.parametrize("line", ["[]", "{", '{"id": 1, "source": "/s", "state": "ok"}', LINE.replace("ok", "kept")])
def test_a_damaged_ledger(tmp_path: Path, line: str) -> None:
    """Anything else is named with its line."""
    file = tmp_path / "ledger"
    file.write_text(f"{LINE}{line.strip()}\n{LINE}", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"ledger:2: expected"):
        read_ledger(file)


def test_no_ledger(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_ledger(tmp_path / "none")


@pytest.mark.parametrize(("days", "misses"), [(None, 1), (7, 0), (30, 1)])
def test_what_arrived_too_late_wants_no_alert(days: float | None, misses: int) -> None:
    """A hurt of ten days before it arrived is missing an alert, unless the policy keeps what is so old quiet."""
    told = moment(1)
    old = told.model_copy(update={"at": told.arrived - timedelta(days=10)})
    gathered = Gathered(POLICY.model_copy(update={"alert_age_days": days}))
    send = send_moment(old)
    gathered.take(record(send.value, send.headers, topic="moments"))
    kept = [Kept(old.person, None, ((old.id, milliseconds(old.at)),), 1, 1)]
    assert check(gathered.evidence(kept, [])).anomalies["missing-alert"].count == misses


async def test_without_workers(tansu: Server, valkey: Valkey, prefix: str, tmp_path: Path) -> None:
    """What nobody has read yet is told as lag, and the report is not clean; once it is read, it is."""
    scene = Scene(tmp_path, tansu.address, valkey.url, f"{prefix}{os.getpid()}-")
    try:
        await scene.topics()
        await scene.publish(crowd(1, 30))
        report = await scene.report(wait_seconds=0.0)
        assert (report.clean, report.behind, report.totals["remembered"]) == (False, 30, 0)
        scene.work()
        await scene.clean(30)
    finally:
        scene.close()
