"""``heartline status``: how far behind, how fast, how old."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Group

    from pipeline.settings import Settings

PAUSE_SECONDS = 1.0
LAG_MUCH = 1_000


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(status)


async def status(
    place: Place,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
) -> int:
    """Show how far behind the workers are on each topic, how fast they are, and how old events are when done.

    Age is the time from Kafka taking a record to its batch being finished; lag is what waits.

    \b
    heartline status
    heartline status --watch
    """
    from pipeline.cli import show
    from pipeline.cli.doors import demand_topics

    await demand_topics(place.settings, ["feedback", "moments"])
    before = await _look(place.settings)
    await asyncio.sleep(PAUSE_SECONDS)  # a rate takes two looks
    now = await _look(place.settings)
    if place.json:
        show.emit(told(before, now))
        while watch:
            before, now = now, await _next(place.settings)
            show.emit(told(before, now))
        return 0
    if not watch:
        show.console().print(_screen(told(before, now)))
        return 0
    from rich.live import Live

    with Live(_screen(told(before, now)), console=show.console(), auto_refresh=False) as live:
        while True:
            before, now = now, await _next(place.settings)
            live.update(_screen(told(before, now)), refresh=True)


async def _next(settings: "Settings") -> dict[str, Any]:
    await asyncio.sleep(PAUSE_SECONDS)
    return await _look(settings)


async def _look(settings: "Settings") -> dict[str, Any]:
    """Answer lags and reports, with the second at which they were asked for."""
    from redis.exceptions import RedisError

    from pipeline.buses.topics import lags
    from pipeline.cli.doors import stores
    from pipeline.clocks import SystemClock
    from pipeline.compose import load_policy
    from pipeline.stores.redis.troubles import meaning
    from pipeline.stores.redis.workers import reports

    teams = sorted(load_policy(settings).teams)
    names = ["feedback", "moments", *(f"alerts.{team}" for team in teams)]
    try:
        async with stores(settings) as house:
            workers = await reports(house.client, settings.redis_prefix)
    except (RedisError, OSError) as error:
        raise meaning(error) from error
    found = await lags(settings, [settings.topic(name) for name in names])
    return {
        "at": SystemClock().seconds(),
        "workers": workers,
        "lags": dict(
            zip(names, [{"end": lag.end, "committed": lag.committed, "lag": lag.lag} for lag in found], strict=True)
        ),
    }


def told(before: "Mapping[str, Any]", now: "Mapping[str, Any]") -> dict[str, Any]:
    """Answer what two looks show: lag and events/s per topic, ages per topic and worker."""
    seconds = max(1e-3, now["at"] - before["at"])
    topics = {}
    for name, lag in now["lags"].items():
        done = lag["committed"] - before["lags"].get(name, lag)["committed"]
        topics[name] = {**lag, "events_per_second": round(max(0, done) / seconds, 1)}
    earlier = {each.get("worker"): each for each in before["workers"]}
    workers = []
    for each in now["workers"]:
        was = earlier.get(each.get("worker"), each).get("topics", {})
        flows = {}
        for name, flow in each.get("topics", {}).items():
            more = flow["events"] - was.get(name, flow)["events"]
            flows[name] = {**flow, "events_per_second": round(max(0, more) / seconds, 1)}
        workers.append({**each, "topics": flows})
    return {"lag": sum(lag["lag"] for lag in topics.values()), "topics": topics, "workers": workers}


def _screen(figures: "Mapping[str, Any]") -> "Group":
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = [_topics(figures["topics"]), Text()]
    if figures["workers"]:
        parts.append(_workers(figures["workers"]))
    else:
        parts.append(Text("no worker is alive; start one: heartline worker", style="#ff6b6b"))
    return Group(*parts)


def _topics(topics: "Mapping[str, Any]") -> Any:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("topic")
    for heading in ("records", "done", "lag", "events/s"):
        table.add_column(heading, justify="right")
    for name, lag in topics.items():
        style = "#ff6b6b" if lag["lag"] > LAG_MUCH else "#f2c14e" if lag["lag"] else "#5fd787"
        rate = f"{lag['events_per_second']:,.0f}" if lag["events_per_second"] else ""
        table.add_row(
            show.line(name), f"{lag['end']:,}", f"{lag['committed']:,}", Text(f"{lag['lag']:,}", style=style), rate
        )
    return table


def _workers(workers: "Sequence[Mapping[str, Any]]") -> Any:
    from rich.table import Table

    from pipeline.cli import show

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("worker", "topic"):
        table.add_column(heading)
    for heading in ("events", "batches", "rejected", "events/s", "age p50", "p95", "p99"):
        table.add_column(heading, justify="right")
    for worker in workers:
        name = show.line(str(worker.get("worker", "?")))
        for topic, flow in worker["topics"].items() or [("waiting", None)]:
            if flow is None:
                table.add_row(name, "waiting for events")
                continue
            ages = [_milliseconds(flow["age_ms"][share]) for share in ("p50", "p95", "p99")]
            rate = f"{flow['events_per_second']:,.0f}" if flow["events_per_second"] else ""
            counts = [f"{flow[count]:,}" for count in ("events", "batches", "rejected")]
            table.add_row(name, show.line(topic), *counts, rate, *ages)
            name = ""
    return table


def _milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.0f} s"
