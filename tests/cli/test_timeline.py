"""The timeline: figures, handles and the look of it, without a server."""

import io

import pytest
from rich.console import Console

from pipeline.buses.memory import MemoryBus
from pipeline.cli import demo, show, timeline
from pipeline.cli.screen import frame, name_of
from pipeline.cli.tally import Tally
from pipeline.client import Told, prepare
from pipeline.clocks import WoundClock
from pipeline.compose import load_policy
from pipeline.domain.events import Moment
from pipeline.domain.timeline import Figures, add, correct
from pipeline.readers import open_reader
from pipeline.settings import Settings
from pipeline.stages.work import Doors
from pipeline.stores.memory import MemoryCases, MemoryIdentities, MemoryTimelines
from pipeline.telemetry import Telemetry
from tests.makers import correction

POLICY = load_policy(Settings(policy=None))


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a person would see, 100 columns wide, without colours."""
    file = io.StringIO()
    shown = Console(file=file, width=100, markup=False, emoji=False, highlight=False, no_color=True)
    monkeypatch.setattr(show, "console", lambda: shown)
    return file


@pytest.fixture
async def tally() -> Tally:
    """The sample story, carried over the memory bus, as a demo sees it."""
    clock = WoundClock()
    bus = MemoryBus(clock)
    seen = Tally(0.0, "")
    cases = MemoryCases()
    doors = Doors(
        reader=open_reader("fast"),
        identities=MemoryIdentities(),
        timelines=MemoryTimelines(cases),
        cases=cases,
        bus=bus,
        clock=clock,
        meter=Telemetry(),
        policy=POLICY,
    )
    for event in demo.shifted(clock.now()):
        feedback, send = prepare(event, clock)
        seen.sent(feedback, clock.seconds())
        await bus.send([send])
    await bus.run(doors)
    clock.wind(2)
    for (_, _), place in sorted(bus.log.items()):
        for record in place:
            if record.topic not in {"feedback", "links"}:
                seen.see(record, clock.seconds())
    return seen


def of(tally: Tally, email: str) -> tuple[Moment, ...]:
    """Answer the moments of the person with this address, in order of time."""
    for several in tally.timelines.values():
        if any(handle.value.casefold() == email for m in several.values() for handle in m.feedback.handles):
            return tuple(sorted(several.values(), key=lambda moment: moment.at))
    raise AssertionError(email)


def test_story_is_accounted_for(tally: Tally) -> None:
    """Every event of the story becomes a moment, and the figures of a demo are those that were promised."""
    told = tally.told()
    assert tally.accounted
    assert told["published"] == told["moments"] == 273
    assert told["rejected"] == 0
    assert told["alerts"]
    assert told["cases"] > 10
    assert set(told) == {
        "published",
        "moments",
        "rejected",
        "alerts",
        "cases",
        "seconds_to_first_alert",
        "events_per_second",
    }


def test_story_is_not_in_the_future() -> None:
    """The story is moved by whole days and ends today at the latest, in the same order."""
    now = WoundClock().now()
    told = [event["at"] for event in demo.shifted(now)]
    assert now.timestamp() - 86_400 <= max(told).timestamp() <= now.timestamp()


def test_one_person(tally: Tally, out: io.StringIO) -> None:
    """A timeline shows who it is, what trust is left, every channel, silences, and what was said, as it was said."""
    moments = of(tally, "tom.okafor@example.org")
    told = Told(moments[0].person, add(Figures(), moments, POLICY), moments)
    timeline._show(told, POLICY, WoundClock().now())
    seen = out.getvalue()
    assert "tom.okafor@example.org" in seen
    for words in ("trust", "ratio", "overdrawn", "call", "chat", "social", "days of silence"):
        assert words in seen
    assert "about " in seen
    assert {topic for moment in moments for topic in moment.reading.topics} >= {"billing"}
    assert "zero apologies" in " ".join(seen.split())
    assert max(map(len, seen.splitlines())) <= 100


def test_hostile_words(tally: Tally, out: io.StringIO) -> None:
    """A text with escapes and markup is shown, and never obeyed."""
    [first, *_] = of(tally, "tom.okafor@example.org")
    text = "\x1b[2J[red]gone[/red]\u202eevil"
    hostile = first.model_copy(update={"feedback": first.feedback.model_copy(update={"text": text})})
    timeline._show(Told("p1-x", add(Figures(), (hostile,), POLICY), (hostile,)), POLICY, WoundClock().now())
    assert "[red]gone[/red]" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()


def test_a_corrected_reading(tally: Tally, out: io.StringIO) -> None:
    """A moment that was corrected shows the id to name it by, who corrected it, what was read, and how often."""
    [first, *_] = of(tally, "tom.okafor@example.org")
    said = [correction(moment=first.id, by=by, valence=-2, note=f"{by} knows") for by in ("ana", "ben\x1b[2J")]
    told = correct(first, said)
    timeline._show(Told("p1-x", add(Figures(), (told,), POLICY), (told,)), POLICY, WoundClock().now())
    seen = " ".join(out.getvalue().split())
    assert first.id[:8] in seen
    assert "was read as" in seen
    assert "1 earlier correction;" in seen
    assert "\x1b" not in seen
    plain = timeline.plain(Told("p1-x", Figures(), (told,)), POLICY, WoundClock().now())["timeline"][0]
    assert len(plain["corrections"]) == 2
    assert plain["read"]["reader"] == first.reading.reader


def test_plain(tally: Tally) -> None:
    """As JSON a timeline has the figures and, with every moment, what it paid in and why."""
    moments = of(tally, "tom.okafor@example.org")
    told = timeline.plain(Told("p", add(Figures(), moments, POLICY), moments), POLICY, WoundClock().now())
    assert told["moments"] == len(told["timeline"]) == told["positive"] + told["negative"] + told["neutral"]
    assert told["positives_owed"] == max(0, 22 * told["negative"] - told["positive"])
    assert all(set(moment["trust"]) == {"amount", "why"} for moment in told["timeline"])
    assert "email" in told["handles"]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 45)])
def test_screen(tally: Tally, size: tuple[int, int]) -> None:
    """The demo's screen fills the terminal exactly, whatever its size, from the first moment on."""
    for each in (Tally(0.0, ""), tally):
        file = io.StringIO()
        out = Console(file=file, width=size[0], height=size[1], markup=False, no_color=True, force_terminal=False)
        out.print(frame(each, POLICY, size), height=size[1])
        lines = file.getvalue().splitlines()
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0]
    assert "billing" in file.getvalue()
    assert name_of(of(tally, "tom.okafor@example.org")) in file.getvalue()
