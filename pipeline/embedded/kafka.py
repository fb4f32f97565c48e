"""Apache Kafka itself: one node, its controller within (KRaft), without its tarball.

Nobody packs the broker for pip. Its jars are on Maven Central, so Maven brings them (44 MB, some seconds, once)
from the ``pom.xml`` beside this file into the user's cache (``jars.py``). Then a broker is started once, to keep
an archive of the classes that it loads (class data sharing, JEP 350): with it a start takes 1.5 s in place of
2.6, and 60 MB less memory.
"""

import base64
import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import ClassVar

from pipeline.domain.errors import Misconfigured, Unavailable
from pipeline.embedded import java
from pipeline.embedded.jars import Jars, bring
from pipeline.embedded.kafka_protocol import serves
from pipeline.embedded.lock import held
from pipeline.embedded.ports import free_port
from pipeline.embedded.server import Say, Server, ended, errand, silent, tail

FORMAT_SECONDS_MAX = 60.0
RECORD_BYTES_MAX = 16_777_216  # the largest that a topic may allow by its own max.message.bytes


class Kafka(Server):
    """Apache Kafka on Java 17 or newer; the folder holds its settings, data and log.

    As in production: acknowledged records survive ``kill``, producers may be idempotent or transactional, topics
    are not made by themselves, a record is 1 MiB at most unless its topic says ``max.message.bytes``.
    """

    name: ClassVar[str] = "kafka"
    start_seconds_max: ClassVar[float] = 60.0
    stop_seconds_max: ClassVar[float] = 15.0
    idempotent: ClassVar[bool] = True

    def __init__(self, folder: Path, say: Say = silent, *, port: int = 0) -> None:
        super().__init__(folder, say, port=port)
        self._controller_port = 0
        self._jars: Jars | None = None
        digest = hashlib.sha256(str(self.folder).encode()).digest()[:16]
        self._cluster = base64.urlsafe_b64encode(digest).decode().rstrip("=")

    @classmethod
    def available(cls) -> str | None:
        """Answer None, or that Java or Maven is missing."""
        return java.missing()

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of broker and controller."""
        return (self.port, self._controller_port)

    def take_ports(self) -> None:
        """Choose the ports of broker and controller."""
        super().take_ports()
        self._controller_port = free_port()

    async def prepare(self) -> None:
        """Bring the jars and learn their classes, where that was not done before."""
        self._jars = await bring(self._say)
        await learn(self._jars, self._say)

    async def _start_once(self) -> None:
        self._controller_port = self._controller_port or free_port()
        self._settings.write_text(properties(self.folder, self.port, self._controller_port), encoding="utf-8")
        (self.folder / "tmp").mkdir(exist_ok=True)
        if not (self._data / "meta.properties").exists():
            await self._format()
        self._cluster = formatted(self._data)
        await super()._start_once()

    def command(self) -> list[str]:
        """Answer the command line of the broker."""
        return self._java("kafka.Kafka", str(self._settings))

    async def answers(self) -> bool:
        """Whether a broker of our own cluster id answers, and is known to its controller."""
        return await serves(self.address, self._cluster)

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _java(self, main: str, *arguments: str) -> list[str]:
        if self._jars is None:
            raise Unavailable("the jars of Apache Kafka are not there yet: start the server first")
        return self._jars.command(self.folder / "tmp", main, *arguments)

    async def _format(self) -> None:
        command = self._java(
            "kafka.tools.StorageTool", "format", f"--cluster-id={self._cluster}", "-c", str(self._settings)
        )
        log = self.folder / "format.log"
        async with errand(command, log, self.folder, self.environment()) as child:
            if await ended(child, FORMAT_SECONDS_MAX) != 0:
                raise Misconfigured(f"{self._data} cannot be made ready for Kafka; the end of {log}:\n{tail(log)}")


def properties(folder: Path, port: int, controller_port: int) -> str:
    """Answer the settings of a broker that is its own controller, for ``server.properties``."""
    broker, controller = f"127.0.0.1:{port}", f"127.0.0.1:{controller_port}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(folder / "data").replace("\\", "\\\\"),
        "auto.create.topics.enable": "false",
        "replica.fetch.max.bytes": str(RECORD_BYTES_MAX),
        # One node: it is every replica of everything.
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A broker that was killed is believed alive, and refused when it comes back, for this long (9 s in Kafka).
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # Quick to join, small in memory.
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "log.cleaner.dedupe.buffer.size": "2097152",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def formatted(data: Path) -> str:
    """Answer the cluster id that a data folder was made ready for."""
    lines = (data / "meta.properties").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["cluster.id"]


async def learn(jars: Jars, say: Say) -> None:
    """Make the archive of classes, once for each Java. It only saves time, so a failure is noted and passed."""
    if jars.archive.is_file():
        return
    async with held(jars.place / "lock"):
        if jars.archive.is_file():
            return
        say("Starting Apache Kafka once to learn its classes (8 s, once)")
        with tempfile.TemporaryDirectory(prefix="learn-", dir=jars.place, ignore_cleanup_errors=True) as folder:
            pupil = _Pupil(Path(folder), jars)
            pupil.draft.touch()
            with contextlib.suppress(Unavailable, Misconfigured):
                async with pupil:
                    pass
            pupil.draft.rename(jars.archive)


class _Pupil(Kafka):
    """A broker that writes down its classes when it ends, which takes it some seconds."""

    stop_seconds_max: ClassVar[float] = 60.0

    def __init__(self, folder: Path, jars: Jars) -> None:
        super().__init__(folder)
        self.draft = self.folder / "classes.jsa"
        self._jars = jars

    async def prepare(self) -> None:
        """Need nothing but what was given."""

    def command(self) -> list[str]:
        """Answer the command line of the broker, told to write its classes down."""
        java_, *rest = super().command()
        return [java_, f"-XX:ArchiveClassesAtExit={self.draft}", *rest]
