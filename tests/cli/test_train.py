"""Training on one's own labels from the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from pipeline.cli import show
from pipeline.cli.app import create_app
from pipeline.cli.frame import Place
from pipeline.cli.train import train
from pipeline.readers import fast
from pipeline.readers.training.export import exported
from pipeline.readers.training.student import started
from pipeline.readers.verdict import Scale
from pipeline.readers.words import pieces

SAID = (("awful, {} useless parts", "dissatisfied", -2), ("i love it, {} stars", "happy", 2))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shipped weights be small ones, so that training takes no time."""
    chance = np.random.default_rng(3)
    vectors = chance.standard_normal((pieces().rows, 8)).astype(np.float32)
    weights = exported(started(vectors, chance, wide=8, hidden=12), Scale())

    def shipped(_: str) -> dict[str, NDArray[Any]]:
        return weights

    monkeypatch.setattr(fast, "shipped", shipped)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Answer a file of 120 labels."""
    rows = [
        {
            "id": f"a{place}",
            "text": text.format(place),
            "emotions": {primary: 2},
            "primary": primary,
            "valence": valence,
        }
        for place, (text, primary, valence) in ((place, SAID[place % 2]) for place in range(120))
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*words: str, **env: str) -> Result:
    """Run a command."""
    return CliRunner(env=env).invoke(create_app(), list(words))


def test_weights_are_written_and_used(labels: Path, tmp_path: Path) -> None:
    """Training says how right the reader was and is and writes weights, which HEARTLINE_WEIGHTS makes it read with."""
    out = tmp_path / "mine"
    done = run("train", str(labels), "--out", str(out), "--epochs", "100")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["weights"], told["trained"] + told["scaled"] + told["judged"]) == (str(out / "fast.npz"), 120)
    assert told["after"]["valence_r"] > 0.9
    read = run("classify", "awful, 7 useless parts", "--reader", "fast", HEARTLINE_WEIGHTS=str(out))
    reading = json.loads(read.stdout)
    assert reading["reader"] == told["reader"]
    assert reading["valence"] < 0


def test_training_at_a_terminal(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Figures before and after stand side by side, and how to use the weights is told."""
    monkeypatch.setattr(Place, "json", property(lambda _: False))
    monkeypatch.setenv("COLUMNS", "140")
    show.console.cache_clear()
    show.errors.cache_clear()
    assert train(Place(), [labels], out=tmp_path / "mine", epochs=2) == 0
    show.console.cache_clear()
    show.errors.cache_clear()
    said = capsys.readouterr()
    assert "primary emotion, accuracy" in said.out
    assert "before" in said.out.splitlines()[0]
    assert "HEARTLINE_WEIGHTS=" in said.out
    assert "120 labels" in said.err


def test_broken_labels_are_told(labels: Path, tmp_path: Path) -> None:
    """A broken line ends the command with its file and line, and nothing is written."""
    with labels.open("a", encoding="utf-8") as file:
        file.write('{"text": 7}\n')
    done = run("train", str(labels), "--out", str(tmp_path / "mine"))
    assert done.exit_code == 2
    assert "labels.jsonl:121: " in done.stderr
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_cannot_be_written_is_told(labels: Path, tmp_path: Path) -> None:
    """Weights that have no place to go are told by the option."""
    (tmp_path / "file").write_text("")
    done = run("train", str(labels), "--out", str(tmp_path / "file"), "--epochs", "1")
    assert done.exit_code == 2
    assert "--out: " in done.stderr
