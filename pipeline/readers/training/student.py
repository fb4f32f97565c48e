"""The network of the fast reader, learning: forwards and backwards in numpy, over texts filled up to one length.

It is the network of ``network.py``, whose names of weights it shares, with what learning needs: pieces left out and
values dropped by chance (Srivastava et al. 2014), and the slope of the loss in every weight (tested against
differences). The evidence of the places is taught by what they say together: the logarithm of the sum of the odds
over a text should say what the labels say of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.readers.network import FIRST_WIDTH, POOLS, WEIGHT_MAX
from pipeline.readers.training.fitting import by_length, loss, padded, surprise
from pipeline.readers.training.targets import Array
from pipeline.readers.verdict import FELT, NONE, OUTPUTS, PRIMARY, odds
from pipeline.readers.words import GAP

VECTOR: Final = 256  # numbers of a piece
WIDE: Final = 128  # numbers of a place
HIDDEN: Final = 384
SPEAKS: Final = NONE + 1  # the columns of a place's evidence, none included
PIECES_LOST: Final = 0.09  # left out of a text by chance
SEEN_LOST: Final = 0.06
TEXT_LOST: Final = 0.21
HIDDEN_LOST: Final = 0.09
PLACES_SHARE: Final = 0.2  # of what the places say together
BALANCE: Final = 0.3  # of the logarithm of how common a primary emotion is
RAREST: Final = 1e-4  # share of the labels
SAID_MAX: Final = 15.0  # logarithm of odds
FAR: Final = np.float32(-1e4)
Weights = dict[str, Array]
Mask = NDArray[np.bool_]


class Texts(NamedTuple):
    """Texts as the network meets them: the ids of the pieces of each, and its valence after VADER (-1…1)."""

    ids: Sequence[Sequence[int]]
    tones: Array

    def some(self, places: NDArray[np.intp]) -> "Texts":
        """Answer the texts at ``places``."""
        return Texts([self.ids[place] for place in places], self.tones[places])


class Lesson(NamedTuple):
    """What going forwards leaves for going backwards."""

    ids: NDArray[np.int64]
    there: Mask
    pieces: Array
    pieces_kept: Array
    first: Array
    first_kept: Array
    first_lost: Array
    second: Array
    seen: Array
    said: Array
    pooling: Array
    text: Array
    text_kept: Array
    hidden: Array
    hidden_lost: Array
    hidden_kept: Array


def started(vectors: Array, chance: np.random.Generator, wide: int = WIDE, hidden: int = HIDDEN) -> Weights:
    """Answer weights to begin with, over ``vectors``: a row a piece of the vocabulary, of any width.

    Their principal components are taken, rare pieces (they stand last in the vocabulary) larger than common ones.
    """
    away = vectors - vectors.mean(axis=0)
    components = np.linalg.svd(away.T @ away)[2][:VECTOR]
    pieces = away @ components.T
    rank = np.log(np.arange(len(pieces)) + 10.0) / np.log(30_000)
    pieces = pieces / pieces.std() * rank[:, None]
    pieces[GAP] = 0
    vector = pieces.shape[1]

    def drawn(inputs: int, outputs: int, fan: int) -> Array:
        return chance.uniform(-(fan**-0.5), fan**-0.5, (inputs, outputs)).astype(np.float32)

    spoken = drawn(1, SPEAKS + POOLS, wide)[0]
    spoken[:SPEAKS] = -4
    pooled = wide * (POOLS + 2) + 2  # and the length, and VADER's valence
    return {
        "pieces": pieces.astype(np.float32),
        "first": drawn(vector, FIRST_WIDTH * wide, FIRST_WIDTH * vector),
        "first_bias": drawn(1, wide, FIRST_WIDTH * vector)[0],
        "second": drawn(wide, 3 * wide, 3 * wide),
        "second_bias": drawn(1, wide, 3 * wide)[0],
        "place": drawn(wide, SPEAKS + POOLS, wide),
        "place_bias": spoken,
        "hidden": drawn(pooled, hidden, pooled),
        "hidden_bias": drawn(1, hidden, pooled)[0],
        "head": drawn(hidden, OUTPUTS, hidden),
        "head_bias": drawn(1, OUTPUTS, hidden)[0],
    }


def forwards(
    weights: Mapping[str, Array], texts: Texts, chance: np.random.Generator | None = None
) -> tuple[Array, Lesson]:
    """Answer the outputs for each of ``texts``; with ``chance``, as learning needs it."""
    wide = len(weights["first_bias"])
    ids, there = padded(texts.ids, GAP)
    pieces = weights["pieces"][ids]
    pieces_kept = np.float32(1) * (there if chance is None else there & (chance.random(ids.shape) >= PIECES_LOST))
    pieces = pieces * pieces_kept[..., None]
    first = np.maximum(_convolved(pieces, weights["first"], wide) + weights["first_bias"], 0) * there[..., None]
    first_lost = _lost(first.shape, SEEN_LOST, chance)
    first_kept = first * first_lost
    second = np.maximum(_convolved(first_kept, weights["second"], wide) + weights["second_bias"], 0) * there[..., None]
    seen = first + second
    said = seen @ weights["place"] + weights["place_bias"]
    pooling = np.exp(np.clip(said[..., SPEAKS:], -WEIGHT_MAX, WEIGHT_MAX)) * there[..., None]
    pooling /= pooling.sum(axis=1, keepdims=True)
    size = there.sum(axis=1).astype(np.float32)[:, None]
    means = np.matmul(pooling.transpose(0, 2, 1), seen).reshape(len(ids), -1)
    pooled = np.concatenate(
        [means, seen.max(axis=1), seen.sum(axis=1) / (2 * np.sqrt(size)), np.log1p(size) / 3, texts.tones[:, None]],
        axis=1,
    )
    text_kept = _lost(pooled.shape, TEXT_LOST, chance)
    text = pooled * text_kept
    hidden = np.maximum(text @ weights["hidden"] + weights["hidden_bias"], 0)
    hidden_lost = _lost(hidden.shape, HIDDEN_LOST, chance)
    hidden_kept = hidden * hidden_lost
    outputs = hidden_kept @ weights["head"] + weights["head_bias"]
    return outputs, Lesson(
        ids, there, pieces, pieces_kept, first, first_kept, first_lost, second, seen, said, pooling, text, text_kept,
        hidden, hidden_lost, hidden_kept,
    )  # fmt: skip


def learnt(
    weights: Mapping[str, Array], texts: Texts, wanted: Array, chance: np.random.Generator | None
) -> tuple[float, Weights, NDArray[np.intp]]:
    """Answer the mean loss on ``texts``, its slope in each weight, and which pieces those of ``pieces`` belong to."""
    outputs, lesson = forwards(weights, texts, chance)
    lost, slopes = loss(outputs, wanted)
    placed, said = _places(lesson, wanted)
    found, met = _backwards(weights, lesson, slopes / len(wanted), said / len(wanted))
    return float((lost + placed).mean()), found, met


def balanced(weights: Mapping[str, Array], wanted: Array) -> Weights:
    """Answer ``weights`` that name rare emotions first more readily: by part of how rare they are in ``wanted``.

    What is learnt from labels of which half are of four emotions leaves the others out (logit adjustment, Menon et al.
    2021); a part of it makes rare emotions better and the rest no worse.
    """
    common = wanted[:, PRIMARY].mean(axis=0) + RAREST
    bias = weights["head_bias"].copy()
    bias[PRIMARY] -= BALANCE * np.log(common / common.mean())
    return {**weights, "head_bias": bias}


def outputs(weights: Mapping[str, Array], texts: Texts, size: int = 128) -> Array:
    """Answer the outputs for each text, in order."""
    found = np.zeros((len(texts.ids), OUTPUTS), np.float32)
    for batch in by_length([len(text) for text in texts.ids], size):
        found[batch] = forwards(weights, texts.some(batch))[0]
    return found


def _lost(shape: tuple[int, ...], share: float, chance: np.random.Generator | None) -> Array:
    if chance is None:
        return np.ones((1,) * len(shape), np.float32)
    return (chance.random(shape, np.float32) >= share) * np.float32(1 / (1 - share))


def _convolved(rows: Array, kernel: Array, wide: int) -> Array:
    """Answer what each place says with its neighbours: ``kernel`` is for those before, itself, those behind."""
    texts, length, narrow = rows.shape
    several = (rows.reshape(-1, narrow) @ kernel).reshape(texts, length, -1, wide)
    told = np.zeros((texts, length, wide), several.dtype)
    for place, (here, there) in enumerate(_shifts(several.shape[2], length)):
        told[:, here] += several[:, there, place]
    return told


def _shifts(width: int, length: int) -> Iterator[tuple[slice, slice]]:
    """Answer for each place of a kernel which places of a text it serves, and from which it takes what they say."""
    for away in range(-(width // 2), width // 2 + 1):
        yield slice(max(0, -away), max(0, length - max(0, away))), slice(max(0, away), max(0, length + min(0, away)))


def _unconvolved(rows: Array, kernel: Array, slopes: Array) -> tuple[Array, Array]:
    """Answer the slopes in ``rows`` and in ``kernel``, from those in what was convolved."""
    texts, length, wide = slopes.shape
    several = np.zeros((texts, length, kernel.shape[1] // wide, wide), slopes.dtype)
    for place, (here, there) in enumerate(_shifts(several.shape[2], length)):
        several[:, there, place] = slopes[:, here]
    flat = several.reshape(texts * length, -1)
    return (flat @ kernel.T).reshape(rows.shape), rows.reshape(texts * length, -1).T @ flat


def _places(lesson: Lesson, wanted: Array) -> tuple[Array, Array]:
    """Answer the loss of what the places of each text say together, and its slope in what each place says."""
    said = np.where(lesson.there[..., None], lesson.said[..., :NONE], FAR)
    most = said.max(axis=1, keepdims=True)
    raised = np.exp(said - most)
    total = raised.sum(axis=1, keepdims=True)
    together = np.log(total)[:, 0] + most[:, 0]
    likely = odds(np.clip(together, -SAID_MAX, SAID_MAX))
    lost: Array = PLACES_SHARE * surprise(likely, wanted[:, FELT]).sum(axis=1)
    slope = PLACES_SHARE * (likely - wanted[:, FELT]) * (np.abs(together) < SAID_MAX)
    return lost, slope[:, None] * raised / total


def _backwards(
    weights: Mapping[str, Array], lesson: Lesson, slopes: Array, said: Array
) -> tuple[Weights, NDArray[np.intp]]:
    found = {"head": lesson.hidden_kept.T @ slopes, "head_bias": slopes.sum(axis=0)}
    hidden = (slopes @ weights["head"].T) * lesson.hidden_lost * (lesson.hidden > 0)
    found |= {"hidden": lesson.text.T @ hidden, "hidden_bias": hidden.sum(axis=0)}
    seen, spoken = _unpooled(lesson, (hidden @ weights["hidden"].T) * lesson.text_kept)
    spoken[..., :NONE] = said
    seen += spoken @ weights["place"].T
    flat = spoken.reshape(-1, spoken.shape[2])
    found |= {"place": lesson.seen.reshape(len(flat), -1).T @ flat, "place_bias": flat.sum(axis=0)}
    second = seen * (lesson.second > 0)
    back, found["second"] = _unconvolved(lesson.first_kept, weights["second"], second)
    found["second_bias"] = second.sum(axis=(0, 1))
    first = (seen + back * lesson.first_lost) * (lesson.first > 0)
    back, found["first"] = _unconvolved(lesson.pieces, weights["first"], first)
    found["first_bias"] = first.sum(axis=(0, 1))
    met, found["pieces"] = _summed(lesson.ids[lesson.there], (back * lesson.pieces_kept[..., None])[lesson.there])
    return found, met


def _unpooled(lesson: Lesson, slopes: Array) -> tuple[Array, Array]:
    """Answer the slopes in what the places see and in what they say, from those in what was pooled."""
    texts, _, wide = lesson.seen.shape
    means = slopes[:, : POOLS * wide].reshape(texts, POOLS, wide)
    most, total = slopes[:, POOLS * wide : -2 - wide], slopes[:, -2 - wide : -2]
    size = lesson.there.sum(axis=1).astype(np.float32)[:, None]
    seen = np.matmul(lesson.pooling, means) + (total / (2 * np.sqrt(size)))[:, None]
    top = lesson.seen.argmax(axis=1)
    seen[np.arange(texts)[:, None], top, np.arange(wide)] += most
    seen *= lesson.there[..., None]
    pooling = np.matmul(lesson.seen, means.transpose(0, 2, 1))
    pooling = lesson.pooling * (pooling - (lesson.pooling * pooling).sum(axis=1, keepdims=True))
    spoken = np.zeros_like(lesson.said)
    spoken[..., SPEAKS:] = pooling * (np.abs(lesson.said[..., SPEAKS:]) < WEIGHT_MAX)
    return seen, spoken


def _summed(ids: NDArray[np.int64], slopes: Array) -> tuple[NDArray[np.intp], Array]:
    """Answer each piece that was met, once, and the sum of its slopes."""
    order = np.argsort(ids, kind="stable")
    met, starts = np.unique(ids[order], return_index=True)
    return met, np.add.reduceat(slopes[order], starts, axis=0)
