"""The places of the workers of a machine."""

import signal
import subprocess
import sys
from pathlib import Path

from agents.place import held

ROLE = ("127.0.0.1:9092", "heartline")
HOLDER = """
import sys, time
from pathlib import Path
from agents.place import held
with held(Path(sys.argv[1]), ("127.0.0.1:9092", "heartline")) as place:
    place.note("member of the killed one")
    print(place.name, flush=True)
    time.sleep(60)
"""


def test_each_worker_has_a_place_of_its_own(tmp_path: Path) -> None:
    """The first free one is taken, and free again at the end; other groups and agents have others."""
    with held(tmp_path, ROLE) as one, held(tmp_path, ROLE) as two, held(tmp_path, (*ROLE, "alerts")) as other:
        assert one
        assert two
        assert other
        assert len({one.name, two.name, other.name}) == 3
    with held(tmp_path, ROLE) as again:
        assert again
        assert again.name == one.name


def test_who_takes_the_place_of_a_killed_worker_is_known_by_its_name(tmp_path: Path) -> None:
    """A place is free as soon as its process is dead, however it died, and tells by which id the group knew it."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        name = holder.stdout.readline().strip()
        with held(tmp_path, ROLE) as beside:
            assert beside
            assert beside.name != name
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with held(tmp_path, ROLE) as place:
        assert place
        assert (place.name, place.killed) == (name, "member of the killed one")
        place.note("another")
        place.note("")  # it ends in order
    with held(tmp_path, ROLE) as place:
        assert place
        assert place.killed is None


def test_machines_are_told_apart(tmp_path: Path) -> None:
    """Two machines (or containers) never give the same name, and one gives the same again."""
    names = []
    for folder in ("one", "two", "one"):
        with held(tmp_path / folder, ROLE) as place:
            assert place
            names.append(place.name)
    assert names[0] == names[2] != names[1]
    assert all(len(name) < 249 and name.replace("-", "").isalnum() for name in names)  # what Kafka takes


def test_without_a_folder_there_is_no_place(tmp_path: Path) -> None:
    """Where nothing can be written a worker goes without."""
    (tmp_path / "file").touch()
    with held(tmp_path / "file", ROLE) as place:
        assert place is None
