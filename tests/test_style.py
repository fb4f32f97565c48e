"""The style of the house, held by a machine."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import Settings

ROOT = Path(__file__).parent.parent
LINES_MAX = 70
SOURCES = sorted(file for package in ("pipeline", "agents") for file in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
TEXTS = sorted(
    file
    for pattern in ("*.md", "*.toml", "*.yml", "Makefile", "Dockerfile", "*.py", "*.xml", "*.json")
    for folder in ("pipeline", "agents", "tests", "bench", "deploy", ".")
    for file in ((ROOT / folder).rglob(pattern) if folder != "." else ROOT.glob(pattern))
    if file.is_file()
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    """Answer every function of a file, those inside others and inside classes too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def name(file: Path) -> str:
    """Answer a file by its path in the repository."""
    return str(file.relative_to(ROOT))


def test_the_sources_are_found() -> None:
    """There is something to judge: the other tests of this file look at many files."""
    assert len(SOURCES) > 50
    assert len(TESTS) > 20
    assert len(TEXTS) > 80


def test_functions_can_be_seen_whole() -> None:
    """No function is longer than 70 lines."""
    long = [
        f"{name(file)}:{each.lineno}: {each.name} has {lines} lines"
        for file in SOURCES
        for each in functions(file)
        if (lines := (each.end_lineno or each.lineno) - each.lineno + 1) > LINES_MAX
    ]
    assert long == []


def test_every_test_says_what_it_proves() -> None:
    """Each test has a docstring that begins with a sentence, and no two tests of a file share a name."""
    mute, twice = [], []
    for file in TESTS:
        tests = [each for each in functions(file) if each.name.startswith("test_")]
        for each in tests:
            first = (ast.get_docstring(each) or "").strip().split("\n\n")[0]
            if not first.endswith("."):
                mute.append(f"{name(file)}:{each.lineno}: {each.name}")
        if len({each.name for each in tests}) < len(tests):
            twice.append(name(file))
    assert mute == []
    assert twice == []


def test_every_setting_says_what_it_is() -> None:
    """Each setting has a description."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_setting_is_in_the_readme() -> None:
    """The README names the environment variable of each setting."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if "HEARTLINE_GROUP" not in readme:
        pytest.skip("the README has no section about settings yet")
    assert [name for name in Settings.model_fields if f"HEARTLINE_{name.upper()}" not in readme] == []


# Folders that are somebody's machine; the ones inside a container or of the system are the same everywhere.
MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|root|work|mnt|media)/[\w.-]+|[A-Z]:\\\\?Users|(?<![\w.])/tmp/[\w.-]+")


def test_machine_paths_are_found() -> None:
    """The pattern finds what it must and leaves addresses of the web alone, so that the next test can fail."""
    found = ["/" + "home/ana/x", "/" + "tmp/w.py", "(/" + "root/.cache)", "'/" + "Users/ben'"]
    assert all(MACHINE.search(each) for each in found)
    assert not MACHINE.search("https://example.com/" + "home/page ~/.cache <tmp>/x")


def test_no_path_of_a_machine() -> None:
    """No file of the project names a folder of the machine that it was made on."""
    found = {name(file): hits for file in TEXTS if (hits := MACHINE.findall(file.read_text(encoding="utf-8")))}
    assert found == {}


def test_files_hold_one_thing() -> None:
    """No file is a bag: none is called utils, helpers, common or misc."""
    bags = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [name(file) for file in (*SOURCES, *TESTS) if bags & set(file.with_suffix("").parts)] == []
