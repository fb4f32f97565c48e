"""Status and doctor: rates from two looks, passwords hidden, and what mends an ailment told apart."""

from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import create_app
from pipeline.cli.doctor import _ailing, hidden, origins_of
from pipeline.cli.frame import Place
from pipeline.cli.status import told


def look(at: float, events: int) -> dict[str, Any]:
    """Answer a look at one topic and one worker."""
    ages = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    flow = {"events": events, "batches": 1, "rejected": 0, "age_ms": ages}
    return {
        "at": at,
        "lags": {"feedback": {"end": 500, "committed": events, "lag": 500 - events}},
        "workers": [{"worker": "w", "topics": {"feedback": flow}}],
    }


def test_rates() -> None:
    """What was done between two looks, by their distance in time, is the rate; the later look tells the lag."""
    figures = told(look(10.0, 100), look(12.0, 300))
    assert figures["lag"] == 200
    assert figures["topics"]["feedback"]["events_per_second"] == 100.0
    assert figures["workers"][0]["topics"]["feedback"]["events_per_second"] == 100.0


def test_a_worker_that_began_anew() -> None:
    """A worker that counts from zero again, or that is new, has no negative rate."""
    figures = told(look(10.0, 300), look(12.0, 100))
    assert figures["workers"][0]["topics"]["feedback"]["events_per_second"] == 0.0
    assert told({**look(10.0, 3), "workers": []}, look(11.0, 3))["workers"][0]["topics"]["feedback"]["events"] == 3


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://me:secret@h:1/0", "redis://me:…@h:1/0"),
        ("redis://:secret@h/0", "redis://:…@h/0"),
    ],
)
def test_hidden(url: str, shown: str) -> None:
    """A password is never shown."""
    assert hidden(url) == shown


def test_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting tells where its value comes from."""
    monkeypatch.setenv("HEARTLINE_GROUP", "mine")
    monkeypatch.setenv("XDG_STATE_HOME", "/nonexistent")
    place = Place(kafka="k:1")
    origins = {one["setting"]: one["origin"] for one in origins_of(place.settings, place.flags)}
    assert origins["kafka"] == "flag --kafka"
    assert origins["group"] == "environment HEARTLINE_GROUP"
    assert origins["reader"] == "default"


def test_ailing() -> None:
    """An ailment is split into what is wrong and what mends it."""
    assert _ailing("Redis", "warning: loses all: CONFIG SET x")[1:] == ("warning", "loses all", "CONFIG SET x")
    assert _ailing("topics", "topic a is odd; run: mend a")[1:] == ("wrong", "topic a is odd", "mend a")


def test_nothing_there() -> None:
    """Without any server the doctor says so, names what mends it, and ends with 1."""
    told = CliRunner().invoke(create_app(), ["doctor", "--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/0"])
    assert told.exit_code == 1
    for words in ('"healthy":false', "no broker answers at 127.0.0.1:1", "heartline up"):
        assert words in told.stdout, told.output
