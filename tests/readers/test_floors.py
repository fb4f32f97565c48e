"""The floors that ship, and those that somebody else writes."""

import tomllib
from pathlib import Path

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.readers import READERS
from pipeline.readers.floors import SHIPPED, held_against, load_floors


def test_shipped_floors() -> None:
    """The floors that ship are right, are of readers that exist, and the fast reader has some."""
    assert load_floors("fast")["negative_f1"] > 0.7
    assert load_floors("oracle") == {}
    assert tomllib.loads(SHIPPED.read_text(encoding="utf-8")).keys() <= READERS.keys()


def test_held() -> None:
    """Most figures must reach their floor, errors and shares of doubt must not exceed it; some rows do not say."""
    figures = {"negative_f1": 0.9, "valence_r": 0.7, "negative_ece": 0.05, "primary_ece": 0.01, "micro_f1": None}
    floors = {"negative_f1": 0.9, "valence_r": 0.8, "negative_ece": 0.04, "primary_ece": 0.02, "micro_f1": 0.5}
    told = held_against(floors, figures)
    assert [each.held for each in told] == [True, False, False, True, None]
    assert str(told[1]) == "valence_r: reached 0.7000, the floor is at least 0.8"
    assert "at most 0.04" in str(told[2])
    assert "not measured" in str(told[4])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fast = 3", "fast must be a table"),
        ("[fast]\nluck = 1", r"\[fast\] luck is no figure; there are negative_f1"),
        ("[other]\nmicro_f1 = true", r"\[other\] micro_f1 must be a number"),
        ("[fastt]\nmicro_f1 = 0.9", r"\[fastt\] is no reader; there are .*fast"),
        ("[", "not TOML"),
        ("\udcff", "not TOML"),
    ],
)
def test_wrong_floors(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong with a file of floors is said with the file, whichever reader is asked for."""
    path = tmp_path / "floors.toml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(Misconfigured, match=f"floors.toml: {said}"):
        load_floors("fast", path)


def test_no_floors(tmp_path: Path) -> None:
    """A file that is not there is an error; an empty one has no floors."""
    with pytest.raises(Misconfigured, match="cannot be read"):
        load_floors("fast", tmp_path / "none.toml")
    (tmp_path / "empty.toml").touch()
    assert load_floors("fast", tmp_path / "empty.toml") == {}
