"""Readers of emotion behind one door, opened by name."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from pipeline.domain.errors import Misconfigured

if TYPE_CHECKING:  # the command line asks for the names alone
    from pipeline.ports import Reader

READERS: Final[Mapping[str, tuple[str, str]]] = {
    "cues": ("pipeline.readers.cues", "CueReader"),
    "flat": ("pipeline.readers.flat", "FlatReader"),
    "vader": ("pipeline.readers.vader", "VaderReader"),
}


def open_reader(name: str) -> "Reader":
    """Answer the reader called ``name``. Raises Misconfigured where there is none, or what it needs is missing."""
    if name not in READERS:
        raise Misconfigured(f"reader {name!r} is not known; known are {', '.join(sorted(READERS))}")
    module, kind = READERS[name]
    return cast("Callable[[], Reader]", getattr(import_module(module), kind))()
