"""Fitting the heads on labels."""

import json
from pathlib import Path

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.readers import heads
from pipeline.readers.features import features
from pipeline.readers.fit import fit, labelled
from pipeline.readers.hits import WORDS, look, lowered
from pipeline.readers.table import table

ROWS = [
    ("a", "terrible and useless", "dissatisfied", -2, "unmet"),
    ("b", "awful, bad, poor", "dissatisfied", -2, "unmet"),
    ("c", "i love it, amazing", "happy", 2, "met"),
    ("d", "wonderful and perfect", "happy", 2, "met"),
    ("e", "the 7 pm meeting", "none", 0, None),
]


def written(folder: Path) -> str:
    """Write labels to a file and answer its path."""
    path = folder / "labels.jsonl"
    rows = [
        {"id": name, "split": "train", "text": text, "primary": primary, "valence": valence}
        | {"success": success, "effort": None, "action": "none", "emotions": {}}
        for name, text, primary, valence, success in ROWS
    ]
    unused = rows[0] | {"split": "dev", "primary": "happy", "valence": 2}
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, unused]), encoding="utf-8")
    return str(path)


def test_fit_learns_and_repeats(tmp_path: Path) -> None:
    """Heads fitted on plain labels answer them, and the same labels in another order give the same heads."""
    rows = list(labelled([written(tmp_path)]))
    assert [name for name, _ in rows] == [row[0] for row in ROWS]
    fitted = fit(rows)
    again = fit(rows[::-1])
    assert (fitted.start, fitted.rows) == (again.start, again.rows)
    text = "useless and awful"
    entries = [table()[word] for word in WORDS.findall(lowered(text))]
    outputs = fitted.outputs(features(text, entries, look(entries, table().turned)))
    assert heads.probability(outputs[heads.NEGATIVE]) > 0.5
    assert outputs[heads.VALENCE] < 0
    primary = outputs[heads.PRIMARY]
    assert EMOTIONS[primary.index(max(primary))] is Emotion.DISSATISFIED
