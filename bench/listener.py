"""A process that listens to alerts as a stranger would: a plain consumer of another client (librdkafka).

``python -m bench.listener KAFKA PREFIX TEAM…`` writes, once its standard input is closed, a JSON list
of what came: when the feedback was due (s since 1970) and after how many ms its alert could be read.
"""

import sys
import threading
from datetime import datetime
from time import time

import orjson
from confluent_kafka import Consumer, TopicPartition

from bench.broker import partitions_of
from bench.ground import PARTITIONS

POLL_SECONDS = 0.2


def listen(arguments: list[str]) -> None:
    """Listen from the beginning of every team's topic."""
    kafka, prefix, *teams = arguments
    ended = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        ended.set()

    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"{prefix}listener",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "log_level": 0,
        }
    )
    consumer.assign(
        [
            TopicPartition(f"{prefix}alerts.{team}", partition, 0)
            for team in teams
            for partition in range(partitions_of(f"alerts.{team}", PARTITIONS))
        ]
    )
    threading.Thread(target=await_end, daemon=True).start()
    came: list[tuple[float, bytes]] = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not ended.is_set():
        message = consumer.poll(POLL_SECONDS)
        if message is not None and message.error() is None:
            came.append((time(), message.value()))
    consumer.close()
    delays = []
    for at, value in came:
        due = datetime.fromisoformat(orjson.loads(value)["at"]).timestamp()
        delays.append((due, round(1000 * (at - due), 3)))
    sys.stdout.write(orjson.dumps(delays).decode())


if __name__ == "__main__":
    listen(sys.argv[1:])
