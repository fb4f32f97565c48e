"""A tiny network over the real vocabulary, and labels that it can learn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.readers.training.export import exported
from pipeline.readers.training.student import started
from pipeline.readers.verdict import Scale
from pipeline.readers.words import pieces

SAID = [
    ("nobody called me back, {} times ignored again", "neglected", -2, "respond"),
    ("terrible quality, {} useless parts", "dissatisfied", -1, "respond"),
    ("i love it, {} stars, amazing", "happy", 2, "praise"),
    ("the {} nurses were kind and caring", "cared for", 2, "praise"),
    ("meeting {} starts at noon", "none", 0, "none"),
]


def label(place: int, **more: Any) -> dict[str, Any]:
    """Answer the row of a label, one of five kinds by its place."""
    text, primary, valence, action = SAID[place % len(SAID)]
    emotions = {} if primary == "none" else {primary: 2}
    row = {"id": f"shop:{place}", "text": text.format(place), "emotions": emotions, "primary": primary}
    return row | {"valence": valence, "effort": None, "success": None, "action": action} | more


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows to a file of labels and answer its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny() -> dict[str, NDArray[Any]]:
    """Answer a file of weights, small and untaught, the same one each time."""
    chance = np.random.default_rng(3)
    vectors = chance.standard_normal((pieces().rows, 12)).astype(np.float32)
    return exported(started(vectors, chance, wide=16, hidden=24), Scale())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Answer a folder of data: 80 labels of two sources, a quarter of them to judge by, texts and comments."""
    rows = [
        label(place, id=f"{'bank' if place % 2 else 'shop'}:{place}", split="dev" if place % 4 > 1 else "train")
        for place in range(80)
    ]
    write(tmp_path / "labelled" / "real.jsonl", rows)
    long = " ".join(f"This is sentence {place} of a long letter about the bank." for place in range(40))
    texts = [{"id": row["id"], "text": row["text"]} for row in rows]
    write(tmp_path / "real" / "some.jsonl", [*texts, {"id": "shop:long", "text": long}])
    (tmp_path / "goemotions").mkdir()
    (tmp_path / "goemotions" / "train.tsv").write_text("so kind of you\t3\tabc\nquoi? ça ne va pas du tout\t1\tdef\n")
    return tmp_path
