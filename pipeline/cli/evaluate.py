"""``heartline evaluate``: how right a reader is, on texts that people have labelled."""

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.ask import ReaderOption, ask
from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.cli.lines import Line
    from pipeline.ports import Reader
    from pipeline.readers.evaluation import Evaluation
    from pipeline.readers.floors import Floor
    from pipeline.readers.labels import Label

BATCH_TEXTS = 256  # read at once
GROUPS_MAX = 200  # told apart; rows of further ones are counted together
COMPLAINTS_MAX = 20  # broken lines that are told; further ones are counted
BASELINE = "vader"
OTHERS = "(others)"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(evaluate)


async def evaluate(
    place: Place,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Labels, one JSON object a line; - is a pipe.")],
    *,
    reader: ReaderOption = None,
    split: Annotated[
        Literal["dev", "train", "all"],
        typer.Option("--split", help="Of the rows that name a split, those of this one; rows that name none count."),
    ] = "dev",
    baseline: Annotated[bool, typer.Option(help="Hold VADER against the same rows.")] = True,
    floor: Annotated[
        str | None,
        typer.Option("--floor", metavar="FILE", help="TOML, a table for each reader; default: the one that ships."),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="FIELD", help="Of the rows, to group them by.")] = "source",
) -> int:
    """Hold a reader against labels: what it finds, misses and confuses, how sure it may be, and how fast it is.

    A line is {"text", "emotions": {name: 1…3}, "primary": a name, "none" or a list of acceptable ones, "valence":
    -2…2} and, where known, "effort", "success", "action", "split", "source". Exit code 1 where a figure is under its
    floor (an empty --floor file has none) or a line is broken.

    \b
    heartline evaluate labels.jsonl
    heartline evaluate real.jsonl written.jsonl --reader vader --json
    heartline evaluate hard_cases.jsonl --by case
    """
    from pipeline.cli.progress import progress
    from pipeline.cli.scorecard import show_scores
    from pipeline.cli.show import note
    from pipeline.domain.errors import Misconfigured
    from pipeline.readers import open_reader
    from pipeline.readers.floors import SHIPPED, held_against, load_floors

    _check(files)
    name = reader or place.settings.reader
    floors = load_floors(name, Path(floor) if floor else SHIPPED)
    if floor and not floors:
        note(f"{floor} has no floor for the reader {name}: nothing is held")
    trial = Trial(open_reader(name, place.settings.weights), split, by)
    trial.against = open_reader(BASELINE) if baseline and name != BASELINE else None
    with progress(place, files, "rows") as moved:
        for file in files:
            await trial.take(file, moved)
    if not trial.total.rows:
        raise Misconfigured(f"no row of {', '.join(files)} can be used (split {split}); --split all takes every row")
    floors_held = held_against(floors, trial.total.figures())
    told = trial.told() | {"files": files, "floors": [each._asdict() | {"held": each.held} for each in floors_held]}
    if place.json:
        from pipeline.cli.show import emit

        emit(told)
    else:
        show_scores(told)
    return _judge(trial, floors_held, floor or "floors.toml")


def _check(files: "Sequence[str]") -> None:
    """Raise Misconfigured where a file is missing, before any is read."""
    from pipeline.domain.errors import Misconfigured

    for file in files:
        if file != "-" and not Path(file).exists():
            raise Misconfigured(f"{file} cannot be read: there is no such file")


def _judge(trial: "Trial", floors: "Sequence[Floor]", path: str) -> int:
    """Say on stderr what is wrong, and answer the exit code."""
    from pipeline.cli.show import complain, note

    missed = [each for each in floors if each.held is False]
    for each in missed:
        complain(f"{each} (reader {trial.reader.name}, {path})")
    for each in floors:
        if each.held is None:
            note(f"{each}: these rows do not say")
    if trial.broken:
        complain(f"{trial.broken} broken lines were left out; mend them")
    return 1 if missed or trial.broken else 0


