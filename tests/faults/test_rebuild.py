"""Redis is a view: forgotten and built again from the log, it is the same."""

import signal
import subprocess
import sys
from collections import Counter

from pipeline.client import Client
from pipeline.domain.events import Moment
from pipeline.domain.identity import own_person
from pipeline.domain.timeline import Figures
from pipeline.stores.redis import open_stores
from tests.faults.crowd import crowd
from tests.faults.scene import ROOT, Scene

EVENTS = 200


async def _correct(stage: Scene, count: int) -> None:
    """Correct moments, of whoever they were stitched to first; those whose words say where it hurt come first."""
    records = [
        record for record in await stage.records("moments") if b"moment.stitched" in str(record.headers).encode()
    ]
    moments = {m.id: m for m in (Moment.model_validate_json(record.value or b"") for record in records)}
    async with Client(stage.settings) as client:
        for moment in sorted(moments.values(), key=lambda each: (each.feedback.touchpoint or "", each.id))[:count]:
            said = {"emotions": {"neglected": 3}, "primary": "neglected", "valence": -2}
            await client.correct({"moment": moment.id, "person": moment.person, "by": "ben", **said})


async def _told(stage: Scene) -> dict[str, tuple[Figures, tuple[str, ...], tuple[str, ...]]]:
    stores = open_stores(stage.settings.redis, stage.settings.redis_prefix)
    try:
        persons = [person async for person in stores.timelines.persons()]
        states = (await stores.timelines.load(dict.fromkeys(persons, ())))[0]
        told = {}
        for person, state in states.items():
            if state.moved_to is None:
                entries = await stores.timelines.entries(person, EVENTS)
                ids = tuple(entry.id for entry in entries)
                readers = tuple(Moment.model_validate_json(entry.body).reading.reader for entry in entries)
                # Under which id somebody was known first depends on what was read first; who they are does not. The
                # last digit of a valence may depend on what was read with it (see pipeline.readers.network).
                recent = tuple(
                    (at_ms, moment, brief.model_copy(update={"valence": 0.0}))
                    for at_ms, moment, brief in state.figures.recent
                )
                told[person] = (state.figures._replace(aliases=frozenset(), recent=recent), ids, readers)
        return told
    finally:
        await stores.close()


async def _answered_twice(stage: Scene) -> list[str]:
    """Answer the alerts that stand in more than one open case."""
    stores = open_stores(stage.settings.redis, stage.settings.redis_prefix)
    try:
        counts = Counter(alert for case in await stores.cases.newest(None, EVENTS) for alert in case.alerts)
        return [alert for alert, count in counts.items() if count > 1]
    finally:
        await stores.close()


def _rebuild(stage: Scene) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "rebuild", "--yes", "--json"],
        env={**stage.environment(), "PATH": "", "HOME": str(stage.folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_same_timelines_come_back(stage: Scene) -> None:
    """T22: all keys are forgotten and the log is read again: the same moments, figures and corrections come back."""
    await stage.publish(crowd(7, EVENTS))
    worker = stage.work()
    await stage.clean(EVENTS)
    await _correct(stage, 40)
    await stage.falls_to("moments", 0)
    before, twice = await _told(stage), await _answered_twice(stage)
    assert sum("human/ben" in reader for _, _, readers in before.values() for reader in readers) == 40
    refused = _rebuild(stage)
    assert refused.returncode == 2
    assert "stop the workers first" in refused.stderr
    worker.end(signal.SIGTERM)
    done = _rebuild(stage)
    assert done.returncode == 0, done.stderr
    stage.work()
    await stage.clean(EVENTS)
    assert await _told(stage) == before
    assert set(await _answered_twice(stage)) <= set(twice)


async def test_a_case_finds_who_its_person_proved_to_be(stage: Scene) -> None:
    """A case that was opened for a former id comes back for the last one, and what it answers opens no other."""
    hurt = {"source": "/tests", "channel": "email", "text": "Nobody called me back, I am so frustrated!"}
    email, both = {"email": "ana@example.org"}, {"email": "ana@example.org", "customer_id": "C1"}
    await stage.publish([{**hurt, "id": "1", "at": "2026-11-01T10:00:00Z", "touchpoint": "billing", "handles": email}])
    worker = stage.work()
    await stage.reaches("cases", 1)
    thanks = {**hurt, "text": "Thank you, all is well now.", "at": "2026-11-02T10:00:00Z", "touchpoint": "billing"}
    await stage.publish([{**thanks, "id": "2", "handles": both}])
    await stage.clean(2)
    worker.end(signal.SIGTERM)
    stores = open_stores(stage.settings.redis, stage.settings.redis_prefix)
    try:
        (before,) = await stores.cases.newest(None, 10)
        assert before.person == own_person("email:ana@example.org")
        assert _rebuild(stage).returncode == 0
        (case,) = await stores.cases.newest(None, 10)
        assert case == before.model_copy(update={"person": own_person("customer_id:C1")})
        stage.work()
        await stage.clean(2)
        (after,) = await stores.cases.newest(None, 10)
        assert after == case
    finally:
        await stores.close()
