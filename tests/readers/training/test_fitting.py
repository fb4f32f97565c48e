"""Losses and their slopes, the order of rows, the pace, and Adam."""

import numpy as np
import pytest

from pipeline.readers.training.fitting import Adam, batches, by_length, loss, pace, padded
from pipeline.readers.training.targets import answers
from pipeline.readers.verdict import EFFORT, FELT, OUTPUTS, STRENGTH

CHANCE = np.random.default_rng(5)


def test_slopes_are_those_of_the_loss() -> None:
    """The slope in each output is the difference that a small step makes, for labels in full, in part and missing."""
    outputs = CHANCE.normal(0, 2, (4, OUTPUTS))
    wanted = answers(CHANCE.normal(0, 2, (4, OUTPUTS))).astype(np.float64)
    wanted[:, STRENGTH] = 2
    wanted[1, FELT] = 0
    wanted[2, EFFORT] = 0
    _, slopes = loss(outputs, wanted)
    for column in range(OUTPUTS):
        step = np.zeros(OUTPUTS)
        step[column] = 1e-5
        moved = (loss(outputs + step, wanted)[0] - loss(outputs - step, wanted)[0]) / 2e-5
        np.testing.assert_allclose(slopes[:, column], moved, rtol=1e-3, atol=1e-4)


def test_every_row_is_met_once() -> None:
    """Batches hold each row once, of texts about as long, and chance decides their order, repeatably."""
    lengths = CHANCE.integers(1, 90, 1_000).tolist()
    found = batches(lengths, 16, np.random.default_rng(1))
    assert sorted(np.concatenate(found).tolist()) == list(range(1_000))
    assert np.mean([np.ptp([lengths[place] for place in batch]) for batch in found]) < 6
    again = batches(lengths, 16, np.random.default_rng(1))
    assert all((one == other).all() for one, other in zip(found, again, strict=True))
    ordered = np.concatenate(list(by_length(lengths, 64)))
    assert [lengths[place] for place in ordered] == sorted(lengths)


def test_texts_are_filled_up() -> None:
    """Ids stand at the left, what fills up at the right, and the mask tells them apart."""
    ids, there = padded([[7, 8, 9], [5]], 1)
    assert ids.tolist() == [[7, 8, 9], [5, 1, 1]]
    assert there.tolist() == [[True] * 3, [True, False, False]]


def test_the_pace_rises_and_falls() -> None:
    """The rate is full after the warm-up and nothing in the end."""
    paces = [pace(step, 100, 10) for step in range(101)]
    assert paces.index(max(paces)) in {9, 10}
    assert max(paces) == pytest.approx(1)
    assert paces[100] == pytest.approx(0, abs=1e-9)
    assert pace(0, 10, 0) == 1


def test_adam_moves_what_was_met() -> None:
    """Adam walks down a slope; of a sparse weight the rows that were not met stay as they are."""
    weights = {"a": np.full(3, 5.0, np.float32), "pieces": np.ones((4, 2), np.float32)}
    adam = Adam(weights, {"": 0.1, "pieces": 0.05})
    for _ in range(200):
        adam.move({"a": 2 * weights["a"], "pieces": 2 * weights["pieces"][[1, 3]]}, {"pieces": np.array([1, 3])}, 1.0)
    assert np.abs(weights["a"]).max() < 0.1
    assert (weights["pieces"][[0, 2]] == 1).all()
    assert np.abs(weights["pieces"][[1, 3]]).max() < 0.1
