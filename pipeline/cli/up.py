"""``heartline up``: servers and workers, started, watched and stopped for you; ``--demo`` replays a story."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import STARTED_SECONDS, Place, command

if TYPE_CHECKING:
    from pipeline.cli.crew import Crew
    from pipeline.embedded.house import House
    from pipeline.settings import Settings

# It refuses idempotent producers, and joining its groups takes half a session.
TANSU = {"idempotence": "off", "session_seconds": 4.0}
DEMO_SECONDS_MAX = 120.0  # for the whole story, until everything is accounted for


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(up)


def up(
    place: Place,
    *,
    broker: Annotated[
        str, typer.Option("--broker", metavar="tansu|kafka", help="Which broker to start; kafka needs Java and Maven.")
    ] = "tansu",
    workers: Annotated[int, typer.Option("--workers", min=0, max=64, help="How many workers to start.")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Replay the sample story, live.")] = False,
    leave: Annotated[bool, typer.Option("--exit", help="End when the story is through.")] = False,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="FOLDER", help="Keep the data of kafka there; default: gone at the end."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0, help="Of the story: 1 takes some 20 s; 0 is as fast as can be.")
    ] = None,
) -> int:
    """Start a broker, a Valkey and workers, and stop them together at Ctrl-C; nothing is left behind.

    While it runs, every other heartline command on this machine finds it by itself. With --kafka and --redis it uses
    servers that exist and starts the workers only. The logs stay in the state folder.

    \b
    heartline up --demo                         a story of six weeks, live
    heartline up --broker kafka --workers 2     Apache Kafka itself, two workers
    heartline up --kafka k:9092 --redis redis://r:6379/0
    heartline up --demo --exit --json           for scripts: one JSON object at the end
    """
    from pipeline.domain.errors import Misconfigured

    if leave and not demo:
        raise Misconfigured("--exit ends the story, and there is none; add --demo")
    if data and broker == "tansu" and "kafka" not in place.flags:
        raise Misconfigured("--data: the log of tansu is in memory and would be gone; add --broker kafka")
    plan = Plan(broker, workers, demo, leave, Path(data).absolute() if data else None, speed)
    return _until_told(_up(place, plan), 130 if leave else 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    broker: str
    workers: int
    demo: bool
    leave: bool
    data: Path | None
    speed: float | None


def _until_told(work: Any, ended: int) -> int:
    """Run ``work``; Ctrl-C, SIGTERM and a closed terminal end it in order, with exit code ``ended``.

    A second Ctrl-C changes nothing: what was started is being stopped.
    """

    async def run() -> int:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, _cancel_once(task))
        try:
            return int(await task)
        except asyncio.CancelledError:
            return ended

    return asyncio.run(run())


def _cancel_once(task: "asyncio.Future[Any]") -> Callable[[], None]:
    told = False

    def cancel() -> None:
        nonlocal told
        if not told:
            told = True
            task.cancel()

    return cancel


async def _up(place: Place, plan: Plan) -> int:
    from pipeline.cli.folders import data_folder, log_folder
    from pipeline.clocks import SystemClock

    clock = SystemClock()
    logs = log_folder(clock.now())
    say = _sayer(place, plan)
    with data_folder(plan.data, logs) as folder:
        async with _running(place, plan, folder, logs, say) as (settings, house, crew):
            say(f"ready after {clock.seconds() - STARTED_SECONDS:.1f} s; logs in {logs}")
            return await _first(_main(place, plan, settings, say), _watch(house, crew))


@asynccontextmanager
async def _running(
    place: Place, plan: Plan, folder: Path, logs: Path, say: Callable[[str], None]
) -> "AsyncIterator[tuple[Settings, House, Crew]]":
    from pipeline.buses.topics import apply
    from pipeline.cli.crew import crew
    from pipeline.clocks import SystemClock
    from pipeline.compose import load_policy
    from pipeline.domain.errors import Misconfigured
    from pipeline.embedded.house import servers

    clock = SystemClock()
    at = clock.seconds()
    kafka, redis = place.flags.get("kafka"), place.flags.get("redis")
    async with servers(plan.broker, folder, kafka, redis, say) as house:
        _told_servers(house, say, clock.seconds() - at)
        # What runs here decides, whatever the environment says.
        more: dict[str, Any] = {} if house.idempotent else TANSU
        settings = place.settings_with(kafka=house.kafka, redis=house.redis, **more)
        states = await apply(settings, sorted(load_policy(settings).teams))
        ailments = [ailment for state in states for ailment in state.ailments]
        if ailments:
            raise Misconfigured("\n".join(ailments))
        made = sum(state.made for state in states)
        say(f"topics: {len(states)}, {made} of them made now")
        at = clock.seconds()
        with _announced(settings, say):
            async with crew(plan.workers, settings, folder, logs, say=say, clock=clock.seconds) as hands:
                await hands.ready()
                if plan.workers:
                    say(f"workers: {plan.workers}, ready in {clock.seconds() - at:.1f} s")
                try:
                    yield settings, house, hands
                finally:
                    say("stopping: workers first, then the servers")


def _told_servers(house: "House", say: Callable[[str], None], seconds: float) -> None:
    started = {server.name for server in house.started}
    said = (
        f"started in {seconds:.1f} s: {', '.join(sorted(started))}" if started else "using the servers that were named"
    )
    say(f"Kafka {house.kafka}   Redis {house.redis}   ({said})")


@contextmanager
def _announced(settings: "Settings", say: Callable[[str], None]) -> Iterator[None]:
    """Tell every other command on this machine where the servers are, as long as this lasts."""
    from pipeline.settings import running_file

    file = running_file()
    try:
        other = json.loads(file.read_bytes())["pid"]
        os.kill(other, 0)
    except (OSError, ValueError, KeyError, TypeError):
        other = None
    if other is not None and other != os.getpid():
        say(
            f"another heartline up (pid {other}) runs and commands without flags go there; to reach this one "
            f"give them --kafka {settings.kafka} --redis {settings.redis}"
        )
        yield
        return
    names = ("kafka", "redis", "prefix", "redis_prefix", "group", "partitions", "idempotence", "session_seconds")
    told = {"pid": os.getpid(), **settings.model_dump(mode="json", include=set(names))}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(told))
    fresh.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


async def _first(main: Any, watch: Any) -> int:
    """Answer what ``main`` answers; whatever dies meanwhile ends it."""
    tasks = [asyncio.ensure_future(main), asyncio.ensure_future(watch)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return int(done.pop().result())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(house: "House", crew: "Crew") -> int:
    """Raise Unavailable when a server dies, or a worker does not stay."""
    return await _first(_mourn(house), crew.watch())


async def _mourn(house: "House") -> int:
    from pipeline.domain.errors import Unavailable

    raise Unavailable(await house.died())


async def _main(place: Place, plan: Plan, settings: "Settings", say: Callable[[str], None]) -> int:
    from pipeline.cli.show import emit

    if plan.demo:
        from pipeline.cli.demo import play

        speed = plan.speed if plan.speed is not None else (0.0 if plan.leave and _plain(place) else 1.0)
        told = await play(
            settings,
            speed,
            STARTED_SECONDS,
            DEMO_SECONDS_MAX,
            screen=not _plain(place),
            say=_hush if place.asked_json else say,
        )
        if plan.leave:
            if place.asked_json:
                emit(told)
            return 0
    _next(settings, say, demo=plan.demo)
    await asyncio.Event().wait()
    return 0


def _plain(place: Place) -> bool:
    return place.json


def _hush(_: str) -> None:
    """Say nothing: the figures at the end say it all."""


def _next(settings: "Settings", say: Callable[[str], None], *, demo: bool) -> None:
    say("")
    say("It stays up until Ctrl-C. In another terminal, try:")
    who = "tom.okafor@example.org" if demo else "ana@example.com"
    tries = (
        (f"heartline timeline {who}", "one person, every channel, and why"),
        ("heartline watch alerts", "what the teams must answer, as it comes"),
        ("heartline cases", "what is open, and until when"),
        ("heartline status", "lag, rates, ages"),
        ("heartline publish FILE", "your own feedback, NDJSON or CSV"),
    )
    for line, what in tries:
        say(f"  {line:<42} {what}")


def _sayer(place: Place, plan: Plan) -> Callable[[str], None]:
    """Answer what tells of the progress: on stdout for people, on stderr where stdout is for JSON."""
    from pipeline.cli.show import console, errors, safe

    out = errors() if place.asked_json else console()

    def say(told: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            out.print(safe(told), soft_wrap=True)
            sys.stdout.flush()

    return say
