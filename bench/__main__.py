"""``python -m bench [engine|whole|latency|scale|reading|all] [--quick] [--rounds N] [--texts FOLDER] [--labels FILE…]``

Every benchmark but ``reading`` runs on Apache Kafka and Valkey that it starts itself; all print tables with ratios and
keep their figures in ``bench/results``. Let nothing else run on the machine meanwhile.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from bench import engine, latency, load, reading, report, scale, whole
from bench.ground import Ground, ground
from bench.texts import read_texts
from bench.workers import BARE
from pipeline.compose import load_policy
from pipeline.settings import Settings

WARM_EVENTS = 40_000
WARM_SECONDS = 12.0
NAMES = ("engine", "whole", "latency", "scale", "reading")
Told = tuple[str, dict[str, Any]]


def main() -> None:
    """Run what is asked for."""
    asked = _arguments()
    wanted = NAMES if asked.which == "all" else (asked.which,)
    where = report.machine()
    if where["load_before"] > 0.5:
        print(f"Something else is running here (load average {where['load_before']}): the figures will suffer.")
    for name in wanted:
        started = monotonic()
        print(f"\n## {name}", flush=True)
        text, figures = BENCHMARKS[name](asked)
        print(f"\n{text}\n")
        kept = report.keep(f"{name}-quick" if asked.quick else name, text, figures, where)
        print(f"({monotonic() - started:.0f} s; kept in bench/results/{kept.name})")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="?", default="all", choices=(*NAMES, "all"))
    parser.add_argument("--quick", action="store_true", help="fewer events and one round: a look, not a figure")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds, of which medians are taken (3)")
    parser.add_argument("--texts", type=Path, help="folder of NDJSON files whose lines have a 'text'")
    parser.add_argument("--labels", type=Path, nargs="+", default=(), help="labels for the scikit-learn peer to learn")
    asked = parser.parse_args()
    asked.rounds = 1 if asked.quick else asked.rounds
    return asked


def _engine(_: argparse.Namespace) -> Told:
    figures = asyncio.run(engine.with_own_kafka())
    return engine.table(figures), figures


def _reading(asked: argparse.Namespace) -> Told:
    figures = reading.run(read_texts(asked.texts), asked.labels, asked.rounds)
    return reading.told(figures), figures


def _said(asked: argparse.Namespace, events: int) -> list[load.Said]:
    share = whole.QUICK_SHARE if asked.quick else 1
    print(f"  making {events // share:,} events", flush=True)
    return load.make(events // share, read_texts(asked.texts), load_policy(Settings()))


def _warm(standing: Ground, said: Sequence[load.Said]) -> None:
    """A broker that has just started compiles itself; whoever came first would pay for it. Not counted."""
    print("  warming up the broker", flush=True)
    standing.run(BARE, "flat", said[:WARM_EVENTS])
    latency.paced(standing, BARE, "flat", said, latency.FIXED_PER_SECOND, WARM_SECONDS)


def _whole(asked: argparse.Namespace) -> Told:
    said = _said(asked, whole.EVENTS)
    with ground() as standing:
        _warm(standing, said)
        return whole.measure(standing, said, asked.rounds, quick=asked.quick)


def _scale(asked: argparse.Namespace) -> Told:
    said = _said(asked, scale.EVENTS)
    with ground() as standing:
        _warm(standing, said)
        return scale.measure(standing, said, asked.rounds, quick=asked.quick)


def _latency(asked: argparse.Namespace) -> Told:
    said = _said(asked, latency.EVENTS_KEPT * whole.QUICK_SHARE)[: latency.EVENTS_KEPT]
    with ground() as standing:
        _warm(standing, said)
        return latency.measure(standing, said, _rates(), quick=asked.quick)


def _rates() -> Mapping[tuple[str, str], float]:
    """Answer the events/s of the newest whole job that was kept, medians by contestant and reader."""
    kept = sorted(report.RESULTS.glob("????-??-??-whole.json"))
    if not kept:
        return {}
    runs = json.loads(kept[-1].read_text("utf-8"))["runs"]
    rows = report.medians(runs, ("contestant", "reader"))
    return {(row["contestant"], row["reader"]): row["events_per_second"] for row in rows}


BENCHMARKS: Mapping[str, Callable[[argparse.Namespace], Told]] = {
    "engine": _engine,
    "whole": _whole,
    "latency": _latency,
    "scale": _scale,
    "reading": _reading,
}

if __name__ == "__main__":
    main()
