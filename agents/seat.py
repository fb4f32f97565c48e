"""The seat of a worker among those of its machine, by which its group knows it again.

A group waits for a worker that was killed until its session is over, and one that is started instead is a stranger for
whom all others have to stop. So a worker takes the first seat that no living process of this machine holds, and joins
under the seat's name (static membership, KIP-345): it gets at once what the one had that was killed, and nobody else is
disturbed. The system frees a seat when its process dies, however it dies.

Two workers must never have one name: they would push each other out of the group for good. It holds what was drawn for
the folder, which is this machine's or this container's own, and which time the machine runs.
"""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir
from zlib import crc32

SEATS_MAX = 256
DRAWN_BYTES = 6
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def seats_folder() -> Path:
    """Answer where the seats of this user's workers are, unless a setting says."""
    return Path(gettempdir()) / f"heartline-{os.getuid()}"


class Seat:
    """A seat that is held, by its ``name``."""

    def __init__(self, name: str, file: int) -> None:
        self.name = name
        self._file = file

    def touch(self) -> None:
        """Say that it is in use: what has not been touched for days is swept out of temporary folders."""
        os.utime(self._file)


@contextmanager
def taken(folder: Path, role: Sequence[str]) -> Iterator[Seat | None]:
    """Hold a seat among the workers of one ``role``: those that read the same topics for the same group.

    None where there is none: the folder cannot be used, or SEATS_MAX workers run. Then the group knows the worker by
    nothing that outlives it.
    """
    seat = path = file = None
    with suppress(OSError, ValueError):
        here = f"{_machine(folder)}-{crc32(repr(tuple(role)).encode()):08x}"
        for number in range(SEATS_MAX):
            path = folder / f"{here}-{number}.lock"
            file = _locked(path)
            if file is not None:
                seat = Seat(path.stem, file)
                break
    try:
        yield seat
    finally:
        if file is not None and path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            os.close(file)


def _machine(folder: Path) -> str:
    """Answer what tells this machine (or container) from others. Raises OSError, ValueError: the folder is unfit."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    here = folder.lstat()
    if not stat.S_ISDIR(here.st_mode) or here.st_uid != os.getuid() or here.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder that only this user writes to")
    path = folder / "name"
    if not path.exists():
        draft = folder / f"name.{secrets.token_hex(DRAWN_BYTES)}"
        try:
            draft.write_text(secrets.token_hex(DRAWN_BYTES), encoding="ascii")
            with suppress(FileExistsError):
                os.link(draft, path)  # whole or not at all, and the first one stays
        finally:
            draft.unlink(missing_ok=True)
    name = path.read_text(encoding="ascii")
    if len(bytes.fromhex(name)) != DRAWN_BYTES:
        raise ValueError(f"{path} is damaged")
    boot = _BOOT.read_text(encoding="ascii") if _BOOT.exists() else ""
    return f"{name}-{crc32(boot.encode()):08x}"


def _locked(path: Path) -> int | None:
    """Answer the file, open and locked as long as it is open; None where another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.stat()):
            return file
    except OSError:  # held; or removed meanwhile, by one that ended in order
        pass
    os.close(file)
    return None
