"""A worker: opens the doors, checks the topics, runs the agents until it is told to stop."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, suppress
from typing import cast

import faust
from redis.exceptions import RedisError

from agents.app import create_app
from agents.carrier import EXIT_UNAVAILABLE, EXIT_UNFINISHED, Carrier, leave
from agents.driver import Consumer
from agents.seat import Seat, seats_folder, taken
from agents.watchdog import Watchdog
from pipeline.buses.topics import inspect
from pipeline.compose import House, open_house
from pipeline.domain.errors import HeartlineError, Misconfigured, Unavailable
from pipeline.settings import Settings
from pipeline.stores.redis.workers import report, withdraw

EXIT_MISCONFIGURED = 2
REPORT_SECONDS = 1.0
STOP_SECONDS_MAX = 60.0
# What a batch is made of dies with it, uncollected; a collection in its middle would walk all of it in vain. One of the
# oldest generation walks everything that lives; what was made at the start never dies.
GC_THRESHOLDS = (200_000, 20, 50)

log = logging.getLogger("heartline")
Opener = Callable[[Settings], AbstractAsyncContextManager[House]]


def run(settings: Settings, only: Collection[str] = (), opener: Opener = open_house) -> int:
    """Run a worker until SIGTERM or SIGINT; answer its exit code. ``opener`` opens the doors."""
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_work(settings, only, opener))
    except Misconfigured as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        return EXIT_MISCONFIGURED
    except Unavailable as error:
        log.error("%s", error)  # noqa: TRY400
        return EXIT_UNAVAILABLE
    except HeartlineError:
        log.exception("the worker ends")
        return EXIT_UNFINISHED


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _work(settings: Settings, only: Collection[str], opener: Opener) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with opener(settings) as house:
        teams = sorted(house.doors.policy.teams)
        await _check_topics(settings, teams)
        # A group gives what the one had that was killed: only who reads the same topics may have its name.
        role = (settings.kafka, settings.group, settings.prefix, *teams, "only", *sorted(only))
        with taken(settings.seats or seats_folder(), role) as seat:
            log.info("seat: %s", seat.name if seat else "none, nobody will take over at once")
            app, carrier = create_app(settings, house, only, seat.name if seat and house.knows_again else None)
            code = await _serve(settings, house, app, carrier, stopping, seat)
    log.info("stopped")
    return code


async def _serve(  # noqa: PLR0917
    settings: Settings, house: House, app: faust.App, carrier: Carrier, stopping: asyncio.Event, seat: Seat | None
) -> int:
    """Run ``app`` until ``stopping``; answer the exit code."""
    watchdog = Watchdog(
        asyncio.get_running_loop(),
        lambda: max(cast("Consumer", app.consumer).stuck_seconds(), carrier.silent_seconds()),
        settings.hung_seconds,
    )
    reporting = asyncio.create_task(_report(settings, house, seat))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        await app.start()
        watchdog.start()
        log.info("ready: group %s, Kafka %s, reader %s", settings.group, settings.kafka, house.doors.reader.name)
        await app.wait(stopping.wait())
        crashed = app.crashed
    finally:
        # From here on only the end of the batches in work is waited for; then the offsets are committed.
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await app.stop()
        except TimeoutError:
            # The broker is gone for good, say: what is not committed comes again.
            leave(EXIT_UNFINISHED, f"not stopped within {STOP_SECONDS_MAX:g} s")
        watchdog.stop()
        reporting.cancel()
        with suppress(asyncio.CancelledError):
            await reporting
    return EXIT_UNFINISHED if crashed else 0


async def _check_topics(settings: Settings, teams: list[str]) -> None:
    """Refuse to start on topics that are not as they have to be: nothing here is made by chance."""
    ailments = [ailment for state in await inspect(settings, teams) for ailment in state.ailments]
    if ailments:
        raise Misconfigured("\n".join(ailments))


async def _report(settings: Settings, house: House, seat: Seat | None) -> None:
    started = house.doors.clock.now().isoformat()
    host = socket.gethostname()
    worker = f"{host}-{os.getpid()}"
    client, prefix = house.stores.client, settings.redis_prefix
    try:
        while True:
            told = {
                "worker": worker,
                "host": host,
                "pid": os.getpid(),
                "since": started,
                "at": house.doors.clock.now().isoformat(),
                **house.telemetry.snapshot(),
            }
            try:
                await report(client, prefix, worker, told)
            except RedisError as error:
                log.debug("no report: %r", error)
            with suppress(OSError):
                if seat:
                    seat.touch()
            await asyncio.sleep(REPORT_SECONDS)
    finally:
        with suppress(RedisError):
            await withdraw(client, prefix, worker)
