"""The network in numpy, against the same sums written plainly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.readers.network import BATCH_PIECES_MAX, FIRST_WIDTH, POOLS, Network

DIGITS = 2e-5  # by which kernels of BLAS differ that treat rows differently; the outputs are up to 10
PIECES, NARROW, WIDE, HIDDEN, OUTPUTS, PLACES = 300, 8, 16, 12, 7, 5


def weights() -> dict[str, NDArray[np.generic]]:
    """Answer small random weights, the same ones each time."""
    chance = np.random.default_rng(7)

    def some(*shape: int) -> NDArray[np.float32]:
        return chance.standard_normal(shape).astype(np.float32) * np.float32(0.3)

    return {
        "pieces": chance.integers(-127, 127, (PIECES, NARROW)).astype(np.int8),
        "pieces_scale": np.full(PIECES, 0.01, np.float32),
        "first": some(NARROW, FIRST_WIDTH * WIDE),
        "first_bias": some(WIDE),
        "second": some(WIDE, 3 * WIDE),
        "second_bias": some(WIDE),
        "place": some(WIDE, PLACES + POOLS),
        "place_bias": some(PLACES + POOLS),
        "hidden": some(WIDE * (POOLS + 2) + 2, HIDDEN),
        "hidden_bias": some(HIDDEN),
        "head": some(HIDDEN, OUTPUTS),
        "head_bias": some(OUTPUTS),
    }


def convolved(rows: NDArray[np.float64], kernel: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    """Answer the convolution, place by place."""
    width = kernel.shape[1] // len(bias)
    nothing = np.zeros((width // 2, rows.shape[1]))
    padded = np.vstack([nothing, rows, nothing])
    several = np.split(kernel, width, axis=1)
    found = [sum(padded[at + k] @ several[k] for k in range(width)) + bias for at in range(len(rows))]
    return np.maximum(np.array(found), 0)


def plainly(given: dict[str, NDArray[np.generic]], ids: list[int], tone: float) -> tuple[NDArray, NDArray]:
    """Answer what the network has to say of one text, in double precision and without any trick."""
    whole, places = in_text(given, ids, tone)
    return whole, places + np.vstack([in_text(given, [piece], tone)[1] for piece in ids])


def in_text(given: dict[str, NDArray[np.generic]], ids: list[int], tone: float) -> tuple[NDArray, NDArray]:
    """Answer the outputs, and the evidence of each place as its text has it."""
    w = {name: array.astype(np.float64) for name, array in given.items()}
    vectors = w["pieces"][ids] * w["pieces_scale"][ids, None]
    first = convolved(vectors, w["first"], w["first_bias"])
    seen = first + convolved(first, w["second"], w["second_bias"])
    spoken = seen @ w["place"] + w["place_bias"]
    pools = np.exp(spoken[:, -POOLS:])
    means = [(seen * pools[:, pool, None]).sum(0) / pools[:, pool].sum() for pool in range(POOLS)]
    size = len(ids)
    row = np.concatenate([*means, seen.max(0), seen.sum(0) / (2 * np.sqrt(size)), [np.log1p(size) / 3, tone]])
    hidden = np.maximum(row @ w["hidden"] + w["hidden_bias"], 0)
    return hidden @ w["head"] + w["head_bias"], spoken[:, :-POOLS]


TEXTS = [[5], [7, 8], [*range(1, 60)], [3] * 5, [299, 1, 299], [*range(1, 200)]]
TONES = [0.0, -1.0, 0.5, 0.25, 1.0, -0.3]


def test_the_network_says_what_the_plain_sums_say() -> None:
    """Tables, blocks and pooling over ragged rows give the sums that the definition gives."""
    given = weights()
    answer = Network(given).answer(TEXTS, TONES)
    for place, (ids, tone) in enumerate(zip(TEXTS, TONES, strict=True)):
        whole, places = plainly(given, ids, tone)
        np.testing.assert_allclose(answer.whole[place], whole, rtol=2e-4, atol=2e-5)
        start = answer.starts[place]
        np.testing.assert_allclose(answer.places[start : start + len(ids)], places, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("several", [TEXTS[::-1], TEXTS * 40, [*TEXTS[2:], [9] * (2 * BATCH_PIECES_MAX), *TEXTS[:2]]])
def test_neighbours_change_nothing(several: list[list[int]]) -> None:
    """A text gets the same outputs, but for the last digits, alone and beside others, first and last."""
    network = Network(weights())
    together = network.answer(several, [0.5] * len(several))
    for place, ids in enumerate(several):
        alone = Network(weights()).answer([ids], [0.5])
        np.testing.assert_allclose(alone.whole[0], together.whole[place], rtol=0, atol=DIGITS)
        start = together.starts[place]
        shown = together.places[start : start + len(ids)]
        np.testing.assert_allclose(alone.places[: len(ids)], shown, rtol=0, atol=DIGITS)
