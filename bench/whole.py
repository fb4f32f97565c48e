"""The whole job, from feedback on a topic to cases on another, on Heartline and on two peers.

The peers are `peers/stock_faust.py` (the obvious way, with vaderSentiment) and `peers/bare_aiokafka.py` (written by
hand for speed). All of them read the same records and do the same steps over the same topics: read, find the person
by exact handles, remember once and count, route by the same policy, open or join a case. With the flat reader all
have to raise the same alerts, or the run fails. Heartline does more: it merges persons who prove to be one (and
moves their timelines), fences its writes by a version, keeps alerts in an outbox, briefs each alert with the latest
moments and the trust balance, writes CloudEvents; with its own reader it also finds more to answer than VADER does.

Rounds are interleaved and figures are medians over them. How a run is timed stands in `ground.py`.
"""

from collections.abc import Sequence
from typing import Any

from bench import stages
from bench.ground import Ground, Ran
from bench.load import Said
from bench.report import judged, medians, table
from bench.workers import BARE, HEARTLINE, STOCK, Contestant

EVENTS = 80_000
STOCK_EVENTS = 12_000
STAGE_EVENTS = 20_000
QUICK_SHARE = 5
VARIANTS: tuple[tuple[Contestant, str], ...] = (
    (HEARTLINE, "flat"),
    (BARE, "flat"),
    (STOCK, "flat"),
    (HEARTLINE, "fast"),
    (BARE, "vader"),
    (STOCK, "vader"),
)
COLUMNS = {
    "name": "contestant",
    "reader": "reader",
    "events": "events",
    "events_per_second": "events/s",
    "cpu_us": "CPU µs/event",
    "kafka_cpu_us": "Kafka's",
    "valkey_cpu_us": "Valkey's",
    "rss_mb": "RSS MB",
    "moments": "moments",
    "alerts": "alerts",
    "cases": "cases",
}
STAGE_COLUMNS = {
    "stage": "stage",
    "events": "events",
    "cpu_us": "CPU µs/event",
    "cpu_us_published": "µs/event published",
}


def measure(ground: Ground, said: Sequence[Said], rounds: int, *, quick: bool = False) -> tuple[str, dict[str, Any]]:
    """Answer the report and the figures."""
    share = QUICK_SHARE if quick else 1
    many, few = said[: EVENTS // share], said[: STOCK_EVENTS // share]
    ran: list[Ran] = []
    for number in range(1, rounds + 1):
        for contestant, reader in VARIANTS:
            one = ground.run(contestant, reader, few if contestant is STOCK else many)
            print(f"  round {number}: {contestant.name}, {reader}: {one.events_per_second:,.0f} events/s, "
                  f"{one.cpu_us:.0f} µs CPU an event", flush=True)  # fmt: skip
            ran.append(one)
    # Stock does fewer, so the others are held against it on the same few, once.
    few_ran = [ground.run(HEARTLINE, "flat", few), ground.run(BARE, "flat", few)]
    check_alike([*ran, *few_ran])
    rows = medians([one.row() for one in ran], ("contestant", "reader"))
    for row in rows:
        row["name"] = row["contestant"]
    by_stage = {reader: stages.measure(ground, reader, said[: STAGE_EVENTS // share]) for reader in ("flat", "fast")}
    text = _told(rows, by_stage, rounds)
    return text, {"rounds": rounds, "runs": [one.row() for one in ran], "stages": by_stage, "ratios": ratios(rows)}


def check_alike(ran: Sequence[Ran]) -> None:
    """Raise RuntimeError where contestants with the flat reader did not raise the same number of alerts."""
    alerts: dict[int, dict[int, str]] = {}
    for one in ran:
        if one.reader == "flat":
            alerts.setdefault(one.events, {})[one.alerts] = one.contestant
    for events, told in alerts.items():
        if len(told) > 1:
            raise RuntimeError(f"unlike work on {events} events: alerts {told}")


def ratios(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Answer the ratios that are judged: Heartline's events/s over the peer's."""
    rate = {(row["contestant"], row["reader"]): row["events_per_second"] for row in rows}
    ours = rate[HEARTLINE.name, "flat"]
    return {
        "own reader : stock Faust with VADER": rate[HEARTLINE.name, "fast"] / rate[STOCK.name, "vader"],
        "flat reader : stock Faust": ours / rate[STOCK.name, "flat"],
        "flat reader : aiokafka loops": ours / rate[BARE.name, "flat"],
        "own reader : aiokafka loops with VADER": rate[HEARTLINE.name, "fast"] / rate[BARE.name, "vader"],
    }


def _told(rows: Sequence[dict[str, Any]], by_stage: dict[str, list[dict[str, Any]]], rounds: int) -> str:
    found = ratios(rows)
    verdicts = [
        judged("own reader : stock Faust with VADER", found["own reader : stock Faust with VADER"], 2.5),
        judged("flat reader : stock Faust", found["flat reader : stock Faust"], 6.0),
        judged("flat reader : aiokafka loops", found["flat reader : aiokafka loops"], 0.8),
        f"- own reader : aiokafka loops with VADER: {found['own reader : aiokafka loops with VADER']:.2f}",
    ]
    parts = [f"Medians of {rounds} interleaved rounds, one worker each.", table(rows, COLUMNS), "\n".join(verdicts)]
    for reader, of_reader in by_stage.items():
        total = sum(row["cpu_us_published"] for row in of_reader)
        parts.append(f"By stage, one batch at a time, reader {reader}: {total:.0f} µs for each event published.")
        parts.append(table(of_reader, STAGE_COLUMNS))
    return "\n\n".join(parts)
