"""What brings outputs to probabilities, fitted where the truth is known."""

import numpy as np
import pytest

from pipeline.readers.training.scale import REVIEW_SHARE, fitted, named_from, platt, sure_from, temperature
from pipeline.readers.verdict import FELT, NEGATIVE, NONE, OUTPUTS, PRIMARY, VALENCE, Scale, odds, primaries, verdicts

ROWS = 4_000


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Answer outputs that are too sure by half and shifted, and what is true."""
    chance = np.random.default_rng(9)
    true = np.zeros((ROWS, OUTPUTS), np.float32)
    outputs = np.zeros((ROWS, OUTPUTS), np.float32)
    logits = chance.normal(0, 2, ROWS)
    hurt = chance.random(ROWS) < odds(logits)
    true[:, NEGATIVE], true[:, VALENCE] = hurt, np.where(hurt, -1, 1)
    outputs[:, NEGATIVE] = 2 * (logits + 1)
    likely = primaries(chance.normal(0, 2, (ROWS, NONE + 1)), hurt.astype(float))
    outputs[:, PRIMARY] = 3 * np.log(likely + 1e-6)
    chosen = [chance.choice(NONE + 1, p=row / row.sum()) for row in likely.astype(np.float64)]
    true[np.arange(ROWS), PRIMARY.start + np.array(chosen)] = 1
    felt = chance.normal(-2, 2, (ROWS, NONE))
    outputs[:, FELT] = felt
    true[:, FELT] = chance.random(felt.shape) < odds(felt)
    return outputs, true


OUTPUT, TRUE = drawn()


def test_platt_finds_slope_and_shift() -> None:
    """The slope and the shift that outputs were bent by are undone."""
    slope, shift = platt(OUTPUT[:, NEGATIVE], TRUE[:, NEGATIVE])
    assert slope == pytest.approx(0.5, abs=0.04)
    assert shift == pytest.approx(-1, abs=0.1)
    assert platt(OUTPUT[:9, NEGATIVE], np.ones(9)) == (1.0, 0.0)


def test_temperature_is_found() -> None:
    """Logarithms that were stretched are brought back."""
    known = Scale(negative=(50.0, 0.0))
    outputs = OUTPUT.copy()
    outputs[:, NEGATIVE] = TRUE[:, NEGATIVE] - 0.5
    assert temperature(outputs, TRUE, known) == pytest.approx(3, rel=0.15)


def test_thresholds_raise_the_score() -> None:
    """Named from the fitted probabilities, more emotions are right than from others."""

    def score(scale: Scale) -> float:
        named = np.zeros((ROWS, NONE), bool)
        for row, verdict in zip(named, verdicts(OUTPUT, scale), strict=True):
            row[verdict.named] = True
        return float(2 * (named & (TRUE[:, FELT] > 0)).sum() / (named.sum() + TRUE[:, FELT].sum()))

    found = Scale(named_from=named_from(OUTPUT, TRUE, Scale()))
    assert all(score(found) >= score(Scale(named_from=(one,) * NONE)) for one in (0.2, 0.3, 0.45, 0.6, 0.7))


def test_a_tenth_is_left_for_people() -> None:
    """About a tenth of the texts is not sure."""
    outputs = OUTPUT.copy()
    outputs[:, NEGATIVE] = TRUE[:, NEGATIVE] - 0.5
    scale = Scale(negative=(50.0, 0.0), primary=3.0)
    scale = scale._replace(sure_from=sure_from(outputs, scale))
    unsure = [not verdict.sure for verdict in verdicts(outputs, scale)]
    assert np.mean(unsure) == pytest.approx(REVIEW_SHARE, abs=0.02)


def test_few_rows_are_drawn_to_what_was_known() -> None:
    """Fitted to few rows the scale stays near the one before, to none it is that one."""
    before = Scale(negative=(2.0, 0.5), primary=2.0, named_from=(0.6,) * NONE, sure_from=0.9)
    few, many = fitted(OUTPUT[:20], TRUE[:20], before), fitted(OUTPUT, TRUE, before)
    assert abs(few.negative[0] - 2) < 0.1 < abs(many.negative[0] - 2)
    assert abs(few.named_from[0] - 0.6) < 0.05
    assert fitted(OUTPUT[:0], TRUE[:0], before) == before
