"""Redis dies, becomes a replica, falls silent, is cut off and forgets its scripts, under working workers.

The doors alone are tested by `test_redis`; here whole workers hold the line and the checker finds nothing.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio

from pipeline.embedded.server import Server
from pipeline.embedded.valkey import Valkey
from tests.faults.crowd import crowd
from tests.faults.proxy import Proxy
from tests.faults.scene import Scene

SEED = 20_261_124
EVENTS = 300


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A Valkey that only this test uses, for it is not well treated."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder, debug=True)
    if reason := server.available():
        pytest.skip(reason)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def scene(broker: Server, own: Valkey, prefix: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene on that Valkey."""
    scene = Scene(tmp_path, broker.address, own.url, f"{prefix}{os.getpid()}-")
    await scene.topics()
    yield scene
    scene.close()


async def test_redis_is_killed(scene: Scene, own: Valkey) -> None:
    """T21: Redis killed under load and started again: the worker waits meanwhile, lives on, and nothing is lost."""
    worker = scene.work()
    await scene.until(lambda: "ready" in worker.words, "the worker is ready")
    load = asyncio.ensure_future(scene.publish(crowd(SEED, EVENTS), per_second=EVENTS / 4))
    await scene.reaches("moments", 20)
    await own.kill()
    await scene.until(lambda: "next try in" in worker.words, "the worker holds the line")
    await own.start()
    await load
    await scene.clean(EVENTS)
    assert worker.running


async def test_redis_becomes_a_replica(scene: Scene, own: Valkey) -> None:
    """T25: a Redis that refuses writes is waited for, and the log says what to do."""
    worker = scene.work()
    await scene.until(lambda: "ready" in worker.words, "the worker is ready")
    async with redis.asyncio.Redis.from_url(own.url) as admin:
        await admin.execute_command("REPLICAOF", "127.0.0.1", "1")
        await scene.publish(crowd(SEED, EVENTS))
        await scene.until(lambda: "read-only replica; point to the primary" in worker.words, "the worker says so")
        await admin.execute_command("REPLICAOF", "NO", "ONE")
    await scene.clean(EVENTS)
    assert worker.running


async def test_redis_falls_silent(scene: Scene, own: Valkey) -> None:
    """T26: writes that hang longer than a client waits are repeated and still count once."""
    worker = scene.work()
    await scene.until(lambda: "ready" in worker.words, "the worker is ready")
    async with redis.asyncio.Redis.from_url(own.url) as admin:
        await admin.execute_command("CLIENT", "PAUSE", "6500", "WRITE")
        await scene.publish(crowd(SEED, EVENTS))
        await scene.until(lambda: "does not answer in time" in worker.words, "the worker waits")
    await scene.clean(EVENTS)
    assert worker.running


async def test_the_connection_is_cut(scene: Scene, own: Valkey) -> None:
    """T27: a connection cut in the middle of what is sent, or of what is answered, again and again, is made anew."""
    async with Proxy("127.0.0.1", own.port) as proxy:
        worker = scene.work(redis=f"redis://127.0.0.1:{proxy.port}/0")
        await scene.until(lambda: "ready" in worker.words, "the worker is ready")
        load = asyncio.ensure_future(scene.publish(crowd(SEED, EVENTS), per_second=EVENTS / 4))
        for turn in range(6):
            proxy.cut_up(1000 + 3777 * turn)
            await asyncio.sleep(0.3)
            proxy.cut_down(500 + 1777 * turn)
            await asyncio.sleep(0.3)
        await load
        await scene.clean(EVENTS)
        assert proxy.connections > 6
        assert worker.running


async def test_scripts_are_forgotten(scene: Scene, own: Valkey) -> None:
    """T28: scripts flushed under load are loaded again, unseen by whoever asked."""
    worker = scene.work()
    await scene.until(lambda: "ready" in worker.words, "the worker is ready")
    load = asyncio.ensure_future(scene.publish(crowd(SEED, EVENTS), per_second=EVENTS / 3))
    async with redis.asyncio.Redis.from_url(own.url) as admin:
        for _ in range(20):
            await admin.script_flush()
            await asyncio.sleep(0.1)
    await load
    await scene.clean(EVENTS)
    assert worker.running
    assert "next try in" not in worker.words
