"""The seats of the workers of a machine."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.seat import SEATS_MAX, taken

ROLE = ("127.0.0.1:9092", "heartline")
HOLDER = """
import sys, time
from pathlib import Path
from agents.seat import taken
with taken(Path(sys.argv[1]), ("127.0.0.1:9092", "heartline")) as seat:
    print(seat.name, flush=True)
    time.sleep(60)
"""


def names(folder: Path, *role: str) -> str | None:
    """Answer the name of the seat that is free."""
    with taken(folder, role or ROLE) as seat:
        return seat.name if seat else None


def test_each_worker_has_a_seat_of_its_own(tmp_path: Path) -> None:
    """The first free one is taken, and free again at the end; who reads other topics has others."""
    with taken(tmp_path, ROLE) as one, taken(tmp_path, ROLE) as two:
        assert one
        assert two
        assert len({one.name, two.name, names(tmp_path), names(tmp_path, *ROLE, "alerts")}) == 4
    assert names(tmp_path) == one.name


def test_who_takes_the_seat_of_a_killed_worker_has_its_name(tmp_path: Path) -> None:
    """A seat is free as soon as its process is dead, however it died."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        name = holder.stdout.readline().strip()
        assert names(tmp_path) != name
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert names(tmp_path) == name
    assert [path.name for path in tmp_path.iterdir()] == ["name"], "who ends in order leaves nothing else"


def test_machines_are_told_apart(tmp_path: Path) -> None:
    """Two machines (or containers) never give the same name, and one gives the same again."""
    found = [names(tmp_path / folder) for folder in ("one", "two", "one")]
    assert found[0] == found[2] != found[1]
    assert all(name and len(name) < 249 and name.replace("-", "").isalnum() for name in found)  # what Kafka takes


def test_a_seat_that_is_swept_away_is_not_given_twice(tmp_path: Path) -> None:
    """Of a lock file that somebody removed while it was being taken nobody has the seat."""
    with taken(tmp_path, ROLE) as seat:
        assert seat
        file = tmp_path / f"{seat.name}.lock"
        file.touch()
        before = file.stat().st_mtime_ns
        seat.touch()
        assert file.stat().st_mtime_ns > before, "what is in use is never old"


@pytest.mark.parametrize("content", ["", "not hex", "ab" * 9, "\xff"])
def test_a_damaged_name_gives_no_seat(tmp_path: Path, content: str) -> None:
    """What cannot tell this machine from others is not used."""
    (tmp_path / "name").write_text(content, encoding="latin-1")
    assert names(tmp_path) is None


def test_a_folder_that_others_write_to_gives_no_seat(tmp_path: Path) -> None:
    """Nobody else may choose the name, or lay a link to a file that would be overwritten."""
    (tmp_path / "file").touch()
    assert names(tmp_path / "file") is None
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert names(tmp_path / "open") is None
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    assert names(tmp_path / "linked") is None
    name = names(tmp_path / "own")
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (tmp_path / "own" / f"{name}.lock").symlink_to(victim)
    assert names(tmp_path / "own") is None
    assert victim.read_text(encoding="utf-8") == "precious"


def test_seats_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When all are taken the next worker goes without."""
    assert SEATS_MAX > 64  # more than there are partitions
    monkeypatch.setattr("agents.seat.SEATS_MAX", 2)
    with taken(tmp_path, ROLE), taken(tmp_path, ROLE):
        assert names(tmp_path) is None
    assert names(tmp_path)
