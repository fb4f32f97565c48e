"""Evaluating: figures as JSON and at a terminal, floors that fail, and lines that are broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import evaluate as module
from pipeline.cli.app import create_app
from pipeline.cli.evaluate import BATCH_TEXTS, COMPLAINTS_MAX, OTHERS
from pipeline.readers.evaluation import FIGURES

ANGRY = {"text": "Nobody ever called back, I was ignored.", "emotions": {"neglected": 3}, "primary": "neglected"}
GLAD = {"text": "I love it, absolutely amazing", "emotions": {"happy": 3}, "primary": ["happy", "pleased"]}
ROWS: list[dict[str, Any]] = [
    {**ANGRY, "valence": -2, "source": "calls", "split": "dev", "effort": "high"},
    {**GLAD, "valence": 2, "source": "app"},
    {**GLAD, "text": "The bus is green", "valence": 2, "source": "app", "split": "train"},
]


def evaluate(*words: str, lines: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(create_app(), ["evaluate", *words], input=lines)


@pytest.fixture
def labels(tmp_path: Path) -> str:
    """Answer the path of a file with the rows."""
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(path)


@pytest.fixture
def free(tmp_path: Path) -> str:
    """Answer the path of an empty file of floors."""
    path = tmp_path / "free.toml"
    path.touch()
    return str(path)


def test_json(labels: str, free: str) -> None:
    """Piped, one JSON object holds the figures, each emotion, the confusion, the speed, the groups and VADER's."""
    result = evaluate(labels, "--floor", free)
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (told["reader"], told["rows"], told["negative_rows"]) == ("fast/1", 2, 1)
    assert told["figures"].keys() == FIGURES.keys()
    assert (told["figures"]["primary_accuracy"], told["figures"]["negative_f1"]) == (1, 1)
    assert told["emotions"]["neglected"]["support"] == 1
    assert told["confusion"] == {"happy": {"happy": 1}, "neglected": {"neglected": 1}}
    assert told["speed"]["cpu_us_a_text"] > 0
    assert {name: each["rows"] for name, each in told["groups"].items()} == {"app": 1, "calls": 1}
    assert told["baseline"]["reader"] == "vader/3.3.2"
    assert told["baseline"]["rows"] == 2
    assert told["floors"] == []


@pytest.mark.parametrize(("split", "rows"), [("dev", 2), ("train", 2), ("all", 3)])
def test_split(labels: str, free: str, split: str, rows: int) -> None:
    """Rows of the asked split are taken, and those that name none; ``all`` takes every row."""
    assert json.loads(evaluate(labels, "--split", split, "--floor", free).stdout)["rows"] == rows


def test_several_files_and_a_pipe(labels: str, free: str) -> None:
    """The rows of several files count together, one of them from standard input, grouped by any field."""
    result = evaluate(labels, "-", "--floor", free, "--no-baseline", "--by", "split", lines=json.dumps(ROWS[0]))
    told = json.loads(result.stdout)
    assert told["rows"] == 3
    assert {name: each["rows"] for name, each in told["groups"].items()} == {"dev": 2, "(none)": 1}
    assert "baseline" not in told


def test_under_a_floor(labels: str, tmp_path: Path) -> None:
    """A figure under its floor is exit code 1, said with what was reached; what the rows do not say is only noted."""
    floors = tmp_path / "floors.toml"
    floors.write_text("[fast]\nnegative_f1 = 0.5\nprimary_accuracy = 1.01\naction_accuracy = 0.5\n", encoding="utf-8")
    result = evaluate(labels, "--floor", str(floors))
    assert result.exit_code == 1
    assert "primary_accuracy: reached 1.0000, the floor is at least 1.01 (reader fast/1" in result.stderr
    assert "negative_f1" not in result.stderr
    assert "action_accuracy: reached not measured" in result.stderr
    assert [each["held"] for each in json.loads(result.stdout)["floors"]] == [True, False, None]


def test_shipped_floors_are_held_by_default(tmp_path: Path) -> None:
    """Without --floor those of the repository hold: a reader that finds nothing is under them."""
    path = tmp_path / "hard.jsonl"
    rows = [{**ANGRY, "text": "green", "valence": -2}, {**GLAD, "text": "blue", "valence": 1}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = evaluate(str(path))
    assert result.exit_code == 1
    assert "negative_f1: reached 0.0000, the floor is at least 0.8" in result.stderr
    assert "macro_f1: reached 0.0000, the floor is at least 0." in result.stderr


def test_broken_lines(tmp_path: Path, free: str) -> None:
    """A broken line is told with file, number and what is wrong; the others count, and the exit code is 1."""
    path = tmp_path / "labels.jsonl"
    path.write_text(
        "\n".join([json.dumps(ROWS[0]), "", "no", json.dumps({**GLAD, "valence": 9}), ""]), encoding="utf-8"
    )
    result = evaluate(str(path), "--floor", free)
    assert result.exit_code == 1
    assert f"{path}:3: not JSON" in result.stderr
    assert f"{path}:4: valence must be a number from -2 to 2, not 9" in result.stderr
    told = json.loads(result.stdout)
    assert (told["rows"], told["broken"]) == (1, 2)


def test_many_broken_lines(tmp_path: Path, free: str) -> None:
    """However many lines are broken, the complaints stay few and the count right."""
    path = tmp_path / "labels.jsonl"
    path.write_text("no\n" * 500 + json.dumps(ROWS[0]), encoding="utf-8")
    result = evaluate(str(path), "--floor", free)
    assert result.stderr.count("not JSON") == COMPLAINTS_MAX
    assert "500 broken lines" in result.stderr


def test_hostile_lines(tmp_path: Path, free: str) -> None:
    """Escapes in a group, a text or a broken line reach neither stdout nor stderr as such."""
    path = tmp_path / "labels.jsonl"
    rows = [{**ROWS[0], "source": "\x1b[31mred", "text": "\x1b[2J bad"}, {**ROWS[1], "primary": "\x1b[31m"}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = evaluate(str(path), "--floor", free)
    assert "\x1b[31m" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.jsonl",), "no such file"),
        (("LABELS", "--reader", "oracle"), "known are cascade, deep, fast"),
        (("LABELS", "--floor", "none.toml"), "cannot be read"),
        (("LABELS", "--split", "test"), "'test' is not one of"),
        (("EMPTY",), "no row of"),
    ],
)
def test_wrong_usage(labels: str, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """What cannot be done is exit code 2, with the reason."""
    (tmp_path / "empty.jsonl").touch()
    paths = {"LABELS": labels, "EMPTY": str(tmp_path / "empty.jsonl")}
    result = evaluate(*(paths.get(word, word) for word in words))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_many_groups(tmp_path: Path, free: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups beyond the limit are counted together, so that memory does not grow with the rows."""
    monkeypatch.setattr(module, "GROUPS_MAX", 5)
    path = tmp_path / "labels.jsonl"
    count = 2 * BATCH_TEXTS
    path.write_text("\n".join(json.dumps(ROWS[1] | {"source": n}) for n in range(count)), encoding="utf-8")
    groups = json.loads(evaluate(str(path), "--floor", free).stdout)["groups"]
    assert len(groups) == 6
    assert groups[OTHERS]["rows"] == count - 5


def test_no_baseline_of_itself(labels: str) -> None:
    """VADER is not held against itself, and names no emotion."""
    told = json.loads(evaluate(labels, "--reader", "vader").stdout)
    assert "baseline" not in told
    assert (told["figures"]["negative_f1"], told["figures"]["micro_f1"]) == (1, 0)
