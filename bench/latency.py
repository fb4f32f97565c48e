"""From publishing a feedback to being able to read its alert, at a steady pace.

A publisher and a listener, each a process of its own, stand around one worker that has joined before. The clock
starts at the moment for which an event was planned, so a worker (or a publisher) that falls behind is not excused.
The first seconds are not counted. Rates: 1,000/s for everybody, and for each contestant half of what it did in the
whole job (`whole`, measured here first where it is not known).

Long texts: at 1,000/s, one text of 200 kB every second and a half. Compared are the slowest alert of the half second
after each with the slowest of the half second before it; the difference is what the long text cost the others.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from time import sleep, time
from typing import Any

import orjson

from bench.ground import PARTITIONS, Ground
from bench.load import Said
from bench.report import judged, table
from bench.workers import BARE, HEARTLINE, STOCK, Contestant

FIXED_PER_SECOND = 1_000.0
SECONDS = 12.0
WARM_SECONDS = 3.0
LEAD_SECONDS = 2.0
LONG_EVERY_SECONDS = 1.5
LONG_SECONDS = 20.0
WINDOW_SECONDS = 0.5
DRAIN_SECONDS_MAX = 20.0
EVENTS_KEPT = 20_000
PROBE_EVENTS = 20_000
STOCK_PROBE_EVENTS = 4_000
VARIANTS: tuple[tuple[Contestant, str], ...] = (
    (HEARTLINE, "fast"),
    (HEARTLINE, "flat"),
    (BARE, "vader"),
    (STOCK, "vader"),
)
COLUMNS = {
    "contestant": "contestant",
    "reader": "reader",
    "per_second": "published/s",
    "alerts": "alerts",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "max_ms": "max ms",
    "publisher_late_ms": "publisher late ms",
}

Delays = list[tuple[float, float]]


def measure(
    ground: Ground,
    said: Sequence[Said],
    rates: Mapping[tuple[str, str], float],
    *,
    quick: bool = False,
) -> tuple[str, dict[str, Any]]:
    """Answer the report and the figures; ``rates`` are the events/s of the whole job by contestant and reader."""
    seconds = SECONDS / 2 if quick else SECONDS
    rows = []
    for contestant, reader in VARIANTS:
        rate = rates.get((contestant.name, reader)) or _probe(ground, contestant, reader, said)
        for per_second in (FIXED_PER_SECOND, rate / 2):
            delays, late = paced(ground, contestant, reader, said, per_second, seconds)
            counted = [delay for due, delay in delays if due >= delays[0][0] + WARM_SECONDS]
            row = {
                "contestant": contestant.name,
                "reader": reader,
                "per_second": round(per_second),
                **percentiles(counted),
                "publisher_late_ms": late,
            }
            print(f"  {contestant.name}, {reader}, {per_second:,.0f}/s: p50 {row['p50_ms']:.0f} ms, "
                  f"p99 {row['p99_ms']:.0f} ms", flush=True)  # fmt: skip
            rows.append(row)
    long = long_texts(ground, said, LONG_SECONDS / 2 if quick else LONG_SECONDS)
    half = rows[1]  # the first variant, at half of its throughput
    verdicts = [
        judged("p50 ms at half load, own reader", half["p50_ms"], 60, least=False),
        judged("p99 ms at half load, own reader", half["p99_ms"], 150, least=False),
        judged("ms by which a 200 kB text delays others (median)", long["extra_ms_median"], 100, least=False),
        f"- the most that one of {long['texts']} such texts delayed others: {long['extra_ms_max']:.0f} ms; "
        f"slowest alert before one {long['before_ms_median']:.0f} ms, "
        f"after one {long['after_ms_median']:.0f} ms (medians)",
    ]
    text = "\n\n".join(["One worker each, from the planned publishing to the alert read.", table(rows, COLUMNS),
                        "\n".join(verdicts)])  # fmt: skip
    return text, {"runs": rows, "long_texts": long}


def _probe(ground: Ground, contestant: Contestant, reader: str, said: Sequence[Said]) -> float:
    some = said[: STOCK_PROBE_EVENTS if contestant is STOCK else PROBE_EVENTS]
    return ground.run(contestant, reader, some).events_per_second


def paced(  # noqa: PLR0917
    ground: Ground,
    contestant: Contestant,
    reader: str,
    said: Sequence[Said],
    per_second: float,
    seconds: float,
    long_every: float | None = None,
) -> tuple[Delays, float]:
    """Publish at a pace; answer (due, ms until the alert was read) in order, and how late the publisher was (ms)."""
    with ground.workers(contestant, reader) as (settings, workers):
        publisher = [ground.broker.address, f"{settings.prefix}feedback", str(per_second), str(seconds)]
        listener = [ground.broker.address, settings.prefix, *ground.teams]
        with _process("bench.listener", listener) as hearing:
            assert hearing.stdout is not None  # noqa: S101 - a pipe, as asked for
            hearing.stdout.readline()
            lines = b"\n".join(orjson.dumps(each.data) for each in said[:EVENTS_KEPT])
            publisher += [str(time() + LEAD_SECONDS + 1), *([str(long_every)] if long_every else [])]
            with _process("bench.publisher", publisher) as speaking:
                told, _ = speaking.communicate(lines, timeout=seconds + 90)
            _await_drained(ground, settings.prefix, contestant)
            workers.check()
            heard, _ = hearing.communicate(timeout=60)
    outcome = json.loads(told)
    if outcome["left"]:
        raise RuntimeError(f"{outcome['left']} events could not be published at {per_second:,.0f}/s")
    return sorted((due, delay) for due, delay in json.loads(heard)), outcome["late_ms"]


def _await_drained(ground: Ground, prefix: str, contestant: Contestant) -> None:
    """Give a contestant that fell behind some time to catch up; what it has not done then is not counted."""
    groups, topics = [prefix + group for group in contestant.groups], ground.steps(prefix)
    end = time() + DRAIN_SECONDS_MAX
    while time() < end:
        if ground.broker.committed(groups, topics, PARTITIONS) == ground.broker.ends(topics, PARTITIONS):
            break
        sleep(0.5)
    sleep(0.5)


def _process(module: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def percentiles(delays: Sequence[float]) -> dict[str, Any]:
    """Answer how many there are, and the percentiles in ms."""
    if len(delays) < 2:
        raise RuntimeError("no alerts came")
    cuts = statistics.quantiles(delays, n=100, method="inclusive")
    return {
        "alerts": len(delays),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(max(delays), 1),
    }


def long_texts(ground: Ground, said: Sequence[Said], seconds: float) -> dict[str, Any]:
    """Answer by how much one text of 200 kB delays others, on Heartline with its own reader."""
    delays, _ = paced(ground, HEARTLINE, "fast", said, FIXED_PER_SECOND, seconds, LONG_EVERY_SECONDS)
    first = delays[0][0]
    before, after, extra = [], [], []
    at = first + LONG_EVERY_SECONDS
    while at < first + seconds - WINDOW_SECONDS:
        if at >= first + WARM_SECONDS:
            earlier = max((delay for due, delay in delays if at - WINDOW_SECONDS <= due < at), default=0.0)
            later = max((delay for due, delay in delays if at <= due < at + WINDOW_SECONDS), default=0.0)
            before.append(earlier)
            after.append(later)
            extra.append(later - earlier)
        at += LONG_EVERY_SECONDS
    return {
        "texts": len(extra),
        "before_ms_median": round(statistics.median(before), 1),
        "after_ms_median": round(statistics.median(after), 1),
        "extra_ms_median": round(statistics.median(extra), 1),
        "extra_ms_max": round(max(extra), 1),
    }
