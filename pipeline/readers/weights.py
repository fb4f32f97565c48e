"""The file of a network's weights: read with care, since it may come from anywhere, and written the same each time.

It holds the arrays of ``network.Network`` and of ``verdict.Scale``, nothing that runs.
"""

import zlib
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import Misconfigured
from pipeline.readers.network import FIRST_WIDTH, POOLS
from pipeline.readers.verdict import EMOTIONS_COUNT, NONE, OUTPUTS

FAST: Final = "fast.npz"
VERSION_CHARS: Final = 8
# The width of each array's sides: a number, or the name of one that must be the same wherever it stands.
SHAPES: Final[Mapping[str, tuple[int | str, ...]]] = {
    "pieces": ("vocabulary", "vector"),
    "pieces_scale": ("vocabulary",),
    "first_bias": ("wide",),  # before the others: what is named first fixes the size
    "first": ("vector", f"wide * {FIRST_WIDTH}"),
    "second": ("wide", "wide * 3"),
    "second_bias": ("wide",),
    "place": ("wide", NONE + 1 + POOLS),
    "place_bias": (NONE + 1 + POOLS,),
    "hidden_bias": ("hidden",),
    "hidden": (f"wide * {POOLS + 2} + 2", "hidden"),
    "head": ("hidden", OUTPUTS),
    "head_bias": (OUTPUTS,),
    "negative_scale": (2,),
    "primary_scale": (),
    "named_from": (EMOTIONS_COUNT,),
    "sure_from": (),
}


def kept(folder: Path, vocabulary: int) -> Mapping[str, NDArray[Any]]:
    """Answer the weights of the fast reader in ``folder``, for a vocabulary of so many ids.

    Raises Misconfigured: what is wrong with the file, and what to do.
    """
    path = folder / FAST
    mend = "write it anew with heartline train LABELS.jsonl --out DIR, or take HEARTLINE_WEIGHTS away"
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            weights = dict(file)
    except FileNotFoundError:
        raise Misconfigured(f"HEARTLINE_WEIGHTS: {folder} holds no {FAST}; {mend}") from None
    except (OSError, ValueError, EOFError, KeyError, MemoryError, BadZipFile, zlib.error) as error:
        raise Misconfigured(f"HEARTLINE_WEIGHTS: {path} cannot be read: {error}; {mend}") from error
    if wrong := _wrong(weights, vocabulary):
        raise Misconfigured(f"HEARTLINE_WEIGHTS: {path}: {wrong}; {mend}")
    return weights


def shipped(name: str, mend: str = "install heartline again") -> Mapping[str, NDArray[Any]]:
    """Answer the arrays in the file ``name`` of this package. Raises Misconfigured, saying to ``mend`` it."""
    try:
        with (files(__package__) / name).open("rb") as file, np.load(file, allow_pickle=False) as weights:
            return dict(weights)
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        raise Misconfigured(f"pipeline/readers/{name} cannot be read: {error}; {mend}") from error


def write(path: Path, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write ``weights`` to ``path``, whole or not at all; unpacked, which is quicker to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez(file, **dict(sorted(weights.items())))  # type: ignore[arg-type]
    part.replace(path)


def version(weights: Mapping[str, NDArray[Any]]) -> str:
    """Answer a name for these weights that others do not have: eight hexadecimal digits of their content."""
    content = sha256()
    for name, array in sorted(weights.items()):
        content.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:VERSION_CHARS]


def _wrong(weights: Mapping[str, NDArray[Any]], vocabulary: int) -> str | None:
    """Answer what is wrong with ``weights``, None where they are right."""
    if missing := sorted(SHAPES.keys() - weights.keys()):
        return f"{', '.join(missing)} missing"
    known: dict[str, int] = {"vocabulary": vocabulary}
    for name, sides in SHAPES.items():
        array = weights[name]
        if array.dtype.kind not in "fi" or array.ndim != len(sides):
            return f"{name} must be an array of numbers with {len(sides)} sides, this is {array.dtype} {array.shape}"
        for side, size in zip(sides, array.shape, strict=True):
            if isinstance(side, str) and side.isidentifier():
                known.setdefault(side, size)
            if size != (meant := side if isinstance(side, int) else _computed(side, known)):
                return f"{name} is {array.shape}, {meant} is expected for {side}"
        if not np.isfinite(array).all():
            return f"{name} holds a value that is not a number"
    return None


def _computed(side: str, known: Mapping[str, int]) -> int:
    """Answer the size of ``side``: "name", "name * 3" or "name * 4 + 1"; 0 for a name that was not met yet."""
    name, *more = side.replace("*", " ").replace("+", " ").split()
    times, plus = (int(more[0]) if more else 1, int(more[1]) if len(more) > 1 else 0)
    return known.get(name, 0) * times + plus
