"""The measures, by hand-worked examples and against scikit-learn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from pipeline.readers.metrics import Calibration, Correlation, Found, Ranked, Share

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
SCORED = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=40)


def test_found() -> None:
    """Of three read two are meant, of four meant two are read: precision 2/3, recall 1/2, F1 4/7."""
    found = Found()
    for read, meant in ((True, True), (True, True), (True, False), (False, True), (False, True), (False, False)):
        found.add(read, meant)
    assert (found.precision, found.recall, found.f1) == (2 / 3, 1 / 2, 4 / 7)
    assert found + Found(1, 1, 1) == Found(3, 4, 5)


def test_nothing_to_divide_by() -> None:
    """Without anything counted there is no figure; where only one side is there, F1 is zero."""
    assert (Found().precision, Found().recall, Found().f1) == (None, None, None)
    assert Found(0, 2, 0).f1 == 0
    assert (Share().value, Ranked().auc, Calibration().error, Correlation().r) == (None,) * 4


def test_auc() -> None:
    """Of the four pairs (0.8, 0.4) over (0.4, 0.1) three are won and one is a tie: 3.5 of 4."""
    ranked = Ranked()
    for score, positive in ((0.8, True), (0.4, True), (0.4, False), (0.1, False)):
        ranked.add(score, positive)
    assert ranked.auc == 3.5 / 4


def test_memory_has_a_bound() -> None:
    """Scores that differ by less than anybody can mean are one, so that no number of rows fills the memory."""
    ranked = Ranked()
    for step in range(5_000):
        ranked.add(0.5 + step * 1e-9, step % 2 == 0)
    assert len(ranked.positives) + len(ranked.negatives) <= 4
    assert ranked.auc == 0.5


def test_calibration() -> None:
    """Two at 0.75 of which one came true, and two at 0.05 that did not: (2 · 0.25 + 2 · 0.05) / 4 = 0.15."""
    told = Calibration()
    for probability, true in ((0.75, True), (0.75, False), (0.05, False), (0.05, False)):
        told.add(probability, true)
    assert told.error == pytest.approx(0.15)


def test_certainty_has_a_bin() -> None:
    """Probabilities 0 and 1 are counted, and are no error where they come true."""
    told = Calibration()
    told.add(0.0, False)
    told.add(1.0, True)
    assert told.error == 0


def test_calibration_does_not_cancel_across_bins() -> None:
    """Too sure above and too unsure below are two errors, though their mean is right."""
    told = Calibration()
    told.add(0.9, False)
    told.add(0.1, True)
    assert told.error == pytest.approx(0.9)


def test_correlation() -> None:
    """For (1, 1), (2, 3), (3, 2) the covariance is 1/3 · 1, both variances 2/3: r is 0.5."""
    pairs = Correlation()
    for x, y in ((1, 1), (2, 3), (3, 2)):
        pairs.add(x, y)
    assert pairs.r == pytest.approx(0.5)
    flat = Correlation()
    for x in (1, 2, 3):
        flat.add(x, 7)
    assert flat.r is None


@settings(max_examples=60)
@given(pairs=PAIRS)
def test_found_is_what_scikit_learn_says(pairs: list[tuple[bool, bool]]) -> None:
    """Precision, recall and F1 are those of scikit-learn, which says 0 where there is nothing to divide by."""
    found = Found()
    for read, meant in pairs:
        found.add(read, meant)
    reads, meants = zip(*pairs, strict=True)
    wanted = precision_recall_fscore_support(meants, reads, average="binary", pos_label=True, zero_division=0)
    assert [found.precision or 0, found.recall or 0, found.f1 or 0] == pytest.approx(wanted[:3])


@settings(max_examples=60)
@given(scored=SCORED)
def test_auc_is_what_scikit_learn_says(scored: list[tuple[int, bool]]) -> None:
    """The area under the curve is that of scikit-learn, ties and all."""
    ranked = Ranked()
    for score, positive in scored:
        ranked.add(score / 20, positive)
    scores, truths = zip(*scored, strict=True)
    if len(set(truths)) == 1:
        assert ranked.auc is None
    else:
        assert ranked.auc == pytest.approx(roc_auc_score(truths, scores))


def test_correlation_far_from_zero() -> None:
    """Numbers far from zero lose nothing: r of 10⁹ + (1, 3, 2) is that of (1, 3, 2)."""
    pairs = Correlation()
    for x, y in ((1, 1), (2, 3), (3, 2)):
        pairs.add(1e9 + x, 1e9 + y)
    assert pairs.r == pytest.approx(0.5)
