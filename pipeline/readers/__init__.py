"""Readers of emotion behind one door, opened by name."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from pipeline.domain.errors import Misconfigured

if TYPE_CHECKING:  # the command line asks for the names alone
    from pathlib import Path

    from pipeline.ports import Reader

READERS: Final[Mapping[str, tuple[str, str]]] = {
    "cascade": ("pipeline.readers.cascade", "CascadeReader"),
    "deep": ("pipeline.readers.deep", "DeepReader"),
    "fast": ("pipeline.readers.fast", "FastReader"),
    "flat": ("pipeline.readers.flat", "FlatReader"),
    "vader": ("pipeline.readers.vader", "VaderReader"),
}
TRAINED: Final = frozenset({"cascade", "deep", "fast"})  # those that have the fast network


def open_reader(name: str, weights: "Path | None" = None) -> "Reader":
    """Answer the reader called ``name``; trained ones read fast with the weights in the folder ``weights``, if any.

    Raises Misconfigured where there is none, or what it needs is missing.
    """
    if name not in READERS:
        raise Misconfigured(f"reader {name!r} is not known; known are {', '.join(sorted(READERS))}")
    module, kind = READERS[name]
    make = getattr(import_module(module), kind)
    if name in TRAINED and weights is not None:
        from pipeline.readers.weights import kept
        from pipeline.readers.words import pieces

        return cast("Reader", make(kept(weights, pieces().rows)))
    return cast("Reader", make())
