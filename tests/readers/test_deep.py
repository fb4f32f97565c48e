"""The deep reader: the transformer's verdict, the fast network's evidence."""

import numpy as np

from pipeline.readers.deep import DeepReader, blended, blended_scale
from pipeline.readers.fast import FastReader
from pipeline.readers.verdict import EMOTIONS, OUTPUTS, Scale, verdicts
from tests.readers import tiny

TEXTS = (
    "The staff were lovely, but the invoice is wrong again!",
    "Nobody called me back. I wrote three times",
    "ok",
    "We waited. " * 200,
)


FAST, DEEP = Scale(), Scale(negative=(0.5, 0.3), primary=2.0, sure_from=0.1)


def test_both_are_heard_and_the_transformer_decides() -> None:
    """The probability of hurt lies between those of both networks, each on its own scale, nearer to the transformer."""
    transformer, fast = tiny.transformer(DEEP), FastReader(tiny.weights())
    told = list(map(fast._asked, TEXTS))
    quick, evidence = fast.outputs(told)
    slow = transformer.answer([one.words for one in told], [one.ids for one in told], evidence)
    for said, by_fast, by_deep in zip(
        DeepReader(tiny.weights(), transformer).read(TEXTS), verdicts(quick, FAST), verdicts(slow, DEEP), strict=True
    ):
        low, high = sorted((by_fast.negative, by_deep.negative))
        assert low - 1e-3 <= said.negative <= high + 1e-3
        assert abs(said.negative - by_deep.negative) <= abs(said.negative - by_fast.negative) + 1e-3
        assert (said.negative != by_deep.negative) or high - low < 0.01
    assert any(
        abs(a.negative - b.negative) > 0.05 for a, b in zip(verdicts(quick, FAST), verdicts(slow, DEEP), strict=True)
    )


def test_two_of_one_mind_are_one() -> None:
    """A network blended with itself says what it says alone, on whatever scale."""
    outputs = np.random.default_rng(3).standard_normal((20, OUTPUTS)).astype(np.float32)
    for scale in (FAST, DEEP):
        both = blended(outputs, scale, outputs, scale)
        for one, other in zip(verdicts(outputs, scale), verdicts(both, blended_scale(scale, scale)), strict=True):
            assert one.named == other.named
            assert abs(one.negative - other.negative) < 2e-3


def test_spans_show_what_the_transformer_named() -> None:
    """Every emotion that is named is shown in the text, though the transformer itself shows no places."""
    reader = DeepReader(tiny.weights(), tiny.transformer(Scale(named_from=(0.01,) * len(EMOTIONS))))
    fast = FastReader(tiny.weights())
    assert any(deep.primary != quick.primary for deep, quick in zip(reader.read(TEXTS), fast.read(TEXTS), strict=True))
    for reading in reader.read(TEXTS):
        assert {span.emotion for span in reading.spans} == set(reading.emotions)
