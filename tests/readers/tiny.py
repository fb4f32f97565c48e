"""A tiny transformer and tiny weights of the fast reader, random and the same each time, for tests of the machinery."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.ports import Reader
from pipeline.readers import open_reader
from pipeline.readers.cascade import CascadeReader
from pipeline.readers.deep import DeepReader
from pipeline.readers.network import FIRST_WIDTH, POOLS
from pipeline.readers.training.graph import write
from pipeline.readers.training.published import Shape
from pipeline.readers.transformer import MODEL, PIECES_MAX, Transformer
from pipeline.readers.verdict import EMOTIONS_COUNT, NONE, OUTPUTS, Scale
from pipeline.readers.words import pieces

SHAPE = Shape(layers=2, wide=32, heads=2, tiny=1e-12, starts=0, relative=False, edges=(101, 102), nothing=0)
NARROW, WIDE, HIDDEN = 8, 16, 24
VOCABULARY = pieces().rows
ON_TRANSFORMER = {"deep": DeepReader, "cascade": CascadeReader}


def weights() -> dict[str, NDArray[Any]]:
    """Answer weights of the fast reader."""
    some, vocabulary = _some(11), VOCABULARY
    return {
        "pieces": np.rint(some(vocabulary, NARROW) * 30).astype(np.int8),
        "pieces_scale": np.full(vocabulary, 0.02, np.float32),
        "first": some(NARROW, FIRST_WIDTH * WIDE),
        "first_bias": some(WIDE),
        "second": some(WIDE, 3 * WIDE),
        "second_bias": some(WIDE),
        "place": some(WIDE, NONE + 1 + POOLS),
        "place_bias": some(NONE + 1 + POOLS),
        "hidden": some(WIDE * (POOLS + 2) + 2, HIDDEN),
        "hidden_bias": some(HIDDEN),
        "head": some(HIDDEN, OUTPUTS),
        "head_bias": some(OUTPUTS),
        "negative_scale": np.array([1.0, 0.0]),
        "primary_scale": np.array(1.0),
        "named_from": np.full(EMOTIONS_COUNT, 0.45),
        "sure_from": np.array(0.3),
    }


def model(path: Path, vocabulary: int = VOCABULARY) -> Path:
    """Write a transformer in int8 to ``path``, as the recipe writes the one that ships."""
    some, wide = _some(12), SHAPE.wide
    layer = {"query": wide, "key": wide, "value": wide, "out": wide, "up": 4 * wide, "down": wide}
    given: dict[str, Any] = {
        "words": some(vocabulary, wide),
        "positions": some(PIECES_MAX + 2, wide),
        "head.weight": some(OUTPUTS, wide),
        "head.bias": some(OUTPUTS),
        **_level("start"),
    }
    for place in range(SHAPE.layers):
        for name, rows in layer.items():
            given[f"{place}.{name}.weight"] = some(rows, 4 * wide if name == "down" else wide)
            given[f"{place}.{name}.bias"] = some(rows)
        given |= _level(f"{place}.middle") | _level(f"{place}.last")
    write(path, [given], SHAPE)
    return path


@cache
def transformer(scale: Scale = Scale()) -> Transformer:  # noqa: B008 - a value
    """Answer the tiny transformer, opened."""
    with TemporaryDirectory() as folder:
        return Transformer(model(Path(folder) / "deep.onnx"), scale)


def _level(name: str) -> dict[str, Any]:
    return {f"{name}.weight": np.ones(SHAPE.wide, np.float32), f"{name}.bias": np.zeros(SHAPE.wide, np.float32)}


def _some(seed: int) -> Any:
    chance = np.random.default_rng(seed)

    def some(*shape: int) -> NDArray[np.float32]:
        return (chance.standard_normal(shape) * 0.3).astype(np.float32)

    return some


def opened(name: str) -> Reader:
    """Answer the reader called ``name``; on the tiny transformer where the large one is not built."""
    if name in ON_TRANSFORMER and not (files("pipeline.readers") / MODEL).is_file():
        return ON_TRANSFORMER[name](deep=transformer())
    return open_reader(name)
