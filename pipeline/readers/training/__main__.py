"""``python -m pipeline.readers.training DATA``: the whole recipe (see ``recipe``)."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Final

from pipeline.domain.errors import Misconfigured

READERS: Final = Path(__file__).parent.parent


def main() -> int:
    """Run the recipe; what goes on is told on stderr, the figures on stdout."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.readers.training", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with labelled/*.jsonl, real/*.jsonl, goemotions/*.tsv")
    parser.add_argument("--hold", default="", metavar="SOURCE,…", help="sources that are left out whole and judged by")
    parser.add_argument("--seeds", type=int, default=1, help="how often deep and fast are trained; the first is kept")
    parser.add_argument("--quick", action="store_true", help="a smoke run of minutes, on a few hundred rows")
    parser.add_argument("--work", type=Path, help="what the steps leave; default: .heartline/training/…")
    parser.add_argument("--out", type=Path, help="for fast.npz, deep.onnx, deep_scale.npz; default: pipeline/readers")
    parser.add_argument("--threads", type=int, default=1, help="of torch; another number, other last digits")
    asked = parser.parse_args()
    started = perf_counter()

    def say(line: str) -> None:
        sys.stderr.write(f"{perf_counter() - started:7,.0f} s  {line}\n")
        sys.stderr.flush()

    try:
        sys.stdout.write(_run(asked, say) + "\n")
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _run(asked: argparse.Namespace, say: Callable[[str], None]) -> str:
    os.environ.setdefault("OMP_NUM_THREADS", str(asked.threads))
    try:
        import torch
    except ImportError as error:
        raise Misconfigured(f"{error.name} is missing; make train installs it, as heartline[train] does") from None
    from pipeline.readers.training.ground import ground
    from pipeline.readers.training.recipe import Recipe, cook, table

    torch.set_num_threads(asked.threads)
    torch.use_deterministic_algorithms(mode=True)
    held = frozenset(filter(None, asked.hold.split(",")))
    name = "-".join(["without", *sorted(held)] if held else ["all"]) + ("-quick" if asked.quick else "")
    work = asked.work or Path(".heartline") / "training" / name
    out = asked.out or (work if held or asked.quick else READERS)
    stands = ground(asked.data, held, asked.quick)
    say(
        f"{len(stands.train):,} rows to train on, {len(stands.dev):,} to judge by, {len(stands.held):,} held out, "
        f"{len(stands.texts):,} texts"
    )
    return table(cook(Recipe(stands, work, out, asked.seeds, say, asked.quick)))


if __name__ == "__main__":
    sys.exit(main())
