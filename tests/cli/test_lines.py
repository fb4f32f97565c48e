"""Lines: numbers, ends, byte order marks, and lines that are too long."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import lines
from pipeline.domain.errors import Misconfigured


async def read(path: Path) -> list[lines.Line]:
    """Answer all lines of a file."""
    return [line async for several in lines.chunks(str(path)) for line in several]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\r\n\r\nb", [(1, b"a"), (2, b""), (3, b"b")]),
        (b"\xef\xbb\xbfa\n", [(1, b"a")]),
    ],
)
async def test_lines(content: bytes, told: list[lines.Line], tmp_path: Path) -> None:
    """Lines come with their number, without their ends and without a byte order mark."""
    file = tmp_path / "file"
    file.write_bytes(content)
    assert await read(file) == told


async def test_small_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the file falls into pieces, the lines are the same."""
    monkeypatch.setattr(lines, "CHUNK_BYTES", 3)
    file = tmp_path / "file"
    file.write_bytes(b"one\ntwo and more\n\nthree")
    assert await read(file) == [(1, b"one"), (2, b"two and more"), (3, b""), (4, b"three")]


async def test_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line beyond the limit is cut, so that it can be refused, and the lines after it are whole."""
    monkeypatch.setattr(lines, "CHUNK_BYTES", 8)
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 20)
    file = tmp_path / "file"
    file.write_bytes(b"a\n" + b"x" * 500 + b"\nb\n")
    assert await read(file) == [(1, b"a"), (2, b"x" * 20), (3, b"b")]


async def test_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a standard input a sentence says so."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Misconfigured, match="standard input is closed"):
        await anext(lines.chunks("-"))


def test_a_device_has_an_end() -> None:
    """Standard input from /dev/null, as timers give it, is read to its end, which comes at once."""
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline", "classify", "-"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, b"")


async def test_missing(tmp_path: Path) -> None:
    """A file that is not there is told by its name."""
    with pytest.raises(Misconfigured, match="nowhere"):
        await read(tmp_path / "nowhere")
