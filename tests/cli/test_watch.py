"""Watching: what a line says of an alert, without a server."""

import io

import pytest
from rich.console import Console

from pipeline.cli import show, watch
from tests.makers import alert


def test_an_alert_says_what_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of an alert names the topics, made harmless, and says nothing where there are none."""
    told = alert()
    about = told.model_copy(update={"why": told.why.model_copy(update={"topics": ("call_centre", "st\x1b[31maff")})})
    file = io.StringIO()
    out = Console(file=file, width=140, markup=False, emoji=False, highlight=False, no_color=True)
    monkeypatch.setattr(show, "console", lambda: out)
    out.print(watch.alert_line(about))
    out.print(watch.alert_line(told))
    with_topics, without = file.getvalue().split(show.when(told.at))[1:3]
    assert "about call centre, st" in with_topics
    assert "\x1b" not in with_topics
    assert " about " not in without
