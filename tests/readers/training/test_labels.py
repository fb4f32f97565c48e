"""Labels as rows to train on, and those that ship without their texts."""

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest

from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Misconfigured
from pipeline.readers.training.labels import WITHOUT_TEXT, apart, joined, parsed, rows

from .conftest import label, write


def test_rows_have_ids_and_strengths(tmp_path: Path) -> None:
    """A row keeps id, intensities and the acceptable primaries in order; without an id its text is its name."""
    path = write(tmp_path / "a.jsonl", [label(3, primary=["cared for", "none"]), label(3, id=None)])
    first, second = rows([path])
    assert (first.id, first.source, first.strengths) == ("shop:3", "shop", {Emotion.CARED_FOR: 2.0})
    assert first.label.primaries == (Emotion.CARED_FOR, None)
    assert second.id.startswith("text:")
    assert parsed(json.dumps(label(3, id=None)).encode()).id == second.id


def test_the_last_of_an_id_counts_and_foreign_rows_do_not(tmp_path: Path) -> None:
    """A later label of the same id replaces the earlier one; a text that is not English is left out."""
    later = [label(1, valence=0), label(2, understood=False)]
    found = rows([write(tmp_path / "a.jsonl", [label(1)]), write(tmp_path / "b.jsonl", later)])
    assert [(row.id, row.label.valence) for row in found] == [("shop:1", 0)]


@pytest.mark.parametrize(("line", "said"), [("{", "not JSON"), ('{"text": "x"}', "emotions"), ("[]", "object")])
def test_a_broken_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """What is wrong is told with file and line."""
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(label(1)) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=rf"bad\.jsonl:3: .*{said}"):
        rows([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is told by its name."""
    with pytest.raises(Misconfigured, match=r"none\.jsonl cannot be read"):
        rows([tmp_path / "none.jsonl"])


def test_rows_are_apart(tmp_path: Path) -> None:
    """Rows of a held source are in neither split; parts by id hold each row once."""
    given = [label(1, id="bank:1"), label(2, split="dev"), label(3)]
    found = rows([write(tmp_path / "a.jsonl", given)])
    train, dev, out = apart(found, frozenset({"bank"}))
    assert [[row.id for row in part] for part in (train, dev, out)] == [["shop:3"], ["shop:2"], ["bank:1"]]
    assert all(sum(row.among(10, part, part + 1) for part in range(10)) == 1 for row in found)


def test_labels_that_ship_hold_no_text() -> None:
    """Every shipped label is a good one, in the order of ids, names no text, and the file repeats byte for byte."""
    packed = (files("pipeline.readers.training") / WITHOUT_TEXT).read_bytes()
    assert packed[4:8] == bytes(4)  # no time of writing
    told = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert len(told) > 8_000
    assert [one["id"] for one in told] == sorted({one["id"] for one in told})
    said = {"id", "emotions", "primary", "valence"}
    assert all(said <= one.keys() <= said | {"effort", "success", "action"} for one in told)  # all that two readers say
    found = joined({one["id"]: "some text" for one in told})
    assert len(found) == len(told)
    assert all(row.label.split == "train" for row in found)
    assert joined({}) == []
