"""Faults inside a stage: what is slow, raises or cannot be rejected; after each the checker finds nothing."""

import pytest

from pipeline.buses.topics import lags
from tests.faults.crowd import crowd
from tests.faults.scene import Scene

SEED = 20_261_124


async def test_a_reader_that_never_answers(stage: Scene) -> None:
    """T13: the text that a reader hangs on is rejected as timeout; all others of its batch are remembered."""
    events = [*crowd(SEED, 24)]
    events[10]["text"] += " NEVER"
    await stage.publish(events)
    stage.work({"never_for": "NEVER", "reader_seconds": 0.5})
    report = await stage.clean(23, rejected=1)
    assert report.reasons == {"timeout": 1}


async def test_a_reader_that_raises(stage: Scene) -> None:
    """T14: texts that a reader fails on (1 %) are rejected as stage_failed, told by place and hash, not by content."""
    events = [*crowd(SEED, 400)]
    for place in (50, 150, 250, 350):
        events[place]["text"] += " RAISE"
    await stage.publish(events)
    worker = stage.work({"raise_for": "RAISE"})
    report = await stage.clean(396, rejected=4)
    assert report.reasons == {"stage_failed": 4}
    details = [dict(record.headers)["reject-detail"].decode() for record in await stage.records("rejects")]
    assert all(detail.startswith("ValueError in read:") and "as planned" not in detail for detail in details)
    assert len(set(details)) == 1, "the same failure has the same hash"
    assert "RAISE" not in worker.words


async def test_rejects_cannot_be_sent(stage: Scene) -> None:
    """T16: as long as a reject cannot be kept, its record is not committed; afterwards it is kept once."""
    await stage.publish_bytes([(b"k", b"not json")])
    worker = stage.work({"rejects_fail": 6})
    await stage.until(lambda: worker.words.count("as planned") >= 4, "the worker tries again")
    [lag] = await lags(stage.settings, [stage.settings.topic("feedback")])
    assert (lag.end, lag.committed) == (1, 0)
    report = await stage.clean(0, rejected=1)
    assert report.reasons == {"invalid_json": 1}


@pytest.mark.chaos
async def test_all_of_it_at_once(stage: Scene) -> None:
    """T13, T14 and T16 together, on more events and two workers."""
    events = [*crowd(SEED, 2000)]
    for place in range(0, 2000, 100):
        events[place]["text"] += " RAISE"
    await stage.publish(events)
    for _ in range(2):
        stage.work({"raise_for": "RAISE", "rejects_fail": 3})
    report = await stage.clean(1980, rejected=20)
    assert report.reasons == {"stage_failed": 20}
