"""Classifying: one text with its why, and NDJSON line for line in one process."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from pipeline.cli import show
from pipeline.cli.app import create_app
from pipeline.cli.classify import _show, question
from pipeline.domain.emotions import Emotion
from pipeline.domain.reading import Felt, Reading, Span
from pipeline.readers import READERS
from tests.makers import POLICY_TEXT, WordReader


def classify(*words: str, lines: str | bytes = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(create_app(), ["classify", *words], input=lines)


def test_text() -> None:
    """Piped, a text gives one JSON object with the emotions, and the spans point at words of the text."""
    text = "Third time I explain this and nobody calls back!"
    told = json.loads(classify(text).stdout)
    assert told["primary"] in told["emotions"]
    assert told["negative"] > 0.5
    assert told["spans"]
    assert all(0 <= span["start"] < span["end"] <= len(text) for span in told["spans"])


def test_lines() -> None:
    """Every line in gives one line out, in order, with its id; a bad one says what is wrong and the rest goes on."""
    given = [
        '{"id": 1, "text": "I love it"}',
        "no",
        '{"id": "x"}',
        "[]",
        "",
        '{"text": ""}',
        '{"id": "b", "text": "awful"}',
    ]
    result = classify("-", lines="\n".join(given))
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["id"] for line in told] == [1, None, "x", None, None, "b"]
    assert ["error" in line for line in told] == [False, True, True, True, False, False]
    assert [line["line"] for line in told if "error" in line] == [2, 3, 4]
    assert set(told[0]) >= {"emotions", "primary", "valence", "negative", "spans", "reader", "review", "understood"}
    assert result.exit_code == 1


def test_good_lines() -> None:
    """Good lines only are exit code 0, and a reader may be chosen."""
    result = classify("-", "--reader", "flat", lines='{"id": 1, "text": "fine"}\n' * 3)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3


@pytest.mark.parametrize("reader", sorted(READERS))
def test_every_reader_answers_in_the_same_form(reader: str) -> None:
    """Whichever reader is asked, a line holds id, emotions with confidence and intensity, and what is promised."""
    result = classify("-", "--reader", reader, lines='{"id": "a", "text": "Nobody called back, terrible!"}\n')
    told = json.loads(result.stdout)
    assert told["id"] == "a"
    assert told["reader"].startswith(f"{reader}/")
    assert set(told) >= {"emotions", "primary", "valence", "negative", "spans", "reader"}
    assert all(set(felt) == {"confidence", "intensity"} for felt in told["emotions"].values())
    assert all(set(span) >= {"start", "end", "emotion"} for span in told["spans"])
    assert -1 <= told["valence"] < 0.5 <= told["negative"] <= 1 or reader == "flat"


def test_known_readers_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help names every reader that there is, and so does the completion of the shell."""
    monkeypatch.setenv("COLUMNS", "200")
    assert ", ".join(sorted(READERS)) in classify("--help").stdout
    words = {"_HEARTLINE_COMPLETE": "complete_bash", "COMP_WORDS": "heartline classify x --reader v", "COMP_CWORD": "4"}
    completed = CliRunner().invoke(create_app(), prog_name="heartline", env=words)
    assert completed.stdout.split() == [name for name in sorted(READERS) if name.startswith("v")]


def test_unknown_reader() -> None:
    """A reader that is not known is exit code 2."""
    result = classify("x", "--reader", "oracle")
    assert result.exit_code == 2
    assert "oracle" in result.stderr


def test_hostile_text() -> None:
    """A text with escapes stays inside its JSON string."""
    result = classify("\x1b[31mI hate this\x1b[0m")
    assert "\x1b" not in result.stdout
    assert json.loads(result.stdout)["text"].startswith("\x1b[31m")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"id": [], "text": "x"}', "id must"),
        (b'{"id": 18446744073709551616, "text": "x"}', "as a string"),
        (b'{"text": 3}', "text must"),
        (b'"x"', "a JSON object"),
        (b"\xff", "not JSON"),
    ],
)
def test_question(content: bytes, error: str) -> None:
    """What is wrong with a line is told in words."""
    assert error in question(3, content)["error"]


def test_ids_that_fit_come_back() -> None:
    """Numbers of 64 bits and fractions come back as they were."""
    assert question(1, b'{"id": 9223372036854775808, "text": "x"}')["id"] == 2**63
    assert question(1, b'{"id": -1.5, "text": "x"}')["id"] == -1.5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk() -> None:
    """Where nothing can be written any more, a sentence says so."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "pipeline", "classify", "-"],
            input=b'{"id": 1, "text": "bad"}', stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert b"cannot be written: No space left" in ended.stderr
    assert b"should not happen" not in ended.stderr


def test_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the text is about stands in the answer, of each span and of the whole, for a text and for lines."""
    monkeypatch.setattr("pipeline.readers.open_reader", lambda name, weights: WordReader())
    text = "pleased with the staff, but frustrated by the invoice"
    told = json.loads(classify(text).stdout)
    [line] = [json.loads(each) for each in classify("-", lines=json.dumps({"id": 7, "text": text})).stdout.splitlines()]
    assert told["topics"] == line["topics"] == ["billing", "staff"]
    assert [span["topic"] for span in told["spans"]] == ["staff", "billing"]
    assert line["spans"] == told["spans"]


def test_the_look_of_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal each emotion says what it is about."""
    file = io.StringIO()
    out = Console(file=file, width=120, markup=False, emoji=False, highlight=False, no_color=True)
    monkeypatch.setattr(show, "console", lambda: out)
    spans = (Span(start=0, end=5, emotion=Emotion.IRRITATED, topic="call_centre"),)
    felt = {Emotion.IRRITATED: Felt(confidence=0.5, intensity=2)}
    _show("Calls", Reading(emotions=felt, primary=Emotion.IRRITATED, spans=spans, topics=("call_centre", "staff")))
    assert "call centre" in file.getvalue().split("irritated")[-1]
    assert "topics call centre, staff" in file.getvalue()


def test_a_policy_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The topics are those of the policy that the settings name."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY_TEXT + '\n[topics.weather]\nwords = ["drizzle"]\n', encoding="utf-8")
    monkeypatch.setenv("HEARTLINE_POLICY", str(policy))
    assert json.loads(classify("I hate the drizzle").stdout)["topics"] == ["weather"]
