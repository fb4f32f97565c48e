"""A worker whose agent writes down what it was given, for `test_engine`: one process of the group under test.

The journal is a file that only grows: ``began`` and ``done`` lines with partition and offsets, each written with one
call before, and after, the body's work. So it also tells of work that a killed worker had begun.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import faust

from agents.carrier import EXIT_UNFINISHED
from agents.driver import app_options
from agents.watchdog import Watchdog


def app_of(plan: dict[str, Any]) -> faust.App:
    """Build the app that ``plan`` describes."""
    app = faust.App(
        plan["group"],
        datadir=plan["folder"],
        **app_options(plan["brokers"], session_seconds=6.0, rebalance_seconds=plan["rebalance_seconds"]),
    )
    app.batch_events_max = plan["batch_events_max"]
    journal = os.open(plan["journal"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(word: str, records: tuple[Any, ...]) -> None:
        lines = [f"{word} {record.partition} {record.offset} {record.value.decode()}\n" for record in records]
        os.write(journal, "".join(lines).encode())

    @app.agent(app.topic(plan["topic"]), concurrency=plan["concurrency"])
    async def write_down(stream: Any) -> None:
        async for records in stream:
            note("began", records)
            slow = plan["slow_seconds"] if records[0].partition in plan["slow_partitions"] else 0.0
            await asyncio.sleep(slow or plan["batch_seconds"])
            if any(record.value.decode() in plan["block_at"] for record in records):
                time.sleep(600)  # noqa: ASYNC251 - the fault
            if any(record.value.decode() in plan["hang_at"] for record in records):
                await asyncio.Event().wait()
            if any(record.value.decode() in plan["raise_at"] for record in records):
                raise ValueError("as planned")
            note("done", records)

    if plan["hung_seconds"]:

        @app.task
        async def watch() -> None:
            consumer: Any = app.consumer
            Watchdog(asyncio.get_running_loop(), consumer.stuck_seconds, plan["hung_seconds"]).start()

    return app


async def run(plan: dict[str, Any]) -> int:
    """Run until SIGTERM or until Faust gives up; answer the exit code."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    app = app_of(plan)
    await app.start()
    try:
        await app.wait(stopping.wait())
        return EXIT_UNFINISHED if app.crashed else 0
    finally:
        await app.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.exit(asyncio.run(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
