"""Redis is a view: forgotten and built again from the log, it is the same."""

import signal
import subprocess
import sys
from dataclasses import replace

from pipeline.domain.timeline import Figures
from pipeline.stores.redis import open_stores
from tests.faults.crowd import crowd
from tests.faults.scene import ROOT, Scene

EVENTS = 200


async def _told(stage: Scene) -> dict[str, tuple[Figures, tuple[str, ...]]]:
    stores = open_stores(stage.settings.redis, stage.settings.redis_prefix)
    try:
        persons = [person async for person in stores.timelines.persons()]
        states = (await stores.timelines.load(dict.fromkeys(persons, ())))[0]
        told = {}
        for person, state in states.items():
            if state.moved_to is None:
                ids = tuple(entry.id for entry in await stores.timelines.entries(person, EVENTS))
                # Under which id somebody was known first depends on what was read first; who they are does not.
                told[person] = (replace(state.figures, aliases=frozenset()), ids)
        return told
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
    """T22: all keys are forgotten and the log is read again: every person has the same moments and figures."""
    await stage.publish(crowd(7, EVENTS))
    worker = stage.work()
    await stage.clean(EVENTS)
    before = await _told(stage)
    refused = _rebuild(stage)
    assert refused.returncode == 2
    assert "stop the workers first" in refused.stderr
    worker.end(signal.SIGTERM)
    done = _rebuild(stage)
    assert done.returncode == 0, done.stderr
    stage.work()
    await stage.clean(EVENTS)
    assert await _told(stage) == before
