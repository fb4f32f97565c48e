"""Up: servers and workers come up, tell where they are, carry the story, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.service
SECONDS_MAX = 90.0
COMMAND = [sys.executable, "-m", "pipeline"]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which no other Heartline of this machine is seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")}
    return {**kept, "XDG_STATE_HOME": str(tmp_path)}


def running(tmp_path: Path) -> Path:
    """Answer the file that tells where the servers are."""
    return tmp_path / "heartline" / "running.json"


def until(holds: Callable[[], bool], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait, bounded, until ``holds``; fail at once when ``process`` has ended instead."""
    end = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < end, "it took too long"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.fixture
def up(home: dict[str, str], tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    """A `heartline up` that is ready."""
    command = [*COMMAND, "up", "--workers", "2"]
    with subprocess.Popen(command, env=home, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            until(lambda: running(tmp_path).exists(), process)
            logs = tmp_path / "heartline" / "logs"
            until(lambda: ready(logs) == 2, process)
            yield process
        finally:
            process.kill()


def ready(logs: Path) -> int:
    """Answer how many workers say that they are ready."""
    return sum(b"heartline ready:" in log.read_bytes() for log in logs.glob("*/worker-*.log"))


def workers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Answer the workers of an `up`."""
    children = [child for child in psutil.Process(process.pid).children() if alive(child)]
    return [child for child in children if "agents" in child.cmdline()]


def alive(child: psutil.Process) -> bool:
    """Say whether a child runs, and is not only waiting to be buried."""
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_story(home: dict[str, str], tmp_path: Path) -> None:
    """The demo runs the whole story without a terminal and ends with one JSON object in which nothing is missing."""
    told = subprocess.run(
        [*COMMAND, "up", "--demo", "--exit", "--json"],
        env=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    figures = json.loads(told.stdout.splitlines()[-1])
    assert figures["published"] == figures["moments"] + figures["rejected"] == 273
    assert figures["cases"] > 10
    assert sum(figures["alerts"].values()) > 50
    assert 0 < figures["seconds_to_first_alert"] < 30
    assert figures["events_per_second"] > 0
    assert not running(tmp_path).exists()
    assert list((tmp_path / "heartline" / "data").iterdir()) == []
    assert list((tmp_path / "heartline" / "logs").glob("*/worker-1.log"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops(up: "subprocess.Popen[str]", tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end workers, servers and folders, with exit code 0."""
    children = psutil.Process(up.pid).children(recursive=True)
    assert len(children) >= 4
    up.send_signal(number)
    said, _ = up.communicate(timeout=60)
    assert up.returncode == 0, said
    assert "Traceback" not in said
    assert not [child for child in children if alive(child)]
    assert not running(tmp_path).exists()
    assert list((tmp_path / "heartline" / "data").iterdir()) == []


def test_killed(up: "subprocess.Popen[str]", home: dict[str, str]) -> None:
    """Not even kill -9 leaves a child behind, and what it left on disk is taken for nothing."""
    children = psutil.Process(up.pid).children(recursive=True)
    up.kill()
    up.wait()
    until(lambda: not [child for child in children if alive(child)])
    told = subprocess.run([*COMMAND, "doctor"], env=home, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert "127.0.0.1:9092" in told.stdout


def test_worker_that_dies(up: "subprocess.Popen[str]") -> None:
    """A worker that dies is told with its last words and begins again."""
    [first, second] = workers(up)
    first.kill()
    until(lambda: len(workers(up)) == 2 and first not in workers(up), up)
    assert second in workers(up)
    up.terminate()
    said, _ = up.communicate(timeout=60)
    assert "killed by SIGKILL" in said
    assert "begins again" in said


def test_server_that_dies(up: "subprocess.Popen[str]") -> None:
    """A server that dies is told with its last words and ends everything with exit code 1."""
    children = psutil.Process(up.pid).children(recursive=True)
    [valkey] = [child for child in children if "valkey" in child.name()]
    valkey.kill()
    said, _ = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "valkey ended by itself" in said
    assert not [child for child in children if alive(child)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--exit"], "--demo"),
        (["--broker", "rabbit"], "rabbit"),
        (["--workers", "-1"], "workers"),
        (["--data", "kept"], "--broker kafka"),
    ],
)
def test_wrong_usage(home: dict[str, str], words: list[str], why: str) -> None:
    """What cannot be is exit code 2, and says what is wrong."""
    told = subprocess.run([*COMMAND, "up", *words], env=home, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert why in told.stderr
