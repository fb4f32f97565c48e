"""Long texts in passages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers.passages import (
    PIECES_MAX,
    PIECES_MIN,
    SENTENCE_WORDS_MAX,
    WORST_SHARE,
    passages,
    pooled,
    sentence,
    spread,
)
from pipeline.readers.verdict import NEGATIVE, OUTPUTS


def test_a_short_text_is_one_passage() -> None:
    """A text that fits is not cut, whatever sentences it has."""
    assert passages(["so", ".", "so", "."], [(1,)] * 4) == [(0, 4)]


def test_a_long_text_is_cut_at_its_sentences() -> None:
    """Once a passage is long enough it ends with its sentence, and the next one begins."""
    whole = [*["word"] * (PIECES_MIN - 1), "."]
    assert passages(whole * 3, [(1,)] * 3 * PIECES_MIN) == [
        (0, PIECES_MIN),
        (PIECES_MIN, 2 * PIECES_MIN),
        (2 * PIECES_MIN, 3 * PIECES_MIN),
    ]


@given(st.lists(st.tuples(st.sampled_from(["word", ".", "?!"]), st.integers(0, 8)), max_size=400))
def test_passages_cover_the_text_and_fit(told: list[tuple[str, int]]) -> None:
    """Passages follow on one another, cover every word once, and none is too long or empty."""
    words = [word for word, _ in told]
    ids = [(1,) * length for _, length in told]
    parts = passages(words, ids)
    assert [place for first, last in parts for place in range(first, last)] == list(range(len(words)))
    if any(ids):
        assert all(0 < sum(map(len, ids[first:last])) <= PIECES_MAX for first, last in parts)


def test_outputs_are_pooled_between_the_mean_and_the_worst() -> None:
    """Passages are pooled by text; the one that hurts most counts beside the mean."""
    outputs = np.zeros((4, OUTPUTS), np.float32)
    outputs[:, NEGATIVE] = [-3, 4, -1, 2]
    outputs[:, 0] = [0, 8, 0, 1]
    found = pooled(outputs, [3, 1])
    assert found[0, NEGATIVE] == WORST_SHARE * 4
    assert np.isclose(found[0, 0], 8 / 3 + WORST_SHARE * (8 - 8 / 3))
    assert (found[1] == outputs[3]).all()
    assert pooled(outputs, [1, 1, 1, 1]) is outputs


@settings(deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=300), st.integers(2, 12))
def test_some_from_everywhere_and_the_worst(hurt: list[float], most: int) -> None:
    """As many as allowed are taken, in order, the worst among them, and no long stretch is left out."""
    taken = spread(hurt, most)
    assert len(taken) == min(len(hurt), most)
    assert taken == sorted(set(taken))
    assert hurt.index(max(hurt)) in taken
    apart = [b - a for a, b in zip([-1, *taken], [*taken, len(hurt)], strict=True)]
    assert max(apart) <= 2 * len(hurt) / (most - 1) + 2


def test_a_sentence_goes_from_mark_to_mark() -> None:
    """The words between two marks, the last with them; bounded where there is no mark."""
    words = ["fine", ".", "nobody", "came", "!", "we", "left"]
    assert [sentence(words, at) for at in range(7)] == [(0, 2), (0, 2), (2, 5), (2, 5), (2, 5), (5, 7), (5, 7)]
    first, last = sentence(["word"] * 10_000, 5_000)
    assert last - first == 2 * SENTENCE_WORDS_MAX


def test_a_sentence_alone_counts_where_no_passage_hurts_more() -> None:
    """It stands in for the passage that hurts most, not in the mean."""
    outputs = np.zeros((6, OUTPUTS), np.float32)
    outputs[:, NEGATIVE] = [-2, 1, -2, -2, -2, 3]
    row = np.full(OUTPUTS, 2, np.float32)
    without, with_it = pooled(outputs, [4, 2]), pooled(outputs, [4, 2], {0: row, 1: row})
    assert with_it[0, NEGATIVE] - without[0, NEGATIVE] == pytest.approx(WORST_SHARE * (2 - 1))
    np.testing.assert_array_equal(with_it[1], without[1])
