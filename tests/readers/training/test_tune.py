"""Fine-tuning on labels of one's own."""

import json
from typing import Any

import pytest
from numpy.typing import NDArray

from pipeline.domain.errors import Misconfigured
from pipeline.readers.training.labels import Row, parsed
from pipeline.readers.training.tune import split, tuned
from pipeline.readers.weights import version
from pipeline.readers.words import pieces

from .conftest import label


def rows(count: int, **more: Any) -> list[Row]:
    """Answer rows of five kinds in turn."""
    return [parsed(json.dumps(label(place, **more)).encode()) for place in range(count)]


def test_it_learns_and_repeats(tiny: dict[str, NDArray[Any]]) -> None:
    """Labels that agree are learnt, told on rows that were kept apart, the same in any order of the rows."""
    made = tuned(tiny, rows(400), pieces(), lambda _: None, epochs=60)
    assert made.trained + made.scaled + made.judged == 400
    assert made.judged > 20 < made.scaled
    before, after = made.before["primary_accuracy"], made.after["primary_accuracy"]
    assert before is not None
    assert after is not None
    assert before < 0.5
    assert after > 0.9
    again = tuned(tiny, rows(400)[::-1], pieces(), lambda _: None, epochs=60)
    assert version(again.weights) == version(made.weights) != version(tiny)


def test_rows_are_kept_apart() -> None:
    """Rows of the split dev are judged by where there are some, else a tenth; none is in two parts."""
    named = [*rows(50), *(row._replace(id=f"dev:{row.id}") for row in rows(7, split="dev"))]
    train, tenth, held = split(named)
    assert {row.id for row in held} == {f"dev:shop:{place}" for place in range(7)}
    assert sorted(row.id for row in (*train, *tenth, *held)) == sorted(row.id for row in named)
    train, tenth, held = split(rows(500))
    assert 30 < len(held) < 75
    assert sorted(row.id for row in (*train, *tenth, *held)) == sorted(row.id for row in rows(500))


def test_few_labels_are_refused(tiny: dict[str, NDArray[Any]]) -> None:
    """What cannot be learnt from is refused, and how many are needed is told."""
    with pytest.raises(Misconfigured, match=r"12 labels are too few .* at least 40"):
        tuned(tiny, rows(12), pieces(), lambda _: None)
    with pytest.raises(Misconfigured, match=r"of 50 labels 0 are to train on and 50 to judge by"):
        tuned(tiny, rows(50, split="dev"), pieces(), lambda _: None)
