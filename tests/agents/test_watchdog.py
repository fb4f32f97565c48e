"""The watchdog: a worker that is alive and does nothing ends itself; one that works, or has nothing to do, does not."""

import subprocess
import sys

import pytest

from agents.carrier import EXIT_UNFINISHED

HUNG_SECONDS = 0.3
SCRIPT = """
import asyncio, logging, time
from agents.watchdog import Watchdog

logging.basicConfig()

async def main():
    began = time.monotonic()
    stuck = lambda: {stuck}
    watchdog = Watchdog(asyncio.get_running_loop(), stuck, {hung})
    watchdog.start()
    {then}
    watchdog.stop()
    print("ended by itself")

asyncio.run(main())
"""
CASES = {
    "blocked": ("0.0", "time.sleep(20)", "the event loop has not answered"),
    "stuck": ("time.monotonic() - began", "await asyncio.sleep(20)", "nothing has moved"),
}


def run(stuck: str, then: str, hung_seconds: float = HUNG_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a loop under a watchdog with a short limit."""
    script = SCRIPT.format(stuck=stuck, then=then, hung=hung_seconds)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("case", CASES)
def test_a_hung_worker_ends_itself(case: str) -> None:
    """A blocked loop, and a loop that runs while its work stands still, both end with the code for unfinished work."""
    stuck, then, why = CASES[case]
    done = run(stuck, then)
    assert (done.returncode, done.stdout) == (EXIT_UNFINISHED, "")
    assert why in done.stderr


def test_an_idle_worker_is_left_alone() -> None:
    """A loop that answers and has no work, longer than the limit, and a watchdog that was stopped, end nothing."""
    done = run("0.0", "await asyncio.sleep(1.0); watchdog.stop(); time.sleep(1.0)", hung_seconds=0.8)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended by itself\n", "")
