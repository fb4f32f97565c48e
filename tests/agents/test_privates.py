"""Names of Faust, aiokafka and mode that nobody promised to keep."""

import ast
import tomllib
from pathlib import Path

import faust.transport.consumer
import faust.transport.drivers.aiokafka
import faust.transport.producer
import mode.services
import mode.threads
import pytest

import agents.driver
import agents.ledger
from agents import privates
from agents.privates import RELIED_ON, Relied, moved


def test_nothing_has_moved() -> None:
    """Every name that the driver leans on is in the installed Faust, and its source is as it was read."""
    assert moved() == []


def test_the_version_is_pinned(repository: Path) -> None:
    """The project asks for exactly the Faust that the names were read in."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"faust-streaming=={privates.FAUST_VERSION}" in project["optional-dependencies"]["worker"]


def test_a_change_is_told() -> None:
    """A name that is gone and a source that changed are both told, with what to do."""
    gone, changed, lost = moved(
        [
            Relied("faust.topics:Topic._gone", "0"),
            Relied("faust.topics:Topic._compile_decode", "0"),
            Relied("faust.gone:Topic", "0"),
        ]
    )
    assert "Topic._gone is gone" in gone
    assert "Topic._compile_decode has changed" in changed
    assert "faust.gone:Topic is gone" in lost


def test_another_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other version of Faust is told, even if no name has moved."""
    monkeypatch.setattr(privates, "FAUST_VERSION", "0.0.0")
    assert moved() == ["Faust is not 0.0.0"]


def test_no_name_is_listed_twice() -> None:
    """The list names each thing once."""
    assert len({relied.name for relied in RELIED_ON}) == len(RELIED_ON)


@pytest.mark.parametrize("module", [agents.driver, agents.ledger])
def test_private_names_stand_in_one_file(module: object) -> None:
    """Outside `agents.privates`, no private name of ours is one of Faust's: none used, none hidden by accident."""
    theirs = "".join(
        Path(str(stock.__file__)).read_text(encoding="utf-8")
        for stock in (
            faust.transport.consumer,
            faust.transport.drivers.aiokafka,
            faust.transport.producer,
            mode.services,
            mode.threads,
        )
    )
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    private = {name for name in names if name.startswith("_") and not name.startswith("__")}
    words = set(theirs.replace(".", " ").replace("(", " ").replace(",", " ").replace(":", " ").split())
    assert private
    assert private & words == set()
