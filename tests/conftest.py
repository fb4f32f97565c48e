"""The servers that tests run on: each started once, when the first test asks for it, and stopped at the end.

A test that uses ``tansu`` or ``valkey`` gets the marker ``service``, one that uses ``kafka`` the marker
``kafka``, one that uses ``broker`` runs once on each.
"""

import asyncio
import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from pipeline.embedded.kafka import Kafka
from pipeline.embedded.server import Server
from pipeline.embedded.tansu import Tansu
from pipeline.embedded.valkey import Valkey

# Who runs the tests in the background of a shell has Ctrl-C ignored, and so would every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is nothing a test may fail by: machines are busy.
settings.register_profile("heartline", deadline=None)
settings.load_profile("heartline")

MARKERS = {"tansu": "service", "valkey": "service", "flush": "service", "kafka": "kafka"}
BROKERS = [
    pytest.param("tansu", marks=pytest.mark.service),
    pytest.param("kafka", marks=pytest.mark.kafka),
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers that it uses, so that no test runs in too small a tier."""
    for item in items:
        wanted = {MARKERS[fixture] for fixture in getattr(item, "fixturenames", ()) if fixture in MARKERS}
        # What needs Apache Kafka as well is of that tier only; no test runs in two.
        if "kafka" in wanted or item.get_closest_marker("kafka"):
            wanted = {"kafka"}
        for marker in wanted:
            item.add_marker(marker)


def running(server: Server) -> Iterator[Server]:
    """Yield a started server; skip, with the reason, where it cannot run."""
    reason = server.available()
    if reason is not None:
        pytest.skip(reason)
    # A loop of its own: servers are bound to none, and the loop of the tests is left as it is.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(server.start())
        try:
            yield server
        finally:
            runner.run(server.stop())


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Tansu, for the whole session; a test that kills it starts it again."""
    yield from running(Tansu(tmp_path_factory.mktemp("tansu")))


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Valkey with the command DEBUG allowed, for the whole session."""
    yield from running(Valkey(tmp_path_factory.mktemp("valkey"), debug=True))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Apache Kafka, for the whole session; a test that kills it starts it again."""
    yield from running(Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Server:
    """Each broker in turn: Tansu in the service tier, Apache Kafka in the kafka tier."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Put this before topics and groups: it belongs to this one test."""
    return f"t{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}-"


@pytest.fixture
def flush(valkey: Valkey) -> Iterator[str]:
    """Answer the URL of a Valkey that is empty now and is emptied after the test."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    yield valkey.url
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).parent.parent
