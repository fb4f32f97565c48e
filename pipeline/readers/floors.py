"""Floors: what a reader must reach, kept in ``floors.toml`` for each reader by its name.

A floor is set just under what the reader reaches, so that a change which makes it worse is noticed. Of figures that
are better when smaller (evaluation.AT_MOST) it is the most that is allowed.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline.domain.errors import Misconfigured
from pipeline.readers import READERS
from pipeline.readers.evaluation import AT_MOST, FIGURES

SHIPPED: Final = Path(__file__).parent / "floors.toml"


class Floor(NamedTuple):
    """A figure, what was reached (None: the rows do not say), and its floor."""

    figure: str
    reached: float | None
    floor: float

    @property
    def held(self) -> bool | None:
        """Whether it was reached; None where that was not measured."""
        if self.reached is None:
            return None
        return self.reached <= self.floor if self.figure in AT_MOST else self.reached >= self.floor

    def __str__(self) -> str:
        bound = "at most" if self.figure in AT_MOST else "at least"
        reached = "not measured" if self.reached is None else f"{self.reached:.4f}"
        return f"{self.figure}: reached {reached}, the floor is {bound} {self.floor:g}"


def load_floors(reader: str, path: Path = SHIPPED) -> dict[str, float]:
    """Answer figure → floor of ``reader`` (its name without version), empty where there is none.

    Raises Misconfigured.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"floors {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"floors {path}: not TOML: {error}") from error
    for name, table in given.items():
        _check(path, name, table)
    return {figure: float(floor) for figure, floor in given.get(reader, {}).items()}


def _check(path: Path, name: str, table: Any) -> None:
    if not isinstance(table, dict):
        raise Misconfigured(f"floors {path}: {name} must be a table of figures, [{name}]")
    for figure, floor in table.items():
        if figure not in FIGURES:
            raise Misconfigured(f"floors {path}: [{name}] {figure} is no figure; there are {', '.join(FIGURES)}")
        if not isinstance(floor, int | float) or isinstance(floor, bool):
            raise Misconfigured(f"floors {path}: [{name}] {figure} must be a number")
    if name not in READERS:
        raise Misconfigured(f"floors {path}: [{name}] is no reader; there are {', '.join(READERS)}")


def held_against(floors: Mapping[str, float], figures: Mapping[str, float | None]) -> list[Floor]:
    """Answer each floor with what was reached."""
    return [Floor(figure, figures[figure], floor) for figure, floor in floors.items()]
