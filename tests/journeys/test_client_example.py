"""The example of the README, run as it stands: publish, subscribe, read the timeline."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.buses.topics import apply
from pipeline.domain.identity import own_person
from pipeline.embedded.server import Server
from pipeline.settings import Settings
from tests.makers import POLICY

SECONDS_MAX = 60


@pytest.fixture
def surroundings(tansu: Server, valkey: Server, prefix: str, tmp_path: Path) -> dict[str, str]:
    """The environment of every process of this test; no other house of this machine is seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    return kept | {
        "HEARTLINE_KAFKA": tansu.address,
        "HEARTLINE_REDIS": valkey.url,  # type: ignore[attr-defined]
        "HEARTLINE_PREFIX": prefix,
        "HEARTLINE_REDIS_PREFIX": prefix,
        "HEARTLINE_GROUP": f"{prefix}workers",
        "HEARTLINE_PARTITIONS": "2",
        "XDG_STATE_HOME": str(tmp_path),
    }


@pytest.fixture
def worker(surroundings: dict[str, str], prefix: str, tmp_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker with all agents, on topics that are there."""
    settings = Settings(kafka=surroundings["HEARTLINE_KAFKA"], prefix=prefix, partitions=2)
    asyncio.run(apply(settings, sorted(POLICY.teams)))
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "agents"], env=surroundings, stdout=log, stderr=log)
    yield process
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def test_the_example_goes_around_the_loop(
    surroundings: dict[str, str], worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    """The shipped example publishes, hears the alert of the owning team and reads the timeline, on a real house."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.samples.client_example"],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    told = (tmp_path / "worker.log").read_text(encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, ""), told
    published, alert, timeline = done.stdout.splitlines()
    assert published.startswith("published ")
    assert alert.startswith("alert     billing: ")
    assert timeline.startswith(f"timeline  {own_person('email:ana@example.com')}: 1 moments")
    assert worker.poll() is None
