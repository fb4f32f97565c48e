"""The frame: help, exit codes, one sentence for an error, and nothing heavy imported before it is needed."""

import subprocess
import sys
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.app import create_app
from pipeline.cli.frame import Place, command
from pipeline.domain.errors import Misconfigured, Unavailable

COMMANDS = [
    ["up"],
    ["publish"],
    ["watch"],
    ["timeline"],
    ["cases"],
    ["correct"],
    ["corrections", "export"],
    ["classify"],
    ["train"],
    ["evaluate"],
    ["aspects"],
    ["status"],
    ["doctor"],
    ["verify"],
    ["worker"],
    ["rebuild"],
    ["topics", "apply"],
    ["topics", "list"],
    ["rejects", "list"],
    ["rejects", "replay"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command explains itself with an example and takes the options that all have."""
    monkeypatch.setenv("COLUMNS", "120")
    told = CliRunner().invoke(create_app(), [*words, "--help"])
    assert told.exit_code == 0
    assert f"heartline {' '.join(words)}" in told.output
    for option in ("--kafka", "--redis", "--prefix", "--json", "--debug"):
        assert option in told.output


def test_every_command_is_listed() -> None:
    """The list of commands above is whole, so that no command goes without its help being tested."""
    told = CliRunner().invoke(create_app(), ["--help"])
    for words in COMMANDS:
        assert words[0] in told.output
    names = {group.name or group.callback.__name__ for group in create_app().registered_commands if group.callback}
    names |= {group.name or "" for group in create_app().registered_groups}
    assert names == {words[0] for words in COMMANDS}


def test_imports() -> None:
    """Asking for help loads neither Kafka, Redis, Faust, values nor a reader, so that it answers at once."""
    code = (
        "import sys; from pipeline.cli.app import create_app; create_app();"
        "heavy = ('aiokafka', 'redis', 'faust', 'numpy', 'pydantic', 'vaderSentiment', 'rich.live', 'pipeline.ports');"
        "print([m for m in sys.modules if m in heavy or m.startswith('pipeline.readers.')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def app_with(error: Exception | None) -> typer.Typer:
    """Answer a command line whose only command raises ``error``, or fails to find its number even."""
    app = typer.Typer(pretty_exceptions_enable=False)

    async def fail(place: Place, number: Annotated[int, typer.Option("--number")] = 2) -> int:
        if error is not None:
            raise error
        return number % 2

    command(app)(fail)
    return app


@pytest.mark.parametrize(
    ("error", "code"),
    [(Misconfigured("setting x is wrong"), 2), (Unavailable("no broker at h:1"), 1), (KeyError("oops"), 1)],
    ids=["misconfigured", "unavailable", "unexpected"],
)
def test_error(error: Exception, code: int) -> None:
    """An error is one line on stderr without a trace, and its kind decides the exit code."""
    told = CliRunner().invoke(app_with(error), [])
    assert told.exit_code == code
    assert str(error) in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert told.stdout == ""
    assert "Traceback" not in told.output


def test_debug() -> None:
    """--debug shows the trace of an error."""
    told = CliRunner().invoke(app_with(Unavailable("no broker")), ["--debug"])
    assert told.exit_code == 1
    assert "Traceback" in told.stderr


@pytest.mark.parametrize(("number", "code"), [("2", 0), ("3", 1)])
def test_exit_code(number: str, code: int) -> None:
    """What a command answers is the exit code."""
    assert CliRunner().invoke(app_with(None), ["--number", number]).exit_code == code


def test_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag wins over the environment."""
    monkeypatch.setenv("HEARTLINE_KAFKA", "environment:1")
    assert Place(kafka="flag:1").settings.kafka == "flag:1"
    assert Place(kafka=None).settings.kafka == "environment:1"


def test_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be is named, with exit code 2."""
    monkeypatch.setenv("HEARTLINE_PARTITIONS", "many")
    told = CliRunner().invoke(create_app(), ["classify", "good"])
    assert told.exit_code == 2
    assert "HEARTLINE_PARTITIONS" in told.stderr
