"""``heartline train``: the fast reader, taught further on labels of one's own."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.readers.training.tune import Tuned

EPOCHS_MAX = 100
LEFT_OUT = ("foreign_left_alone", "not_understood")  # the network has no part in them


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(train)


def train(
    place: Place,
    files: Annotated[list[Path], typer.Argument(metavar="LABELS", help="As for evaluate: one JSON object a line.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the weights go.")] = Path("weights"),
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, max=EPOCHS_MAX, help="How often each label is met; default: 6.")
    ] = None,
) -> int:
    """Teach the fast reader your own labels, and say how right it was and is.

    Starts from the weights that ship. A tenth of the labels (or those that name the split dev) is never trained on:
    before and after are told of those. The same labels give the same weights. A minute for some thousand labels.

    \b
    heartline corrections export > labels.jsonl
    heartline train labels.jsonl --out weights
    HEARTLINE_READER=fast HEARTLINE_WEIGHTS=weights heartline worker
    """
    from pipeline.cli.show import emit, note
    from pipeline.readers.training.labels import rows
    from pipeline.readers.training.tune import EPOCHS, tuned
    from pipeline.readers.weights import FAST, shipped, version
    from pipeline.readers.words import pieces

    started = perf_counter()
    labels = rows(files)
    say = (lambda _: None) if place.json else note
    say(f"{len(labels):,} labels; training")
    made = tuned(shipped(FAST), labels, pieces(), say, epochs=epochs or EPOCHS)
    _write(out / FAST, made.weights)
    told = {
        "weights": str(out / FAST),
        "reader": f"fast/1+{version(made.weights)}",
        "trained": made.trained,
        "scaled": made.scaled,
        "judged": made.judged,
        "before": made.before,
        "after": made.after,
        "seconds": round(perf_counter() - started, 1),
    }
    if place.json:
        emit(told)
    else:
        _show(told, made, out)
    return 0


def _write(path: Path, weights: "Mapping[str, Any]") -> None:
    from pipeline.domain.errors import Misconfigured
    from pipeline.readers.weights import write

    try:
        write(path, weights)
    except OSError as error:
        raise Misconfigured(f"--out: {path} cannot be written: {error.strerror or error}") from error


def _show(told: "Mapping[str, Any]", made: "Tuned", out: Path) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.show import console
    from pipeline.readers.evaluation import FIGURES

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in (f"On {made.judged:,} labels kept apart", "before", "after", ""):
        table.add_column(heading, header_style="dim", justify="left" if heading.startswith("On") else "right")
    for name, title in FIGURES.items():
        before, after = made.before[name], made.after[name]
        if before is None or after is None or name in LEFT_OUT:
            continue
        table.add_row(title, f"{before:.3f}", f"{after:.3f}", _moved(name, before, after))
    out_console = console()
    out_console.print(table)
    out_console.print(
        Text.assemble(
            (f"\n{told['reader']}", "bold"),
            f" in {told['weights']}, after {made.trained:,} labels and {told['seconds']:.0f} s. To use it:\n",
            (f"  export HEARTLINE_READER=fast HEARTLINE_WEIGHTS={out.resolve()}", "bold"),
        )
    )


def _moved(name: str, before: float, after: float) -> "Any":
    from rich.text import Text

    from pipeline.cli.show import CLUSTER_STYLES
    from pipeline.readers.evaluation import AT_MOST

    change = after - before
    if abs(change) < 0.0005 or name == "review_share":
        return Text("", style="dim")
    better = (change < 0) == (name in AT_MOST)
    return Text(f"{change:+.3f}", style=CLUSTER_STYLES["advocacy" if better else "destroyers"])
