"""All servers together."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import redis

from pipeline.domain.errors import Misconfigured
from pipeline.embedded import house
from pipeline.embedded.house import servers
from pipeline.embedded.tansu import Tansu
from pipeline.embedded.valkey import Valkey


@pytest.mark.service
async def test_both_are_up_within_the_block(tmp_path: Path) -> None:
    """Broker and Valkey answer within the block, each with its folder, and are gone after it."""
    async with servers("tansu", tmp_path) as running:
        assert running.kafka.startswith("127.0.0.1:")
        with redis.Redis.from_url(running.redis) as client:
            assert client.ping()
        assert [server.name for server in running.started] == ["tansu", "valkey"]
        assert all(server.log.is_relative_to(tmp_path / server.name) for server in running.started)
        assert not running.idempotent
    assert not any(server.alive for server in running.started)


async def test_servers_that_exist_are_used(tmp_path: Path) -> None:
    """With ``kafka`` and ``redis`` given nothing is started, and nothing is ever reported dead."""
    async with servers("tansu", tmp_path, kafka="192.0.2.1:9092", redis="redis://192.0.2.1/3") as running:
        assert (running.kafka, running.redis) == ("192.0.2.1:9092", "redis://192.0.2.1/3")
        assert running.started == []
        assert running.idempotent
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(running.died(), 0.05)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a look after the loop's work is done


@pytest.mark.service
async def test_one_of_two_may_exist(tmp_path: Path) -> None:
    """With only ``kafka`` given, Valkey alone is started."""
    async with servers("tansu", tmp_path, kafka="192.0.2.1:9092") as running:
        assert [server.name for server in running.started] == ["valkey"]
        assert running.kafka == "192.0.2.1:9092"


@pytest.mark.service
async def test_the_death_of_one_is_told(tmp_path: Path) -> None:
    """When either ends by itself, the house says which, how, and its last words."""
    async with servers("tansu", tmp_path) as running:
        os.kill(running.started[1].pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            told = await running.died()
    assert "valkey ended by itself (killed by SIGKILL)" in told
    assert "Ready to accept connections" in told


@pytest.mark.service
async def test_one_that_cannot_run_stops_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the broker cannot run, its own error is raised and the Valkey that came up is stopped."""
    up = asyncio.Event()
    started: list[Valkey] = []

    class Noted(Valkey):
        async def start(self) -> None:
            await super().start()
            started.append(self)
            up.set()

    class Broken(Tansu):
        async def prepare(self) -> None:
            await asyncio.wait_for(up.wait(), 10)
            raise Misconfigured("no such broker; install it with: pip install it")

    monkeypatch.setitem(house.BROKERS, "tansu", Broken)
    monkeypatch.setattr(house, "Valkey", Noted)
    with pytest.raises(Misconfigured, match="pip install it"):
        async with servers("tansu", tmp_path):
            pytest.fail("the house opened without its broker")
    assert len(started) == 1
    assert not started[0].alive


@pytest.mark.service
async def test_a_failure_does_not_wait_for_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Valkey cannot run, that is told at once, not after the broker's jars were brought."""

    class Endless(Tansu):
        async def prepare(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setitem(house.BROKERS, "tansu", Endless)
    monkeypatch.setattr(Valkey, "available", staticmethod(lambda: "no Valkey here"))
    async with asyncio.timeout(5):
        with pytest.raises(Misconfigured, match="no Valkey here"):
            async with servers("tansu", tmp_path):
                pytest.fail("the house opened without Valkey")


async def test_an_unknown_broker_is_told(tmp_path: Path) -> None:
    """A broker that does not exist is refused with the names of those that do."""
    with pytest.raises(Misconfigured, match="'pulsar'; take one of: tansu, kafka"):
        async with servers("pulsar", tmp_path):
            pass
