"""Folders of a running `heartline up`: data that ends with it, and logs that stay for a while."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pipeline.domain.errors import Misconfigured
from pipeline.settings import state_folder

LOGS_KEPT = 5


def log_folder(now: datetime) -> Path:
    """Make and answer the folder for the logs of this process; the oldest of earlier ones are removed."""
    logs = state_folder() / "logs"
    folder = logs / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(each for each in logs.iterdir() if each.is_dir())[:-LOGS_KEPT]:
        if not _lives(old.name.rpartition("-")[2]):
            shutil.rmtree(old, ignore_errors=True)
    return folder


@contextmanager
def data_folder(given: Path | None, logs: Path) -> Iterator[Path]:
    """Answer the folder for the servers' data: the given one, or one that is removed at the end.

    The servers' logs are kept in ``logs``. Raises Misconfigured where the folder cannot be made.
    """
    temporary = state_folder() / "data" / str(os.getpid())
    folder = given or temporary
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"--data {folder} cannot be made: {error.strerror}") from error
    _sweep(temporary.parent)
    try:
        yield folder
    finally:
        for log in folder.glob("*/*.log"):
            shutil.copy(log, logs / log.name)
        if given is None:
            shutil.rmtree(temporary, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what a process left that was killed."""
    if parent.is_dir():
        for left in parent.iterdir():
            if not _lives(left.name):
                shutil.rmtree(left, ignore_errors=True)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
