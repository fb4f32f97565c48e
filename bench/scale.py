"""One worker against two, on the same machine: Kafka and Valkey share its CPUs with them."""

from collections.abc import Sequence
from typing import Any

from bench.ground import Ground, Ran
from bench.load import Said
from bench.report import judged, medians, table
from bench.workers import BARE, HEARTLINE, Contestant

EVENTS = 80_000
QUICK_SHARE = 5
VARIANTS: tuple[tuple[Contestant, str], ...] = ((HEARTLINE, "flat"), (HEARTLINE, "fast"), (BARE, "vader"))
TARGET = 1.4
COLUMNS = {
    "contestant": "contestant",
    "reader": "reader",
    "workers": "workers",
    "events_per_second": "events/s",
    "cpu_us": "CPU µs/event",
    "kafka_cpu_us": "Kafka's",
    "valkey_cpu_us": "Valkey's",
    "rss_mb": "RSS MB",
}


def measure(ground: Ground, said: Sequence[Said], rounds: int, *, quick: bool = False) -> tuple[str, dict[str, Any]]:
    """Answer the report and the figures."""
    many = said[: EVENTS // (QUICK_SHARE if quick else 1)]
    ran: list[Ran] = []
    for number in range(1, rounds + 1):
        for contestant, reader in VARIANTS:
            for workers in (1, 2):
                one = ground.run(contestant, reader, many, workers)
                print(f"  round {number}: {workers} × {contestant.name}, {reader}: "
                      f"{one.events_per_second:,.0f} events/s", flush=True)  # fmt: skip
                ran.append(one)
    rows = medians([one.row() for one in ran], ("contestant", "reader", "workers"))
    rate = {(row["contestant"], row["reader"], row["workers"]): row["events_per_second"] for row in rows}
    ratios = {f"{c.name}, {reader}": rate[c.name, reader, 2] / rate[c.name, reader, 1] for c, reader in VARIANTS}
    verdicts = [
        judged(f"two workers : one, {name}", ratio, TARGET)
        if name.startswith(HEARTLINE.name)
        else f"- two workers : one, {name}: {ratio:.2f}"
        for name, ratio in ratios.items()
    ]
    text = "\n\n".join([f"Medians of {rounds} interleaved rounds.", table(rows, COLUMNS), "\n".join(verdicts)])
    return text, {"rounds": rounds, "runs": [one.row() for one in ran], "ratios": ratios}
