"""The deep reader: the transformer's verdict, the fast network's evidence."""

import numpy as np

from pipeline.readers.deep import DeepReader
from pipeline.readers.fast import FastReader
from pipeline.readers.verdict import EMOTIONS, FELT, NEGATIVE, PRIMARY, Scale
from tests.readers import tiny

TEXTS = (
    "The staff were lovely, but the invoice is wrong again!",
    "Nobody called me back. I wrote three times",
    "ok",
    "We waited. " * 200,
)


def test_the_transformer_decides() -> None:
    """What is read follows the transformer's outputs on its own scale, not those of the fast network."""
    plain = DeepReader(tiny.weights(), tiny.transformer())
    turned = DeepReader(tiny.weights(), tiny.transformer(Scale(negative=(-1.0, 0.0))))
    outputs, read = plain.said(TEXTS)
    assert read == [True] * len(TEXTS)
    for before, after, row in zip(plain.read(TEXTS), turned.read(TEXTS), outputs, strict=True):
        assert abs(before.negative - 1 / (1 + np.exp(-row[NEGATIVE]))) < 1e-3
        assert abs(before.negative + after.negative - 1) < 2e-3


def test_spans_show_what_the_transformer_named() -> None:
    """Every emotion that is named is shown in the text, though the transformer itself shows no places."""
    reader = DeepReader(tiny.weights(), tiny.transformer(Scale(named_from=(0.01,) * len(EMOTIONS))))
    fast = FastReader(tiny.weights())
    assert any(deep.primary != quick.primary for deep, quick in zip(reader.read(TEXTS), fast.read(TEXTS), strict=True))
    for reading in reader.read(TEXTS):
        assert {span.emotion for span in reading.spans} == set(reading.emotions)


def test_outputs_fit_a_scale_of_their_own() -> None:
    """The outputs that a scale is fitted on are those of the transformer."""
    fast, _ = FastReader(tiny.weights()).said(TEXTS)
    deep, _ = DeepReader(tiny.weights(), tiny.transformer()).said(TEXTS)
    assert deep.shape == fast.shape
    assert not np.allclose(deep[:, FELT], fast[:, FELT])
    assert not np.allclose(deep[:, PRIMARY], fast[:, PRIMARY])
