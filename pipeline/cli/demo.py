"""The demo: the sample story is published, and what becomes of it is shown as it happens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import orjson

from pipeline.buses.kafka import KafkaBus
from pipeline.buses.topics import lags
from pipeline.cli.stream import Stream, from_now
from pipeline.cli.tally import Tally
from pipeline.client import prepare
from pipeline.clocks import SystemClock
from pipeline.compose import load_policy
from pipeline.domain.errors import Unavailable
from pipeline.domain.policy import Policy
from pipeline.samples import story
from pipeline.settings import Settings

STORY_SECONDS = 20.0  # at speed 1
BATCH_EVENTS = 100
FRAME_SECONDS = 0.12
LAG_PAUSE_SECONDS = 0.25
QUIET_MIN = 3  # tenths of a second without a record, once nothing is left to work on


def shifted(now: datetime) -> Iterator[dict[str, Any]]:
    """Answer the story with its times moved by whole days, so that its last one is today, or yesterday evening."""
    told = [orjson.loads(line) for line in story()]
    last = max(datetime.fromisoformat(each["at"]) for each in told)
    shift = timedelta(days=(now - last) // timedelta(days=1))
    for each in told:
        yield {**each, "at": datetime.fromisoformat(each["at"]) + shift}


async def play(
    settings: Settings,
    speed: float,
    began: float,
    seconds_max: float,
    *,
    screen: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Publish the story (``speed`` 0: as fast as can be), show it, and answer its figures when all is through.

    Raises Unavailable when not everything that was published is accounted for within ``seconds_max``.
    """
    clock, policy = SystemClock(), load_policy(settings)
    tally = Tally(began, settings.prefix)
    topics = ["moments", *(f"alerts.{team}" for team in sorted(policy.teams)), "cases", "rejects"]
    async with from_now(settings, topics) as stream, _shown(tally, policy, screen=screen, say=say) as shown:
        reading = asyncio.create_task(_read(stream, tally, clock))
        try:
            async with asyncio.timeout(seconds_max + (STORY_SECONDS / speed if speed else 0)):
                await _publish(settings, speed, tally, policy, reading)
                await _through(settings, topics, tally, stream, reading)
        except TimeoutError:
            raise Unavailable(
                f"after {seconds_max:g} s only {len(tally.moments)} moments and {tally.rejected} rejects came of "
                f"{tally.published} events; look at `heartline status` and the logs of the workers"
            ) from None
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        shown()
    return tally.told()


async def _publish(
    settings: Settings, speed: float, tally: Tally, policy: Policy, reading: "asyncio.Task[None]"
) -> None:
    clock = SystemClock()
    events = list(shifted(clock.now()))
    pause = STORY_SECONDS / len(events) / speed if speed else 0.0
    size = 1 if speed else BATCH_EVENTS
    async with KafkaBus(settings) as bus:
        due = clock.seconds()
        for start in range(0, len(events), size):
            ready = [prepare(each, clock, policy.phone_region) for each in events[start : start + size]]
            for feedback, _ in ready:
                tally.sent(feedback, clock.seconds())
            await bus.send([send for _, send in ready])
            due += pause
            await asyncio.sleep(max(0.0, due - clock.seconds()))
            if reading.done():
                reading.result()


async def _read(stream: Stream, tally: Tally, clock: SystemClock) -> None:
    while True:
        for record in await stream.some():
            tally.see(record, clock.seconds())


async def _through(
    settings: Settings, topics: list[str], tally: Tally, stream: Stream, reading: "asyncio.Task[None]"
) -> None:
    """Wait until every event is accounted for and every step has met all that was sent to it."""
    while not tally.accounted:
        if reading.done():
            reading.result()
        await asyncio.sleep(LAG_PAUSE_SECONDS / 5)
    steps = ["feedback", *(topic for topic in topics if topic.partition(".")[0] in {"moments", "alerts"})]
    names = [settings.topic(topic) for topic in steps]
    while sum(lag.lag for lag in await lags(settings, names)) or stream.quiet < QUIET_MIN:  # noqa: ASYNC110
        await asyncio.sleep(LAG_PAUSE_SECONDS)


@asynccontextmanager
async def _shown(
    tally: Tally, policy: Policy, *, screen: bool, say: Callable[[str], None]
) -> AsyncIterator[Callable[[], None]]:
    """Show the tally as it grows; what is answered shows how it ended."""
    if not screen:
        async with _lines(tally, say) as end:
            yield end
        return
    from rich.live import Live

    from pipeline.cli.screen import frame
    from pipeline.cli.show import console

    out = console()
    with Live(frame(tally, policy, out.size), console=out, screen=True, auto_refresh=False) as live:
        painting = asyncio.create_task(_paint(lambda: live.update(frame(tally, policy, out.size), refresh=True)))
        try:
            yield lambda: None
        finally:
            painting.cancel()
            with suppress(asyncio.CancelledError):
                await painting
    width, height = out.size
    out.print(frame(tally, policy, (width, max(24, height - 12))), height=max(24, height - 12))


async def _paint(paint: Callable[[], None]) -> None:
    while True:
        paint()
        await asyncio.sleep(FRAME_SECONDS)


@asynccontextmanager
async def _lines(tally: Tally, say: Callable[[str], None]) -> AsyncIterator[Callable[[], None]]:
    from pipeline.cli.show import line, short

    told: set[str] = set()

    def tell() -> None:
        for team, alerts in list(tally.alerts.items()):
            for alert in list(alerts.values()):
                if alert.id not in told:
                    told.add(alert.id)
                    words = ", ".join(line(word) for word in alert.why.words[:3])
                    felt = f"{alert.why.primary or 'unsure'} at {line(alert.touchpoint)}"
                    say(f"alert {team:<9} {alert.severity:<6} {short(alert.person)} {felt}: {words}")

    painting = asyncio.create_task(_paint(tell))

    def end() -> None:
        tell()
        figures = tally.told()
        alerts = sum(figures["alerts"].values())
        say(
            f"{figures['published']} published, {figures['moments']} moments, {figures['rejected']} rejected, "
            f"{alerts} alerts, {figures['cases']} cases; {figures['events_per_second']} events/s, "
            f"first alert after {figures['seconds_to_first_alert']} s"
        )

    try:
        yield end
    finally:
        painting.cancel()
        with suppress(asyncio.CancelledError):
            await painting
