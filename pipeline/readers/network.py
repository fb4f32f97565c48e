"""The network of the fast reader, in numpy.

Each piece of a word has a vector that does not depend on its neighbours. Two convolutions, of width 5 and 3, look at
the neighbours, the second on top of the first; their sum, one row a piece, is what a place says. Over a text the
rows are pooled four ways (two weighted means whose weights the row itself decides, the maximum, the sum), VADER's
valence is set beside them, and one hidden layer answers what the text says as a whole. A second, linear answer is
given for each row: how much that place speaks for each emotion. It is trained to say of the text what the labels say,
and shows where they show. Neighbours see the same words, so it is sharpened by what each piece says alone.

The pieces of all texts stand in one array, gaps between two texts, so that one product serves them all. Over vectors
that never change the first convolution is a sum of five table look-ups; a piece's rows of that table are worked out
when it is first met, those of the most frequent ones at once. Products are taken over whole blocks of rows: then a text
gets the same answer whatever stands beside it in the batch, to the last digit where the kernels of BLAS treat all rows
of a block alike, and within a few millionths of it where they do not (those for AVX2).
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pipeline.readers.verdict import Array
from pipeline.readers.words import GAP

ROWS: Final = 48  # rows of a block; a multiple of what the kernels of BLAS take at once
BATCH_PIECES_MAX: Final = 640  # pieces worked on at once: their rows stay in the processor's cache
FIRST_WIDTH: Final = 5  # pieces that the first convolution looks at
POOLS: Final = 2  # weighted means of the rows of a text
GAPS: Final = FIRST_WIDTH // 2  # rows between two texts, so that no convolution reaches over them
BETWEEN: Final = (GAP,) * GAPS
WEIGHT_MAX: Final = 20.0  # of the logarithm of a pooling weight
NOT_MET: Final = -1
COMMON: Final = (999, 4_000)  # ids of the most frequent pieces (the vocabulary goes by frequency), met from the start


class Answer(NamedTuple):
    """What the network says of texts.

    ``whole``: a row of outputs a text. ``places``: a row a piece, its evidence for each emotion (and for none), in
    the text and alone. ``starts``: the first row of each text in ``places``, and the end of the last one.
    """

    whole: Array
    places: Array
    starts: NDArray[np.intp]


class Network:
    """The trained weights, ready for use. ``weights`` are the arrays of the file that ``train`` writes.

    From here on this process takes products with one thread: for products as small as these, several wait for one
    another longer than they work, and take the other workers' processors while they do.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        threadpool_limits(1, user_api="blas")

        def given(name: str) -> Array:
            return np.ascontiguousarray(weights[name], np.float32)

        self._codes = np.ascontiguousarray(weights["pieces"], np.int8)
        self._scales = given("pieces_scale")
        self._first, self._first_bias = given("first"), given("first_bias")
        self._second, self._second_bias = given("second"), given("second_bias")
        self._wide = self._first_bias.shape[0]
        self._place, self._place_bias = given("place"), given("place_bias")
        self._hidden, self._hidden_bias = given("hidden"), given("hidden_bias")
        self._head, self._head_bias = given("head"), given("head_bias")
        vocabulary = len(self._codes)
        self._rows = np.full(vocabulary, NOT_MET, np.intp)  # place of a piece in the tables
        self._rows[GAP] = 0
        self._met = 1
        # Zeros take no memory before they are written: room for all pieces costs what those that were met fill.
        self._tables = [np.zeros((vocabulary + 1, self._wide), np.float32) for _ in range(FIRST_WIDTH)]  # by place
        self._alone = np.zeros((vocabulary + 1, self._place.shape[1] - POOLS), np.float32)
        self._work: tuple[Array, ...] = (np.empty((0, self._wide), np.float32),) * 3
        self._meet(np.arange(COMMON[0], min(COMMON[1], vocabulary)))

    def answer(self, texts: Sequence[Sequence[int]], tones: Sequence[float]) -> Answer:
        """Answer for ``texts``, each the ids of its pieces (one at least), and their valence after VADER (-1…1)."""
        counts = np.fromiter(map(len, texts), np.intp, len(texts))
        pooled = np.zeros((-(-len(texts) // ROWS) * ROWS, len(self._hidden)), np.float32)
        places: list[Array] = []
        first = pieces = 0
        for last in range(1, len(texts) + 1):
            pieces += len(texts[last - 1]) + GAPS
            if last == len(texts) or pieces + len(texts[last]) > BATCH_PIECES_MAX:
                places.append(self._batch(texts[first:last], counts[first:last], pooled[first:last]))
                first, pieces = last, 0
        pooled[: len(texts), -2] = np.log1p(counts) / 3
        pooled[: len(texts), -1] = tones
        hidden = pooled @ self._hidden
        hidden += self._hidden_bias
        np.maximum(hidden, 0, out=hidden)
        whole = hidden @ self._head
        whole += self._head_bias
        return Answer(whole[: len(texts)], np.concatenate(places), np.concatenate(([0], np.cumsum(counts + GAPS))))

    def _batch(self, texts: Sequence[Sequence[int]], counts: NDArray[np.intp], pooled: Array) -> Array:
        """Answer the evidence of the places of ``texts``; write what each text says as a whole into ``pooled``."""
        ends = np.cumsum(counts + GAPS)
        rows = int(ends[-1])
        ids = np.zeros(-(-rows // ROWS) * ROWS, np.intp)
        ids[:rows] = np.fromiter(chain.from_iterable((*text, *BETWEEN) for text in texts), np.intp, rows)
        gaps = np.flatnonzero(ids == GAP)
        at = self._placed(ids)
        seen = self._convolved(at, gaps)
        spoken = seen @ self._place
        spoken += self._place_bias
        self._pool(pooled, seen, spoken[:, -POOLS:], ends - counts - GAPS, ends - GAPS)
        evidence: Array = spoken[:rows, :-POOLS] + _take(self._alone, at[:rows])
        return evidence

    def _convolved(self, at: NDArray[np.intp], gaps: NDArray[np.intp]) -> Array:
        """Answer what each place says, zero at the gaps: a block of whole rows. ``at`` are rows of the tables."""
        rows, wide = len(at), self._wide
        seen, told, three = self._room(rows)
        _take(self._tables[GAPS], at, seen)
        for away in range(1, GAPS + 1):
            seen[away:] += _take(self._tables[GAPS - away], at[:-away], told[away:])
            seen[:-away] += _take(self._tables[GAPS + away], at[away:], told[away:])
        np.maximum(seen, 0, out=seen)
        seen[gaps] = 0
        np.matmul(seen, self._second, out=three)
        further = np.add(three[:, wide : 2 * wide], self._second_bias, out=told)
        further[1:] += three[:-1, :wide]
        further[:-1] += three[1:, 2 * wide :]
        np.maximum(further, 0, out=further)
        seen += further
        seen[gaps] = 0
        return seen

    def _room(self, rows: int) -> tuple[Array, Array, Array]:
        """Answer arrays of ``rows`` rows to work in, the same ones each time: new ones cost as much as the work."""
        if rows > len(self._work[0]):
            self._work = tuple(np.empty((rows, times * self._wide), np.float32) for times in (1, 1, 3))
        seen, told, three = self._work
        return seen[:rows], told[:rows], three[:rows]

    def _pool(
        self, pooled: Array, seen: Array, weights: Array, starts: NDArray[np.intp], ends: NDArray[np.intp]
    ) -> None:
        """Write into ``pooled`` what the rows of each text say together: means by weight, the most, the sum.

        ``weights`` are logarithms, a column a mean. A small product a text is several times as fast as numpy's sums
        over ragged rows.
        """
        wide = self._wide
        shares = np.ones((POOLS + 1, len(seen)), np.float32)
        np.exp(np.clip(weights.T, -WEIGHT_MAX, WEIGHT_MAX), out=shares[:POOLS])
        sums = np.empty((len(starts), POOLS + 1, wide), np.float32)
        for start, end, total, most in zip(
            starts.tolist(), ends.tolist(), sums, pooled[:, POOLS * wide : (POOLS + 1) * wide], strict=True
        ):
            rows = seen[start:end]
            np.matmul(shares[:, start:end], rows, out=total)
            np.maximum.reduce(rows, axis=0, out=most)
        among = np.add.reduceat(shares, np.stack((starts, ends), axis=1).ravel(), axis=1)[:, ::2].T
        among[:, POOLS] = 2 * np.sqrt(among[:, POOLS])  # of ones: how many there are
        sums /= among[:, :, None]
        pooled[:, : POOLS * wide] = sums[:, :POOLS].reshape(len(starts), -1)
        pooled[:, (POOLS + 1) * wide : (POOLS + 2) * wide] = sums[:, POOLS]

    def _placed(self, ids: NDArray[np.intp]) -> NDArray[np.intp]:
        """Answer the rows of the tables for ``ids``, after having worked out those that are new."""
        at = _take(self._rows, ids)
        if at.min() == NOT_MET:
            self._meet(np.unique(ids[at == NOT_MET]))
            at = _take(self._rows, ids)
        return at

    def _meet(self, new: NDArray[np.intp]) -> None:
        last = self._met + len(new)
        padded = np.zeros((-(-len(new) // ROWS) * ROWS, self._codes.shape[1]), np.float32)
        padded[: len(new)] = self._codes[new] * self._scales[new, None]
        several = (padded @ self._first)[: len(new)].reshape(len(new), FIRST_WIDTH, self._wide)
        several[:, GAPS] += self._first_bias
        for place, table in enumerate(self._tables):
            table[self._met : last] = several[:, place]
        self._alone[self._met : last] = self._said_alone(several[:, GAPS])
        self._rows[new] = np.arange(self._met, last)
        self._met = last

    def _said_alone(self, first: Array) -> Array:
        """Answer the evidence of pieces without neighbours; ``first`` is what the first convolution makes of them."""
        wide = self._wide
        seen = np.zeros((-(-len(first) // ROWS) * ROWS, wide), np.float32)
        np.maximum(first, 0, out=seen[: len(first)])
        seen += np.maximum(seen @ self._second[:, wide : 2 * wide] + self._second_bias, 0)
        said: Array = seen @ self._place[:, :-POOLS] + self._place_bias[:-POOLS]
        return said[: len(first)]


def _take(table: NDArray[Any], at: NDArray[np.intp], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Answer the rows of ``table`` at ``at``, all of which there are: four times as fast as an index."""
    return table.take(at, axis=0, out=out, mode="clip")
