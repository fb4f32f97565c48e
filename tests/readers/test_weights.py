"""Files of weights, from anywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.domain.errors import Misconfigured
from pipeline.readers import open_reader
from pipeline.readers.training.export import exported
from pipeline.readers.training.student import started
from pipeline.readers.verdict import Scale
from pipeline.readers.weights import FAST, kept, version, write
from pipeline.readers.words import pieces

VOCABULARY = 30_522


@pytest.fixture(scope="module")
def weights() -> dict[str, NDArray[Any]]:
    """Answer weights of a small network over the vocabulary."""
    chance = np.random.default_rng(3)
    vectors = chance.standard_normal((VOCABULARY, 4)).astype(np.float32)
    return exported(started(vectors, chance, wide=8, hidden=6), Scale())


def test_what_is_written_is_read(tmp_path: Path, weights: dict[str, NDArray[Any]]) -> None:
    """A file gives back its weights, twice the same bytes, and the reader with them is named for its content."""
    write(tmp_path / "a" / FAST, weights)
    write(tmp_path / "b" / FAST, dict(reversed(weights.items())))
    assert (tmp_path / "a" / FAST).read_bytes() == (tmp_path / "b" / FAST).read_bytes()
    found = kept(tmp_path / "a", VOCABULARY)
    assert all((found[name] == array).all() for name, array in weights.items())
    reader = open_reader("fast", tmp_path / "a")
    assert reader.name == f"fast/1+{version(weights)}"
    reading = reader.read(["Nobody called back."])[0]  # type: ignore[index]
    assert reading.reader == reader.name
    assert pieces().rows == VOCABULARY


def test_the_version_is_that_of_the_content(weights: dict[str, NDArray[Any]]) -> None:
    """A value, a name or a kind of number that changes is another version; the order of the arrays is not."""
    assert version(weights) == version(dict(reversed(weights.items())))
    others = [
        weights | {"sure_from": np.array(0.31)},
        weights | {"sure_from": np.array(0.3, np.float32)},
        weights | {"more": np.array(0.3)},
    ]
    assert len({version(each) for each in (weights, *others)}) == 4


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"head": None}, "head missing"),
        ({"head": np.zeros((6, 3), np.float32)}, r"head is \(6, 3\), 73"),
        ({"first": np.zeros((4, 9), np.float32)}, "40 is expected"),
        ({"hidden": np.zeros((9, 6), np.float32)}, "34 is expected"),
        ({"pieces": np.zeros((9, 4), np.int8)}, "30522 is expected"),
        ({"head_bias": np.full(73, np.nan, np.float32)}, "not a number"),
        ({"sure_from": np.array(["a"])}, "must be an array of numbers"),
    ],
)
def test_wrong_weights_are_refused(
    tmp_path: Path, weights: dict[str, NDArray[Any]], changed: dict[str, Any], said: str
) -> None:
    """An array that is missing or of another size or kind is named, with what to do."""
    write(tmp_path / FAST, {name: array for name, array in (weights | changed).items() if array is not None})
    with pytest.raises(Misconfigured, match=f"{said}.*heartline train"):
        open_reader("fast", tmp_path)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 torn"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """What is no file of weights is told so, with what to do."""
    (tmp_path / FAST).write_bytes(content)
    with pytest.raises(Misconfigured, match=r"HEARTLINE_WEIGHTS: .*fast\.npz cannot be read.*heartline train"):
        kept(tmp_path, VOCABULARY)


def test_bytes_that_changed_are_refused(tmp_path: Path, weights: dict[str, NDArray[Any]]) -> None:
    """A file that was cut or whose bytes changed on the way is not taken for a good one."""
    write(tmp_path / FAST, weights)
    content = bytearray((tmp_path / FAST).read_bytes())
    (tmp_path / FAST).write_bytes(content[: len(content) // 2])
    with pytest.raises(Misconfigured, match="cannot be read"):
        kept(tmp_path, VOCABULARY)
    content[len(content) // 2] ^= 0xFF
    (tmp_path / FAST).write_bytes(content)
    with pytest.raises(Misconfigured, match="cannot be read"):
        kept(tmp_path, VOCABULARY)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without weights is named."""
    with pytest.raises(Misconfigured, match=r"holds no fast\.npz"):
        kept(tmp_path, VOCABULARY)
