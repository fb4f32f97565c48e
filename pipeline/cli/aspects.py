"""``heartline aspects``: what people speak about, how it feels, and what no topic of the policy claims yet."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.ask import ReaderOption, ask
from pipeline.cli.frame import Place, command
from pipeline.domain.limits import BATCH_EVENTS_MAX, EXCERPT_CHARS_MAX

if TYPE_CHECKING:
    from pipeline.domain.emotions import Emotion
    from pipeline.domain.policy import Policy
    from pipeline.domain.reading import Reading
    from pipeline.ports import Reader

CANDIDATES_MAX = 50_000  # kept in mind; beyond it those that were met once are forgotten
LEAD_CHARS = 40  # of an example before the words that it is about
EMOTIONS_TOLD = 3
EMOTIONS_SHOWN = 2  # in a table
EXAMPLE_CHARS_MIN = 20
OTHER_CELLS = 72  # of a table, beside the example

Read = tuple[str, "Reading"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(aspects)


async def aspects(
    place: Place,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="NDJSON with id and text; - reads standard input.")
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="All moments of the house that runs, instead of a file.")
    ] = False,
    *,
    reader: ReaderOption = None,
    least: Annotated[
        int, typer.Option("--least", min=1, metavar="N", help="Candidates in at least so many texts.")
    ] = 2,
    top: Annotated[int, typer.Option("--top", min=1, metavar="N", help="At most so many candidates.")] = 20,
) -> int:
    """Count what people speak about: each topic of the policy, and the candidates that no topic claims.

    A text counts once for each topic that it names, as negative where a hurt of it is about that topic. A candidate
    comes with the lines that make a topic of it: paste them into the policy. Exit code 1 where a line cannot be read.

    \b
    heartline aspects feedback.ndjson
    heartline aspects --from-start --json | jq -r '.candidates[].hint'
    """
    from pipeline.cli import show
    from pipeline.compose import load_policy
    from pipeline.domain.errors import Misconfigured

    if (source is None) is not from_start:
        raise Misconfigured("aspects: give a FILE (- is standard input), or --from-start for the house that runs")
    policy = load_policy(place.settings)
    seen = Spoken(policy)
    if source is None:
        async for several in _moments(place):
            seen.hear(several)
    else:
        from pipeline.readers import open_reader

        eye = open_reader(reader or place.settings.reader, place.settings.weights)
        async for several in _lines(source, eye, seen):
            seen.hear(several)
    if place.json:
        show.emit(seen.told(least, top))
    else:
        _show(seen.told(least, top))
    return 1 if seen.wrong else 0


@dataclass(slots=True)
class _Count:
    n: int = 0
    negative: int = 0
    emotions: Counter["Emotion"] = field(default_factory=Counter)
    example: str = ""
    example_hurts: bool = False

    def add(self, emotions: "Sequence[Emotion]", example: str) -> None:
        hurts = any(emotion.hurts for emotion in emotions)
        self.n += 1
        self.negative += hurts
        self.emotions.update(dict.fromkeys(emotions, 1))
        if not self.example or (hurts and not self.example_hurts):
            self.example, self.example_hurts = example, hurts

    def told(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "negative": round(self.negative / self.n, 3),
            "emotions": {str(emotion): n for emotion, n in self.emotions.most_common(EMOTIONS_TOLD)},
            "example": self.example,
        }


class Spoken:
    """What was spoken about so far. Bounded: it grows with the topics and candidates, not with the texts."""

    def __init__(self, policy: "Policy") -> None:
        self.wrong = 0
        self._policy = policy
        self._texts = self._named = 0
        self._topics: dict[str, _Count] = {}
        self._candidates: dict[str, _Count] = {}

    def hear(self, several: Sequence[Read]) -> None:
        """Add texts with their readings."""
        from pipeline.domain.unclaimed import unclaimed

        texts = [text for text, _ in several]
        readings = self._policy.aspects.about(texts, [reading for _, reading in several])
        for text, reading in zip(texts, readings, strict=True):
            self._texts += 1
            self._named += bool(reading.topics)
            for topic in reading.topics:
                self._add(self._topics, topic, text, reading, topic)
            for candidate in unclaimed(text, reading, self._policy.aspects):
                self._add(self._candidates, candidate, text, reading, None)
        if len(self._candidates) > CANDIDATES_MAX:
            self._candidates = {name: count for name, count in self._candidates.items() if count.n > 1}

    @staticmethod
    def _add(counts: dict[str, _Count], name: str, text: str, reading: "Reading", topic: str | None) -> None:
        spans = [span for span in reading.spans if span.topic == topic]
        example = _excerpt(text, spans[0].start if spans else 0)
        counts.setdefault(name, _Count()).add(list(dict.fromkeys(span.emotion for span in spans)), example)

    def told(self, least: int, top: int) -> dict[str, Any]:
        """Answer the counts as plain values, most first; candidates in ``least`` texts, at most ``top``."""
        candidates = [(name, count) for name, count in self._candidates.items() if count.n >= least]
        return {
            "texts": self._texts,
            "with_topic": self._named,
            "topics": [
                {"topic": name, "touchpoint": self._policy.topics[name].touchpoint, **count.told()}
                for name, count in _most(self._topics.items())
            ],
            "candidates": [
                {"candidate": name, **count.told(), "hint": _hint(name, self._policy)}
                for name, count in _most(candidates)[:top]
            ],
            "wrong_lines": self.wrong,
        }


def _most(counts: "Any") -> list[tuple[str, _Count]]:
    return sorted(counts, key=lambda one: (-one[1].n, one[0]))


def _excerpt(text: str, start: int) -> str:
    first = max(0, start - LEAD_CHARS)
    if first:
        first = text.find(" ", first, start) + 1 or first
    cut = text[first : first + EXCERPT_CHARS_MAX]
    return f"{'…' if first else ''}{cut}{'…' if first + len(cut) < len(text) else ''}"


def _hint(candidate: str, policy: "Policy") -> str:
    """Answer the lines that make a topic of ``candidate``."""
    import orjson

    name = re.sub(r"[^a-z0-9]+", "_", candidate).strip("_")[:40] or "new"
    name += "_more" if name in policy.topics else ""
    return f"[topics.{name}]\nwords = [{orjson.dumps(candidate).decode()}]"


async def _lines(path: str, reader: "Reader", seen: Spoken) -> AsyncIterator[list[Read]]:
    from pipeline.cli import show
    from pipeline.cli.classify import question
    from pipeline.cli.lines import chunks

    async for lines in chunks(path):
        for part in _slices([line for line in lines if line[1].strip()]):
            asked = [question(number, content) for number, content in part]
            for one in asked:
                if "error" in one:
                    seen.wrong += 1
                    show.complain(f"{path}:{one['line']}: {one['error']}")
            texts = [one["text"] for one in asked if "error" not in one]
            yield list(zip(texts, await ask(reader, texts), strict=True))


def _slices(lines: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(lines), BATCH_EVENTS_MAX):
        yield lines[start : start + BATCH_EVENTS_MAX]


async def _moments(place: Place) -> AsyncIterator[list[Read]]:
    """Answer the moments of the house, each once: a moment stands there again where its person moved."""
    from pipeline.buses.feed import whole
    from pipeline.cli.doors import demand_topics
    from pipeline.domain.envelope import open_envelope, read_value
    from pipeline.domain.errors import Rejected
    from pipeline.domain.events import Moment

    await demand_topics(place.settings, ["moments"])
    several: list[Read] = []
    met: set[int] = set()
    async for record in whole(place.settings, ["moments"]):
        try:
            envelope = open_envelope(record)
            if envelope.type != "moment.stitched":
                continue
            moment = read_value(Moment, envelope.data)
        except Rejected:
            continue  # somebody else's record; the workers put it into `rejects`
        if (place_of := hash(moment.id)) not in met:
            met.add(place_of)
            several.append((moment.feedback.text, moment.reading))
        if len(several) == BATCH_EVENTS_MAX:
            yield several
            several = []
    yield several


def _show(told: dict[str, Any]) -> None:
    from rich.text import Text

    from pipeline.cli import show

    out = show.console()
    texts, named = told["texts"], told["with_topic"]
    share = f", {named / texts:.0%} of them name a topic of the policy" if texts else ""
    out.print(Text(f"{texts:,} texts{share}\n", style="dim"))
    if told["topics"]:
        out.print(_table("topic", told["topics"]))
    if told["candidates"]:
        out.print(Text("\nwhat no topic claims, in the words of those who felt it", style="bold"))
        out.print(_table("candidate", told["candidates"]))
        out.print(Text("\nto make a topic of one, paste into the policy and add its other words:", style="dim"))
        out.print(Text(show.safe(told["candidates"][0]["hint"]), style="#5ab1ef"))


def _table(kind: str, rows: Sequence[dict[str, Any]]) -> "Any":
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.domain.emotions import Emotion

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in (kind, "texts", "negative", "felt"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in {"texts", "negative"} else "left")
    table.add_column("for example", no_wrap=True)
    chars = max(EXAMPLE_CHARS_MIN, show.console().width - OTHER_CELLS)
    for row in rows:
        negative = row["negative"]
        table.add_row(
            Text(show.excerpt(row[kind], 24), style="bold"),
            f"{row['n']:,}",
            Text(f"{negative:.0%}", style=show.CLUSTER_STYLES["destroyers"] if negative >= 0.5 else ""),
            Text(", ").join([show.emotion_text(Emotion(name)) for name in [*row["emotions"]][:EMOTIONS_SHOWN]]),
            Text(show.excerpt(row["example"], chars), style="dim"),
        )
    return table
