"""What every embedded server does, shown on small programs that need no wheel."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.embedded.ports import free_port
from pipeline.embedded.server import Server, tail, told

LISTENS = """
import signal, socket, sys
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as door:
    print("open", flush=True)
    while True:
        door.accept()[0].close()
"""


class Listens(Server):
    """A program that accepts connections."""

    name = "listens"
    start_seconds_max: ClassVar[float] = 10.0
    stop_seconds_max: ClassVar[float] = 0.3
    manner: ClassVar[str] = "polite"

    @classmethod
    def available(cls) -> str | None:
        return None

    def command(self) -> list[str]:
        return [sys.executable, "-c", LISTENS, str(self.port), self.manner]

    async def answers(self) -> bool:
        return True


class Breaks(Listens):
    """A program that ends at once."""

    name = "breaks"

    def command(self) -> list[str]:
        return ["/bin/sh", "-c", "echo no space left on the moon; exit 3"]


class Dumb(Listens):
    """A program that runs and never listens."""

    name = "dumb"
    start_seconds_max: ClassVar[float] = 0.2

    def command(self) -> list[str]:
        return ["/bin/sleep", "60"]


class Deaf(Listens):
    """A program that ignores SIGTERM."""

    name = "deaf"
    manner: ClassVar[str] = "deaf"


class Absent(Listens):
    """A program that is not installed."""

    name = "absent"

    @classmethod
    def available(cls) -> str | None:
        return "absent is not here; install it with: pip install absent"


def gone(pid: int) -> bool:
    """Whether a process ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_it_runs_within_the_block_only(tmp_path: Path) -> None:
    """A server is up within ``async with``, at the address that it names, and gone after it."""
    async with Listens(tmp_path / "new" / "folder") as server:
        pid = server.pid
        assert server.alive
        with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))):
            pass
    assert not server.alive
    assert gone(pid)


async def test_it_comes_back_on_the_same_address(tmp_path: Path) -> None:
    """After stop and after kill, start brings the server back on the port that clients know."""
    async with Listens(tmp_path) as server:
        address, first = server.address, server.pid
        await server.stop()
        await server.start()
        second = server.pid
        await server.kill()
        assert not server.alive
        await server.start()
        assert server.alive
        assert server.address == address
        assert len({first, second, server.pid}) == 3


async def test_start_twice_is_one_child(tmp_path: Path) -> None:
    """Starting what runs changes nothing."""
    async with Listens(tmp_path) as server:
        pid = server.pid
        await server.start()
        assert server.pid == pid


async def test_a_death_is_told(tmp_path: Path) -> None:
    """When the child is killed by somebody else, its name, the signal and its last log lines are told."""
    async with Listens(tmp_path) as server:
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            told_ = await server.died()
    assert "listens ended by itself (killed by SIGKILL)" in told_
    assert str(server.log) in told_
    assert "  open" in told_


async def test_our_own_stop_is_no_death(tmp_path: Path) -> None:
    """A server that is stopped, killed and started by its owner is not reported as dead."""
    async with Listens(tmp_path) as server:
        watch = asyncio.create_task(server.died())
        await server.stop()
        await server.start()
        await server.kill()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(watch), 0.3)
        watch.cancel()


async def test_a_failed_start_tells_why(tmp_path: Path) -> None:
    """A child that ends before it answers is told with its exit code and what it said."""
    with pytest.raises(Unavailable, match=r"(?s)breaks ended by itself with exit code 3.*no space left on the moon"):
        await Breaks(tmp_path).start()


async def test_a_silent_child_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """A child that never answers is given up and killed after the time it has."""
    server = Dumb(tmp_path)
    with pytest.raises(Unavailable, match=r"did not answer on 127\.0\.0\.1:\d+ within 0\.2 s"):
        await server.start()
    assert gone(server.pid)


async def test_a_deaf_child_is_killed(tmp_path: Path) -> None:
    """A child that ignores SIGTERM is killed after the time it has."""
    async with Deaf(tmp_path) as server:
        pid = server.pid
    assert gone(pid)


async def test_a_start_given_up_leaves_nothing(tmp_path: Path) -> None:
    """Cancelling a start, as Ctrl-C does, kills the child that was coming up."""
    server = Dumb(tmp_path)
    server.start_seconds_max = 60.0  # type: ignore[misc]
    start = asyncio.create_task(server.start())
    async with asyncio.timeout(10):
        while not server.alive:
            await asyncio.sleep(0.01)
    start.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await start
    assert gone(server.pid)


async def test_a_port_taken_meanwhile_is_changed(tmp_path: Path) -> None:
    """When somebody else takes the chosen port before the child has it, another one is chosen."""
    with socket.create_server(("127.0.0.1", free_port())) as stranger:
        taken = stranger.getsockname()[1]

        class Unlucky(Listens):
            chosen: ClassVar[list[int]] = [taken]

            def take_ports(self) -> None:
                self.port = self.chosen.pop() if self.chosen else free_port()

            async def answers(self) -> bool:
                return self.port != taken

        async with Unlucky(tmp_path) as server:
            assert server.port != taken
            assert server.alive


async def test_a_port_that_was_asked_for_is_not_changed(tmp_path: Path) -> None:
    """When a port was asked for and is taken, that is told; no other one is taken silently."""
    with socket.create_server(("127.0.0.1", free_port())) as stranger:
        port = stranger.getsockname()[1]

        class Exact(Listens):
            async def answers(self) -> bool:
                return False

        with pytest.raises(Unavailable, match=r"(?s)ended by itself.*Address already in use"):
            await Exact(tmp_path, port=port).start()


async def test_what_is_not_installed_is_told_before_anything_starts(tmp_path: Path) -> None:
    """A server whose program is missing says how to get it, and makes no folder."""
    with pytest.raises(Misconfigured, match="pip install absent"):
        await Absent(tmp_path / "folder").start()
    assert not (tmp_path / "folder").exists()


async def test_children_know_little_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that a server would read as its settings, or secrets of ours, do not reach it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://192.0.2.1:4317")
    monkeypatch.setenv("HEARTLINE_SECRET", "x")
    async with Listens(tmp_path) as server:
        known = psutil.Process(server.pid).environ()
    assert "PATH" in known
    assert not known.keys() & {"OTEL_EXPORTER_OTLP_ENDPOINT", "HEARTLINE_SECRET"}


def test_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    """Of a log of any length only the last lines are told, and of none that there are none."""
    log = tmp_path / "log"
    assert tail(log) == "  (nothing)"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert tail(log).splitlines()[-1] == "  line 99999"
    assert len(tail(log).splitlines()) == 12


@pytest.mark.parametrize(("code", "words"), [(3, "with exit code 3"), (-15, "(killed by SIGTERM)")])
def test_exit_codes_in_words(code: int, words: str) -> None:
    """An exit code is told as a number, a signal by its name."""
    assert told(code) == words
