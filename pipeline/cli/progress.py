"""A bar on stderr for what takes its time over files; nothing where nobody is looking."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.cli.frame import Place


@contextmanager
def progress(place: Place, paths: Sequence[str], unit: str, said: str = "") -> Iterator[Callable[[int, int], None]]:
    """Yield what moves the bar on by so many bytes of the files, to so many of ``unit`` in all."""
    if place.json or not sys.stderr.isatty():
        yield lambda _size, _count: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pipeline.cli.show import errors, excerpt

    files = [Path(path) for path in paths if path != "-"]
    known = len(files) == len(paths) and all(file.is_file() for file in files)
    total = sum(file.stat().st_size for file in files) if known else None
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.fields[count]:>9,}} {unit}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=errors(), transient=True) as bar:
        task = bar.add_task(excerpt(", ".join(Path(path).name for path in paths), 40) + said, total=total, count=0)

        def moved(size: int, count: int) -> None:
            bar.update(task, advance=size, count=count)

        yield moved
