"""Readings keep within their bounds."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.reading import Felt, Reading


@pytest.mark.parametrize(
    "wrong",
    [
        {"valence": 1.01},
        {"valence": float("nan")},
        {"negative": -0.1},
        {"primary": "sleepy"},
        {"success": "maybe"},
        {"emotions": {emotion: {"confidence": 0.5, "intensity": 1} for emotion in EMOTIONS[:4]}},
        {"emotions": {"happy": {"confidence": 2, "intensity": 1}}},
        {"emotions": {"happy": {"confidence": 0.5, "intensity": 4}}},
        {"spans": [{"start": -1, "end": 2, "emotion": "happy"}]},
    ],
)
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, Any]) -> None:
    """A reading holds at most three of the twenty, and every number is within its scale."""
    with pytest.raises(ValidationError):
        Reading.model_validate(wrong)


def test_nothing_felt_is_not_nothing_understood() -> None:
    """A reading without emotion says so, and does not say that the text was not understood."""
    empty = Reading()
    assert (empty.primary, empty.understood, empty.success, empty.effort) == (None, True, None, None)
    assert Felt(confidence=1, intensity=3).intensity == 3
