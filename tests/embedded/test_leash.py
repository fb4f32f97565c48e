"""No child outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.embedded import leash
from pipeline.embedded.kafka import Kafka
from pipeline.embedded.valkey import Valkey

SECONDS_MAX = 20.0

SLEEPER = """
import os, sys, time
from pathlib import Path
from pipeline.embedded import leash
with open(os.devnull, "ab") as log:
    child = leash.start(["/bin/sleep", "600"], log, Path("."), os.environ, kernel=sys.argv[1] == "kernel")
print(child.process.pid, flush=True)
time.sleep(600)
"""

HOUSE = """
import asyncio, sys
from pathlib import Path
from pipeline.embedded.house import servers

async def main():
    async with servers(sys.argv[1], Path(sys.argv[2])) as house:
        print(*(server.pid for server in house.started), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def gone(pid: int) -> bool:
    """Whether a process ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def in_time(done: Callable[[], bool]) -> bool:
    """Whether something becomes true within a bound."""
    end = time.monotonic() + SECONDS_MAX
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def parent(source: str, *arguments: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a Python program that starts children; answer it and the pids that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
        env=os.environ | {"PYTHONPATH": str(Path(leash.__file__).parents[2])},
    )
    assert process.stdout
    children = [int(pid) for pid in process.stdout.readline().split()]
    assert children
    assert not any(gone(pid) for pid in children)
    return process, children


def ends_with(process: subprocess.Popen[str], children: list[int], number: signal.Signals) -> bool:
    """Whether all the children end after the parent was sent a signal."""
    os.kill(process.pid, number)
    process.communicate(timeout=SECONDS_MAX)
    return in_time(lambda: all(gone(pid) for pid in children))


LEASHES = [
    pytest.param("kernel", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux has this leash")),
    "shell",
]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("how", LEASHES)
def test_a_child_dies_with_its_parent(how: str, number: signal.Signals) -> None:
    """Whatever signal ends the parent, which has no handler for it, the child ends too; by either leash."""
    assert ends_with(*parent(SLEEPER, how), number)


@pytest.mark.service
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_tansu_and_valkey_die_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    """kill -9 and SIGTERM of the program that started Tansu and Valkey leave neither."""
    assert ends_with(*parent(HOUSE, "tansu", str(tmp_path)), number)


@pytest.mark.kafka
@pytest.mark.service
def test_kafka_dies_with_its_parent(tmp_path: Path) -> None:
    """kill -9 of the program that started Apache Kafka leaves no JVM."""
    if (reason := Kafka.available()) is not None:
        pytest.skip(reason)
    assert ends_with(*parent(HOUSE, "kafka", str(tmp_path)), signal.SIGKILL)


@pytest.mark.service
def test_ctrl_c_at_a_terminal_stops_in_order(tmp_path: Path) -> None:
    """SIGINT to the whole foreground group reaches the parent alone, which stops its servers by SIGTERM."""
    process, children = parent(HOUSE, "tansu", str(tmp_path))
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=SECONDS_MAX)
    assert all(gone(pid) for pid in children)
    log = (tmp_path / "valkey" / "valkey.log").read_text()
    assert "Received SIGTERM" in log
    assert "SIGINT" not in log
    assert "bye bye" in log


@pytest.mark.service
async def test_a_thread_that_ends_takes_no_server_with_it(tmp_path: Path) -> None:
    """A server started from a thread lives on when that thread ends, though the kernel's leash is the thread's."""
    server = Valkey(tmp_path)
    thread = threading.Thread(target=lambda: asyncio.run(server.start()))
    thread.start()
    thread.join(SECONDS_MAX)
    try:
        assert not thread.is_alive()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(server.died(), 0.3)
    finally:
        await server.stop()


@pytest.mark.parametrize("how", LEASHES)
def test_what_a_child_started_ends_with_it(tmp_path: Path, how: str) -> None:
    """A signal to the group ends the child's own children too, and the watch over it."""
    with (tmp_path / "log").open("w+b") as log:
        command = ["/bin/sh", "-c", "sleep 600 & echo $!; wait"]
        child = leash.start(command, log, tmp_path, os.environ, kernel=how == "kernel")
        assert in_time(lambda: (tmp_path / "log").stat().st_size > 0)
        grandchild = int((tmp_path / "log").read_text())
        child.signal_group(signal.SIGKILL)
        assert in_time(lambda: child.ended)
        assert in_time(lambda: gone(grandchild))
    me = psutil.Process()
    assert not [process for process in me.children() if str(child.process.pid) in " ".join(process.cmdline())]
