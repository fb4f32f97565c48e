"""The cascade: what is in doubt goes deep, within its budget, and both are heard."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.limits import DEEP_FREE_TEXTS_MAX, DEEP_SHARE_MAX
from pipeline.readers import cascade
from pipeline.readers.cascade import CascadeReader, chosen, doubts
from pipeline.readers.deep import DeepReader
from pipeline.readers.fast import FastReader
from pipeline.readers.network import Array
from pipeline.readers.verdict import NEGATIVE, OUTPUTS, PRIMARY, Scale
from tests.readers import tiny

WORDS = (
    "nobody",
    "called",
    "the",
    "invoice",
    "wrong",
    "lovely",
    "staff",
    "and",
    "slow",
    "great",
    "waited",
    "lost",
    "was",
)
TEXTS = ["the " + " ".join(WORDS[(n * k) % len(WORDS)] for k in range(1, 3 + n % 9)) for n in range(1, 60)]
FAST, DEEP = Scale(), Scale(negative=(0.5, 0.3), primary=2.0, sure_from=0.1)


def reader() -> CascadeReader:
    """Answer a cascade on the tiny networks."""
    return CascadeReader(tiny.weights(), tiny.transformer(DEEP))


def row(negative: float, **primary: float) -> Array:
    """Answer outputs: the odds of hurt and, by place, of primary emotions, as logarithms."""
    outputs = np.zeros((1, OUTPUTS), np.float32)
    outputs[0, NEGATIVE] = negative
    for place, value in primary.items():
        outputs[0, PRIMARY][int(place.removeprefix("at"))] = value
    return outputs


def test_doubt_rises_from_clear_to_torn() -> None:
    """A clear reading is hardly doubted; one torn between emotions more; one torn about hurt itself the most."""
    clear, between, torn = row(6, at0=9), row(6, at0=5, at1=5), row(0, at0=5, at18=5)
    (low,), (middle,), (high,) = (doubts(one, FAST) for one in (clear, between, torn))
    assert 0 <= low < 0.05 < middle < high <= 1


def test_disagreement_is_doubt() -> None:
    """Where the primary emotion contradicts what is said of hurt, the text is doubted more than where it agrees."""
    assert doubts(row(2, at18=4), FAST)[0] > doubts(row(2, at0=4), FAST)[0] + 0.1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), max_size=200))
def test_the_budget_holds_and_the_most_doubtful_go(doubt: list[float]) -> None:
    """What goes deep is in doubt, within the budget, in order, and nothing that stays was doubted more."""
    values = np.array(doubt, np.float32)
    places = chosen(values)
    over = [place for place, value in enumerate(doubt) if value >= cascade.DOUBT_FROM]
    assert places == sorted(set(places) & set(over))
    assert len(places) == min(len(over), max(DEEP_FREE_TEXTS_MAX, int(DEEP_SHARE_MAX * len(doubt))))
    left = [doubt[place] for place in over if place not in places]
    assert not left or max(left) <= min(doubt[place] for place in places)


def test_the_sure_stay_as_the_fast_reader_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that are not doubted are read as by the fast reader, but for the name; the others go deep, and no more."""
    went: list[str] = []
    both, fast = reader(), FastReader(tiny.weights())
    answer = both._deep.answer

    def noting(words: Sequence[Sequence[str]], *more: Any) -> Array:
        went.extend(" ".join(said) for said in words)
        return answer(words, *more)

    monkeypatch.setattr(both._deep, "answer", noting)
    outputs, read = fast.said(TEXTS)
    assert all(read)
    doubt = doubts(outputs, fast._scale)
    monkeypatch.setattr(cascade, "DOUBT_FROM", float(np.quantile(doubt, 0.8)))
    expected = [text for text, value in zip(TEXTS, doubt, strict=True) if value >= cascade.DOUBT_FROM]
    changed = 0
    for text, quick, now in zip(TEXTS, fast.read(TEXTS), both.read(TEXTS), strict=True):
        if text in expected:
            changed += now.negative != quick.negative
        else:
            assert now == quick.model_copy(update={"reader": both.name})
    assert went == expected
    assert 5 < len(went) < 20
    assert changed > len(went) / 2


def test_what_is_in_doubt_is_read_as_by_the_deep_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all go deep, the cascade says what the deep reader says."""
    monkeypatch.setattr(cascade, "DOUBT_FROM", 0.0)
    some = TEXTS[:DEEP_FREE_TEXTS_MAX]
    deep = DeepReader(tiny.weights(), tiny.transformer(DEEP))
    for slow, both in zip(deep.read(some), reader().read(some), strict=True):
        assert both == slow.model_copy(update={"reader": both.reader})


def test_a_small_batch_changes_nothing() -> None:
    """As long as the budget is not used up, a text is read the same alone and beside others."""
    some = TEXTS[:DEEP_FREE_TEXTS_MAX]
    both = reader()
    assert both.read(some) == [both.read([text])[0] for text in some]
    assert both.read(some[::-1]) == both.read(some)[::-1]
