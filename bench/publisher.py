"""A process that publishes at a steady pace, whatever becomes of it (open loop).

``python -m bench.publisher KAFKA TOPIC RATE SECONDS START [LONG_EVERY_SECONDS]`` with feedbacks as NDJSON on standard
input. Each is planned for a moment, and that moment is its ``at``, which its alert carries: what is measured from
there holds the publisher's own delay as well. From time to time, where asked, one of the texts is 200 kB long.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from time import sleep, time
from typing import Any

import orjson
from confluent_kafka import Producer

from bench.ground import PARTITIONS
from pipeline.client import prepare
from pipeline.clocks import SystemClock
from pipeline.domain.buckets import partition_of

TICK_SECONDS = 0.001
LONG_CHARS = 200_000
FLUSH_SECONDS_MAX = 30.0


def planned(rate: float, seconds: float, start: float, long_every: float | None) -> Iterator[tuple[float, bool]]:
    """Answer when each event is due, and whether its text is the long one of its turn."""
    next_long = start + long_every if long_every else float("inf")
    for number in range(round(rate * seconds)):
        due = start + number / rate
        is_long = due >= next_long
        if is_long:
            next_long += long_every or 0
        yield due, is_long


def publish(arguments: list[str]) -> None:
    """Publish, then wait until the broker has everything."""
    kafka, topic = arguments[:2]
    rate, seconds, start = map(float, arguments[2:5])
    long_every = float(arguments[5]) if len(arguments) > 5 else None
    said: list[dict[str, Any]] = [orjson.loads(line) for line in sys.stdin.buffer]
    clock = SystemClock()
    keys = [prepare(data, clock)[1] for data in said]
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "acks": "all", "log_level": 0})
    late = 0.0
    for number, (due, is_long) in enumerate(planned(rate, seconds, start, long_every)):
        while (now := time()) < due:
            producer.poll(0)
            sleep(min(TICK_SECONDS, due - now))
        late = max(late, now - due)
        data, send = said[number % len(said)], keys[number % len(said)]
        body = {name: data[name] for name in ("channel", "text", "touchpoint", "handles")}
        body["at"] = datetime.fromtimestamp(due, UTC).isoformat(timespec="microseconds")
        if is_long:
            text = str(data["text"]) + " "
            body["text"] = (text * (LONG_CHARS // len(text) + 1))[:LONG_CHARS]
        headers = [*send.headers]
        headers[2] = ("ce_id", f"p{number}".encode())
        producer.produce(
            topic, orjson.dumps(body), send.key, partition=partition_of(send.key or b"", PARTITIONS), headers=headers
        )
    left = producer.flush(FLUSH_SECONDS_MAX)
    sys.stdout.write(orjson.dumps({"left": left, "late_ms": round(1000 * late, 1)}).decode())


if __name__ == "__main__":
    publish(sys.argv[1:])