@dataclass(slots=True)
class Clocked:
    """A reader's evaluation, with the time that its reading took."""

    score: "Evaluation"
    texts: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    async def read(self, reader: "Reader", labels: "Sequence[Label]", groups: "Sequence[Evaluation]" = ()) -> None:
        """Read the texts, timed, and hold the readings against the labels; into ``groups``, one a label, as well."""
        wall, cpu = perf_counter(), process_time()
        readings = await ask(reader, [label.text for label in labels])
        self.cpu_seconds += process_time() - cpu
        self.seconds += perf_counter() - wall
        self.texts += len(labels)
        for label, reading in zip(labels, readings, strict=True):
            self.score.add(label, reading)
        for group, label, reading in zip(groups, labels, readings, strict=False):
            group.add(label, reading)

    def speed(self) -> dict[str, float | None]:
        """Answer texts a second as the clock on the wall has it, and the CPU time, in all and of a text."""
        return {
            "texts_per_second": round(self.texts / self.seconds, 1) if self.seconds else None,
            "cpu_us_a_text": round(self.cpu_seconds / self.texts * 1e6, 1) if self.texts else None,
            "cpu_seconds": round(self.cpu_seconds, 3),
        }


def _clocked() -> Clocked:
    from pipeline.readers.evaluation import Evaluation

    return Clocked(Evaluation())


@dataclass(slots=True)
class Trial:
    """One run over all files: rows of ``split``, grouped by their field ``by``; ``against`` is the baseline."""

    reader: "Reader"
    split: str
    by: str
    against: "Reader | None" = None
    broken: int = 0
    main: Clocked = field(default_factory=_clocked)
    base: Clocked = field(default_factory=_clocked)
    groups: "dict[str, Evaluation]" = field(default_factory=dict)

    @property
    def total(self) -> "Evaluation":
        """The evaluation over all rows."""
        return self.main.score

    async def take(self, path: str, moved: "Callable[[int, int], None]") -> None:
        """Evaluate on a file's rows; a broken line is told on stderr and left out. Raises Misconfigured."""
        from pipeline.cli.lines import chunks

        async for lines in chunks(path):
            for start in range(0, len(lines), BATCH_TEXTS):
                part = lines[start : start + BATCH_TEXTS]
                labels = [label for line in part if (label := self._label(path, line)) is not None]
                if labels:
                    await self.read(labels)
                moved(sum(len(content) + 1 for _, content in part), self.total.rows)

    async def read(self, labels: "Sequence[Label]") -> None:
        """Read these rows, by the baseline as well."""
        grouped = any(label.group is not None for label in labels)
        await self.main.read(self.reader, labels, [self._group(label.group) for label in labels] if grouped else ())
        if self.against is not None:
            await self.base.read(self.against, labels)

    def _label(self, path: str, line: "Line") -> "Label | None":
        from pipeline.cli.show import complain
        from pipeline.domain.errors import Rejected
        from pipeline.readers.labels import parse_label

        number, content = line
        if not content.strip():
            return None
        try:
            label = parse_label(content, self.by)
        except Rejected as why:
            self.broken += 1
            if self.broken <= COMPLAINTS_MAX:
                complain(f"{path}:{number}: {why.detail}")
            return None
        return label if self.split == "all" or label.split in {None, self.split} else None

    def _group(self, name: str | None) -> "Evaluation":
        from pipeline.readers.evaluation import Evaluation

        name = "(none)" if name is None else name
        if name not in self.groups:
            name = name if len(self.groups) < GROUPS_MAX else OTHERS
        return self.groups.setdefault(name, Evaluation())

    def told(self) -> dict[str, Any]:
        """Answer everything as plain values."""
        told = {"reader": self.reader.name, "split": self.split, "broken": self.broken}
        told |= self.total.told() | {"speed": self.main.speed()}
        told |= {"by": self.by, "groups": {name: each.brief() for name, each in sorted(self.groups.items())}}
        if self.against is not None:
            told["baseline"] = {"reader": self.against.name, **self.base.score.valued(), "speed": self.base.speed()}
        return told
