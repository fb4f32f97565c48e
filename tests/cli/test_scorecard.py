"""How an evaluation looks at a terminal."""

import json

import pytest

from pipeline.cli import show
from pipeline.cli.evaluate import Trial
from pipeline.cli.scorecard import show_scores
from pipeline.readers import open_reader
from pipeline.readers.floors import held_against
from pipeline.readers.labels import parse_label

ROWS = [
    {"text": "I was ignored, nobody called back", "primary": "neglected", "valence": -2, "source": "calls"},
    {"text": "I love it", "primary": "irritated", "valence": -1, "source": "\x1b[31mapp"},
    {"text": "cared for by kind nurses", "primary": "cared for", "valence": 2, "source": "ward"},
]


async def test_scores_at_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures stand beside the baseline and the floor, then emotions, confusions and the worst groups; all harmless."""
    monkeypatch.setenv("COLUMNS", "140")
    show.console.cache_clear()
    trial = Trial(open_reader("fast"), "all", "source", open_reader("vader"))
    labels = [{**row, "emotions": {row["primary"]: 2}} for row in ROWS]
    await trial.read([parse_label(json.dumps(label).encode()) for label in labels])
    floors = held_against({"negative_f1": 0.99, "cluster_accuracy": 0.1}, trial.total.figures())
    told = trial.told() | {"files": ["some/labels.jsonl"]}
    show_scores(told | {"floors": [each._asdict() | {"held": each.held} for each in floors]})
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    show.console.cache_clear()
    assert "\x1b[31mapp" not in "\n".join(lines)
    assert lines[0].startswith("fast/1   3 rows of labels.jsonl (all): 2 negative")
    found = {line.split("  ")[0]: line for line in lines}
    assert "0.667" in found["negative, F1"]
    assert found["negative, F1"].endswith("≥ 0.990 ✗")
    assert found["cluster of the primary, accuracy"].endswith("≥ 0.100 ✓")
    assert "cared for" in found
    assert any("irritated" in line and "happy" in line for line in lines)
    groups = [line.split()[0] for line in lines[lines.index("By source, the worst first") + 2 :] if line]
    assert groups == ["␛[31mapp", "calls", "ward"]
