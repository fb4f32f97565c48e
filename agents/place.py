"""The place of a worker among those of its machine, by which its group knows it again.

A group waits for a worker that was killed until its session is over, and one that is started instead is a stranger for
whom all others have to stop. So a worker takes the first place that no living process of this machine holds, and joins
under the name of the place (static membership, KIP-345): it gets at once what the one had that was killed, and nobody
else is disturbed. Where the broker does not know such names, the one that was killed is signed off by its id, which it
had left in its place. The system frees a place when its process dies, however it dies.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir
from typing import IO
from zlib import crc32

PLACES_MAX = 256
MEMBER_BYTES_MAX = 1_000
NAME_BYTES = 6


def places_folder() -> Path:
    """Answer where the places of this user's workers are kept: on this machine only, so that no other shares them."""
    return Path(gettempdir()) / f"heartline-{os.getuid()}"


class Place:
    """A place that is held: its ``name``, and by which id the group knew the ``killed`` worker that held it before."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name = name
        self.killed = os.pread(file.fileno(), MEMBER_BYTES_MAX, 0).decode("utf-8", "replace") or None
        self._file = file
        self._noted = ""

    def note(self, member: str) -> None:
        """Keep the id that the group knows this worker by, for who takes its place if it is killed."""
        if member != self._noted:
            os.ftruncate(self._file.fileno(), 0)
            os.pwrite(self._file.fileno(), member.encode(), 0)
            self._noted = member


@contextmanager
def held(folder: Path, role: Sequence[str]) -> Iterator[Place | None]:
    """Hold a place among the workers of one ``role`` (cluster, group, agents).

    None where there is none: the folder cannot be written, or PLACES_MAX workers run. Then the group knows the worker
    by nothing that outlives it.
    """
    place = file = None
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        here = f"{_machine(folder)}-{crc32(repr(tuple(role)).encode()):08x}"
        for number in range(PLACES_MAX):
            name = f"{here}-{number}"
            file = _locked(folder / f"{name}.lock")
            if file is not None:
                place = Place(name, file)
                break
    try:
        yield place
    finally:
        if file is not None:
            file.close()


def _machine(folder: Path) -> str:
    """Answer what tells this machine (or container) from others; chosen once."""
    path = folder / "name"
    draft = folder / f"name.{os.getpid()}"
    if not path.exists():
        draft.write_text(secrets.token_hex(NAME_BYTES), encoding="ascii")
        with suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, and the first one stays
        draft.unlink()
    return path.read_text(encoding="ascii")


def _locked(path: Path) -> IO[bytes] | None:
    """Answer the file, open and locked as long as it is open; None where another process holds it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
