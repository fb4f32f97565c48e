"""Aspects as a command: what people speak about, how it feels, and what no topic claims yet."""

import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from pipeline.cli import aspects, show
from pipeline.cli.app import create_app
from pipeline.cli.aspects import Spoken
from pipeline.domain.emotions import Emotion
from pipeline.domain.policy import parse_policy
from pipeline.domain.reading import Reading, Span
from tests.makers import POLICY, POLICY_TEXT, WordReader

SAID = (
    "The invoice left me frustrated. Frustrated by the invoice!",
    "unhappy with the invoice",
    "I am pleased with the staff",
    "The treadmills left me irritated",
    "irritated by my treadmill",
)


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let texts be read by the emotions that they name, so that nothing here depends on what a model has learnt."""
    monkeypatch.setattr("pipeline.readers.open_reader", lambda name, weights: WordReader())


def run(*words: str, lines: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(create_app(), ["aspects", *words], input=lines)


def ndjson(*texts: str) -> str:
    """Answer a line for each text."""
    return "\n".join(json.dumps({"id": number, "text": text}) for number, text in enumerate(texts))


def test_counts_and_candidates(tmp_path: Path) -> None:
    """From a file or a pipe, each topic is counted with its share of hurts, and what nobody claims comes up."""
    file = tmp_path / "said.ndjson"
    file.write_text(ndjson(*SAID), encoding="utf-8")
    result = run(str(file))
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (told["texts"], told["with_topic"], told["wrong_lines"]) == (5, 3, 0)
    billing, staff = told["topics"]
    assert (billing["topic"], billing["touchpoint"], billing["n"], billing["negative"]) == (
        "billing",
        "billing",
        2,
        1.0,
    )
    assert billing["emotions"] == {"frustrated": 1, "unhappy": 1}
    assert billing["example"] in SAID
    assert (staff["topic"], staff["n"], staff["negative"]) == ("staff", 1, 0.0)
    [candidate] = told["candidates"]
    assert (candidate["candidate"], candidate["n"], candidate["negative"]) == ("treadmill", 2, 1.0)
    assert json.loads(run("-", lines=ndjson(*SAID)).stdout) == told


def test_a_hint_is_ready_to_paste() -> None:
    """The hint of a candidate, put at the end of the policy, makes a topic that claims it."""
    told = json.loads(run("-", lines=ndjson(*SAID)).stdout)
    policy = parse_policy(POLICY_TEXT + "\n" + told["candidates"][0]["hint"] + "\n")
    spoken = Spoken(policy)
    spoken.hear([(text, Reading()) for text in SAID])
    assert {row["topic"]: row["n"] for row in spoken.told(1, 9)["topics"]}["treadmill"] == 2


@pytest.mark.parametrize(
    ("candidate", "name"), [("bike lane", "bike_lane"), ("кофе", "new"), ("staff", "staff_more"), ('x"]\n[y', "x_y")]
)
def test_a_hint_is_always_valid(candidate: str, name: str) -> None:
    """Whatever the candidate, its hint is TOML with a name that the policy takes and that is not there yet."""
    assert tomllib.loads(aspects._hint(candidate, POLICY)) == {"topics": {name: {"words": [candidate]}}}


def test_least_and_top() -> None:
    """Candidates of too few texts stay away, and no more come than asked for."""
    lines = ndjson(*SAID, "irritated by the sauna")
    assert [c["candidate"] for c in json.loads(run("-", "--least", "1", lines=lines).stdout)["candidates"]] == [
        "treadmill",
        "sauna",
    ]
    told = json.loads(run("-", "--least", "1", "--top", "1", lines=lines).stdout)
    assert len(told["candidates"]) == 1


def test_broken_lines_are_told() -> None:
    """A line that cannot be read is told with its number, the rest is counted, and the exit code is 1."""
    result = run("-", lines='{"id": 1, "text": "the invoice"}\nno\n\n{"id": 2}\n')
    assert result.exit_code == 1
    assert "-:2: not JSON" in result.stderr
    assert "-:4: text is missing" in result.stderr
    told = json.loads(result.stdout)
    assert (told["texts"], told["wrong_lines"]) == (1, 2)


@pytest.mark.parametrize("words", [(), ("-", "--from-start")])
def test_one_source(words: tuple[str, ...]) -> None:
    """Neither a file nor the house, or both, is wrong usage and says what to give."""
    result = run(*words)
    assert result.exit_code == 2
    assert "--from-start" in result.stderr


def test_no_file() -> None:
    """A file that is not there is exit code 2."""
    assert run("not-there.ndjson").exit_code == 2


def test_a_text_counts_once_for_a_topic() -> None:
    """However often a text names a topic, and whatever is felt about it, it counts once, as hurt if any of it hurts."""
    spans = (Span(start=0, end=4, emotion=Emotion.HAPPY), Span(start=13, end=18, emotion=Emotion.UNHAPPY))
    spoken = Spoken(POLICY)
    spoken.hear([("good invoice, wrong invoice", Reading(spans=spans)), ("invoice", Reading())])
    [row] = spoken.told(1, 9)["topics"]
    assert (row["n"], row["negative"], row["emotions"]) == (2, 0.5, {"happy": 1, "unhappy": 1})


def test_what_is_kept_in_mind_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit what was met once is forgotten, what was met often stays."""
    monkeypatch.setattr(aspects, "CANDIDATES_MAX", 10)
    spoken = Spoken(POLICY)
    sauna: list[Any] = [("the sauna was bad", Reading(spans=(Span(start=14, end=17, emotion=Emotion.UNHAPPY),)))] * 2
    spoken.hear(sauna)
    for letter in "abcdefghijklm":
        text = f"the {letter * 4} was bad"
        spoken.hear([(text, Reading(spans=(Span(start=len(text) - 3, end=len(text), emotion=Emotion.UNHAPPY),)))])
    told = spoken.told(1, 100)["candidates"]
    assert told[0]["candidate"] == "sauna"
    assert len(told) <= 11


def test_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal every column is there, nothing of a text is obeyed, and a candidate comes with its lines."""
    file = io.StringIO()
    out = Console(file=file, width=110, markup=False, emoji=False, highlight=False, no_color=True)
    monkeypatch.setattr(show, "console", lambda: out)
    spans = (Span(start=0, end=4, emotion=Emotion.FRUSTRATED),)
    spoken = Spoken(POLICY)
    spoken.hear([("\x1b[31m[red]invoice\u202e[/red] " * 9, Reading(spans=spans))])
    spoken.hear([("Hate the sauna", Reading(spans=spans))])
    aspects._show(spoken.told(1, 9))
    seen = file.getvalue()
    assert "\x1b" not in seen
    assert "\u202e" not in seen
    for words in (
        "2 texts, 50% of them",
        "billing",
        "100%",
        "frustrated",
        "[red]invoice",
        "[topics.sauna]",
        "Hate the",
    ):
        assert words in seen
    assert max(map(len, seen.splitlines())) <= 110


def test_nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text at all is no error."""
    file = io.StringIO()
    monkeypatch.setattr(show, "console", lambda: Console(file=file))
    aspects._show(Spoken(POLICY).told(1, 9))
    assert "0 texts" in file.getvalue()
