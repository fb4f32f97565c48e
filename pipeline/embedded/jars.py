"""The jars of Apache Kafka, brought by Maven into the user's cache, and the command that runs them."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from pipeline.domain.errors import Misconfigured
from pipeline.embedded import java
from pipeline.embedded.lock import held
from pipeline.embedded.server import Say, ended, errand, tail

VERSION = "4.3.1"
POM = Path(__file__).with_name("pom.xml")
MAVEN_SECONDS_MAX = 900.0
JVM = (
    "-Xmx512m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",  # leaves no file in the system's temporary folder
    "-Xshare:auto",
    "-Xlog:disable",  # the JVM's own remarks on the archive; its errors are printed all the same
    "-Xlog:all=error:stderr",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",  # hundreds of lines at each start
)


class Jars(NamedTuple):
    """The folder of one version in the cache: its jars, and what was learned of their classes."""

    place: Path

    @property
    def folder(self) -> Path:
        """Where the jars are."""
        return self.place / "jars"

    @property
    def archive(self) -> Path:
        """Where the classes are that a broker loads, ready to be mapped by this exact Java.

        Another Java ignores the file. It is empty where this Java could not make it.
        """
        exact = java.version_of(java.program() or "java")
        return self.place / f"classes-{re.sub(r'[^0-9A-Za-z.+-]', '_', exact)}.jsa"

    def command(self, temporary: Path, main: str, *arguments: str) -> list[str]:
        """Answer the command line that runs the class ``main``; native libraries unpack into ``temporary``."""
        archive = self.archive
        learned = archive.is_file() and archive.stat().st_size > 0
        shared = [f"-XX:SharedArchiveFile={archive}"] if learned else []
        start = [java.program() or "java", *JVM, *shared, f"-Djava.io.tmpdir={temporary}"]
        return [*start, "-cp", f"{self.folder}/*", main, *arguments]


def cache() -> Path:
    """Answer the folder of this version in the user's cache; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "heartline" / f"kafka-{VERSION}"


async def bring(say: Say) -> Jars:
    """Answer the jars, from the cache or, once, by Maven; processes that want them at once wait for one.

    Raises Misconfigured when Maven cannot bring them.
    """
    jars = Jars(cache())
    if jars.folder.is_dir():
        return jars
    jars.place.mkdir(parents=True, exist_ok=True)
    async with held(jars.place / "lock"):
        if not jars.folder.is_dir():
            say(f"Bringing Apache Kafka {VERSION} with Maven into {jars.place} (44 MB, once)")
            await _download(jars)
    return jars


async def _download(jars: Jars) -> None:
    log = jars.place / "maven.log"
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never", "--file", str(POM)]
    with tempfile.TemporaryDirectory(prefix="jars-", dir=jars.place, ignore_cleanup_errors=True) as folder:
        fresh = Path(folder) / "jars"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
        async with errand([*command, *goal], log, jars.place) as maven:
            if await ended(maven, MAVEN_SECONDS_MAX) != 0:
                raise Misconfigured(
                    "Maven could not bring Apache Kafka; mend the network (or name your mirror in "
                    f"~/.m2/settings.xml) and start again; the end of {log}:\n{tail(log)}"
                )
        shutil.move(fresh, jars.folder)
