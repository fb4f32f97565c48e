"""The scene that the fault tests of whole workers play in."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.embedded.server import Server
from pipeline.embedded.valkey import Valkey
from tests.faults.scene import Scene


@pytest.fixture
async def stage(broker: Server, valkey: Valkey, prefix: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """Topics made, nobody working yet; workers do not outlive the test."""
    scene = Scene(tmp_path, broker.address, valkey.url, f"{prefix}{os.getpid()}-")
    await scene.topics()
    yield scene
    scene.close()
