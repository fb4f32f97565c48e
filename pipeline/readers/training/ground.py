"""What the recipe stands on: rows to train on, to judge by and held out, and the texts that are read to the readers."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.domain.errors import Misconfigured
from pipeline.readers.training import corpus
from pipeline.readers.training.labels import Row, apart, joined, rows
from pipeline.readers.words import Pieces, pieces

LESSONS: Final = Path(__file__).parent / "lessons.jsonl"  # short texts written for what other labels seldom show
LESSON: Final = "lesson-"  # what the ids of those begin with
QUICK_ROWS: Final = 400  # to train on in a smoke run; a quarter of them to judge by


class Ground(NamedTuple):
    """``texts`` hold no row that is judged by or held out; long ones are in passages."""

    train: list[Row]
    dev: list[Row]
    held: list[Row]
    texts: Mapping[str, str]
    pieces: Pieces

    @property
    def mark(self) -> str:
        """What tells this ground from others."""
        content = sha256()
        for part in (self.train, self.dev, self.held):
            for row in part:
                label = row.label
                told = (row.id, label.text, label.primaries, label.valence, sorted(label.aside.items()))
                content.update(repr((*told, sorted(row.strengths.items()))).encode(errors="replace"))
        content.update(repr(sorted(self.texts.items())).encode(errors="replace"))
        return content.hexdigest()[:16]


def ground(data: Path, held: frozenset[str], quick: bool) -> Ground:
    """Answer what stands in the folder ``data``, without the sources in ``held``. Raises Misconfigured."""
    words = pieces()
    known = corpus.texts(data)
    labelled = {row.id: row for row in rows([*corpus.labelled(data), LESSONS])}
    told = {name: row.label.text for name, row in labelled.items() if row.label.split != "dev"}
    labelled |= {row.id: row for row in joined(known | told) if row.id in told or row.id not in labelled}
    train, dev, out = apart(sorted(labelled.values(), key=lambda row: row.id), held)
    if missing := held - {row.source for row in out}:
        raise Misconfigured(f"--hold: no label is of {', '.join(sorted(missing))}; sources: {_sources(train + dev)}")
    if not train or not dev:
        raise Misconfigured(f"{data}: labels of both splits are needed, train ({len(train)}) and dev ({len(dev)})")
    known |= {row.id: row.label.text for row in train if row.source == "written"}
    unseen = {row.id for row in dev}
    known = {name: text for name, text in known.items() if name not in unseen and _source(name) not in held}
    if quick:
        train, dev, out = _some(train, QUICK_ROWS), _some(dev, QUICK_ROWS // 4), _some(out, QUICK_ROWS // 4)
        known = {name: known[name] for name in _spread(sorted(known), QUICK_ROWS)}
    return Ground(train, dev, out, corpus.cut(known, words), words)


def _source(name: str) -> str:
    return name.partition(":")[0]


def _sources(known: list[Row]) -> str:
    return ", ".join(sorted({row.source for row in known}))


def _some(known: list[Row], count: int) -> list[Row]:
    by_id = {row.id: row for row in known}
    return [by_id[name] for name in _spread(sorted(by_id), count)]


def _spread(names: list[str], count: int) -> list[str]:
    return names[:: max(1, len(names) // count)][:count]
