"""Long texts in passages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers.passages import (
    HURTS,
    HURTS_FROM,
    LETTER_PASSAGES_MIN,
    LOUDEST,
    PIECES_MAX,
    PIECES_MIN,
    SENTENCE_WORDS_MAX,
    WORST_SHARE,
    felt,
    loudest,
    passages,
    pooled,
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


def test_the_sentences_that_speak_most_of_hurt() -> None:
    """Whole sentences from mark to mark, the loudest first; where there is no mark, a bounded part."""
    words = ["fine", ".", "nobody", "came", "!", "good", ".", "bad", "we", "left"]
    ids: list[tuple[int, ...]] = [(1, 1), (1,), (1,), (1,), (), (1,), (1,), (1,), (1,), (1,)]
    hurt = np.array([-5, -5, -4, 2, 3, -1, -2, -3, 1, 0.5], np.float32)
    assert loudest(words, ids, hurt) == [(2, 5), (7, 10), (5, 7)][:LOUDEST]
    long = np.zeros(10_000, np.float32)
    long[5_000] = 1
    (first, last), *_ = loudest(["word"] * 10_000, [(1,)] * 10_000, long)
    assert first <= 5_000 < last <= first + SENTENCE_WORDS_MAX
    assert loudest(["."], [()], np.zeros(0, np.float32)) == []


def test_a_sentence_alone_counts_in_letters_where_no_passage_hurts_more() -> None:
    """It stands in for the passage that hurts most, not in the mean; in a text of fewer passages it does not."""
    outputs = np.zeros((6 + LETTER_PASSAGES_MIN, OUTPUTS), np.float32)
    outputs[:LETTER_PASSAGES_MIN, NEGATIVE] = -2
    outputs[LETTER_PASSAGES_MIN:, NEGATIVE] = [-2, 3, -2, 3, -2, 1]
    row = np.full(OUTPUTS, 2, np.float32)
    counts = [LETTER_PASSAGES_MIN, 4, 2]
    without, with_it = pooled(outputs, counts), pooled(outputs, counts, dict.fromkeys(range(3), row))
    raised = with_it[:, NEGATIVE] - without[:, NEGATIVE]
    assert raised.tolist() == pytest.approx([WORST_SHARE * (2 + 2), 0, 0])


def test_what_hurts_in_a_sentence_alone_is_felt_in_the_text() -> None:
    """Where the sentence hurts enough, the emotions of it that hurt are felt as in it, and no others change."""
    outputs = np.full((2, OUTPUTS), -3, np.float32)
    row = np.full(OUTPUTS, 1, np.float32)
    for negative, expected in ((HURTS_FROM, 1.0), (HURTS_FROM - 0.1, -3.0)):
        row[NEGATIVE] = negative
        found, other = felt(outputs, {0: row})
        assert set(found[HURTS].tolist()) == {expected}
        assert set(np.delete(found, range(HURTS.start, HURTS.stop)).tolist()) == set(other.tolist()) == {-3.0}
