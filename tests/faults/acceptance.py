"""The acceptance run: real rows, all of them twice, in any order, while workers are killed; then the checker's report.

    python -m tests.faults.acceptance FOLDER --map reviews --broker tansu --every 10 --seed 1

Every ``*.jsonl`` and ``*.ndjson`` of the folder is read through the column map. Two workers work; every ``--every``
seconds one of them, in turn, is killed with -9 and replaced, until everything has been read by them. Exit code 0 if
the report is clean. Not a test that pytest collects: it needs a folder, and minutes.
"""

import argparse
import asyncio
import random  # noqa: TID251 - seeded
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from pipeline.buses.kafka import KafkaBus
from pipeline.buses.topics import lags
from pipeline.cli.maps import load_map
from pipeline.cli.rows import row_of
from pipeline.cli.up import TANSU
from pipeline.cli.verify import _plain, _tell
from pipeline.client import prepare
from pipeline.clocks import SystemClock
from pipeline.domain.errors import Rejected
from pipeline.embedded.house import BROKERS, servers
from pipeline.ports import Send
from pipeline.verify import verify
from tests.faults.scene import Scene, Worker

SLICE = 2_000


def say(words: str) -> None:
    """Say how far the run is."""
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)  # noqa: T201


def rows_of(folder: Path, name: str) -> Iterator[Mapping[str, Any]]:
    """Answer every row that the map makes a feedback of."""
    columns, left_out = load_map(name), 0
    for file in sorted([*folder.glob("*.jsonl"), *folder.glob("*.ndjson")]):
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                row = row_of(number, line.rstrip(b"\n"), columns)
                if row.data is None:
                    left_out += 1
                else:
                    yield row.data
    say(f"{left_out} rows were refused by the map")


def sends_of(rows: Iterator[Mapping[str, Any]], chance: random.Random) -> tuple[list[tuple[str, str, Send]], int]:
    """Answer what to send, everything twice and in any order, and how many events that is."""
    clock, ready = SystemClock(), []
    for row in rows:
        with suppress(Rejected):
            feedback, send = prepare(row, clock)
            ready.append((feedback.source, feedback.id, send))
    twice = [*ready, *ready]
    chance.shuffle(twice)
    return twice, len({each[:2] for each in ready})


async def publish(scene: Scene, sends: Sequence[tuple[str, str, Send]], ledger: Path) -> None:
    """Send everything, and note before and after what is known of it."""
    with ledger.open("ab") as book:
        async with KafkaBus(scene.settings) as bus:
            for at in range(0, len(sends), SLICE):
                several = sends[at : at + SLICE]
                for state in ("info", "ok"):
                    if state == "ok":
                        await bus.send([send for _, _, send in several])
                    for source, event, _ in several:
                        book.write(orjson.dumps({"id": event, "source": source, "state": state}) + b"\n")
                    book.flush()


async def behind(scene: Scene) -> int:
    """Answer how many records the workers have not read."""
    names = ["feedback", "moments", *(f"alerts.{team}" for team in scene.policy.teams)]
    return sum(each.lag for each in await lags(scene.settings, [scene.settings.topic(name) for name in names]))


async def harass(scene: Scene, every: float, published: asyncio.Event, kills_max: int) -> int:
    """Kill a worker every so many seconds until nothing is left to read; answer how many were."""
    pair: list[Worker] = [scene.work(), scene.work()]
    for turn in count():
        await asyncio.sleep(every)
        left = await behind(scene)
        for place, worker in enumerate(pair):
            if not worker.running:
                say(f"worker ended by itself with {worker.process.returncode}: {worker.words[-800:]}")
                pair[place] = scene.work()
        if (published.is_set() and left == 0) or turn >= kills_max:
            return turn
        pair[turn % 2].end(signal.SIGKILL)
        pair[turn % 2] = scene.work()
        say(f"kill {turn + 1}; {left} records to read")
    raise AssertionError("counting ends never")


async def run(given: argparse.Namespace, folder: Path) -> int:
    """Play the whole of it; answer the exit code."""
    say(f"seed {given.seed}, broker {given.broker}, in {folder}")
    sends, events = sends_of(rows_of(given.folder, given.map), random.Random(given.seed))
    say(f"{events} events, {len(sends)} records to publish")
    async with servers(given.broker, folder) as house:
        settings = {} if house.idempotent else TANSU  # as `heartline up` does
        scene = Scene(folder, house.kafka, house.redis, "acceptance-", partitions=8, **settings)
        await scene.topics()
        published = asyncio.Event()
        try:
            harassing = asyncio.create_task(harass(scene, given.every, published, given.kills_max))
            ledger = folder / "ledger.ndjson"
            await publish(scene, sends, ledger)
            say("everything is published")
            published.set()
            kills = await harassing
            say(f"{kills} workers were killed; checking")
            report = await verify(scene.settings, scene.policy, ledgers=[ledger], wait_seconds=given.wait)
        finally:
            scene.close()
    _tell(report)
    print(orjson.dumps({**_plain(report), "kills": kills, "expected": events}).decode())  # noqa: T201
    return 0 if report.clean and report.totals["events"] == events else 1


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the NDJSON files are")
    parser.add_argument("--map", default="feedback", help="column map, as of `heartline publish`")
    parser.add_argument("--broker", choices=sorted(BROKERS), default="tansu")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two kills")
    parser.add_argument("--kills-max", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wait", type=float, default=300.0, help="seconds that the workers have for the rest")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heartline-acceptance-") as folder:
        return asyncio.run(run(given, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
