"""A child process that cannot outlive its parent, however the parent dies.

On Linux the kernel does it: a child that asked for a *parent death signal* is killed when the **thread** that
made it ends (prctl(2), PR_SET_PDEATHSIG). Threads end before processes do, so every child is made by one
thread that is kept until the process ends.

Elsewhere a shell keeps watch: it reads from a pipe whose other end only the parent holds; the pipe ends with
the parent, and the shell then kills the child.

The child leads its own process group: Ctrl-C at a terminal reaches the parent alone, which stops its children
in order, and whatever a child started is killed with it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import BinaryIO

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Leashed:
    """A running child: its process and, where the kernel has no leash, the shell that watches."""

    def __init__(self, process: subprocess.Popen[bytes], watch: subprocess.Popen[bytes] | None) -> None:
        self.process = process
        self._watch = watch

    @property
    def ended(self) -> bool:
        """Whether the child ended; true also ends the watch over it, before its pid can be reused."""
        if self.process.poll() is None:
            return False
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
            self._watch = None
        return True

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and to all it started."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


def start(
    command: Sequence[str],
    log: BinaryIO,
    folder: Path,
    environment: Mapping[str, str],
    *,
    kernel: bool = sys.platform == "linux",
) -> Leashed:
    """Start ``command`` in ``folder``, both its outputs to ``log``; blocks for some milliseconds.

    ``kernel`` False takes the shell's watch where the kernel's leash could be had. Raises OSError when the
    command cannot be started.
    """
    process = _thread().submit(_popen, command, log, folder, environment, _ask_kernel() if kernel else None)
    child = process.result()
    if kernel:
        return Leashed(child, None)
    watch = subprocess.Popen(  # noqa: S603 - our own words and a number
        ["/bin/sh", "-c", f"cat >/dev/null; kill -9 -{child.pid}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    return Leashed(child, watch)


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="heartline-leash")


def _popen(
    command: Sequence[str],
    log: BinaryIO,
    folder: Path,
    environment: Mapping[str, str],
    in_child: Callable[[], None] | None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the commands are written in this package
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        process_group=0,
        # Between fork and exec it makes two system calls and takes no lock.
        preexec_fn=in_child,  # noqa: PLW1509
    )


def _ask_kernel() -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the question was asked
            os._exit(1)

    return in_child
