"""Labelled feedback as rows to train on: the lines that ``heartline evaluate`` reads, with their ids."""

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import orjson

from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Misconfigured, Rejected
from pipeline.readers.labels import Label, emotion_of, parse_label

WITHOUT_TEXT: Final = "labels.jsonl.gz"  # labels that ship here without their texts, which are named by their ids


class Row(NamedTuple):
    """A text with its labels. ``strengths`` holds the intensity (1…3) of each emotion that is felt."""

    id: str
    label: Label
    strengths: Mapping[Emotion, float]

    @property
    def source(self) -> str:
        """Where the text is from: what stands before the colon of its id."""
        return self.id.partition(":")[0] if ":" in self.id else "written"

    def among(self, parts: int, first: int, last: int) -> bool:
        """Say whether the row falls into parts ``first``…``last`` (exclusive) of ``parts``, by its id alone."""
        return first <= crc32(self.id.encode()) % parts < last


def rows(paths: Sequence[Path]) -> list[Row]:
    """Answer the rows of label files, without those that are not English. Raises Misconfigured: file, line, why.

    A row without an id is known by its text. Where an id comes twice the last one counts.
    """
    found: dict[str, Row] = {}
    for path in paths:
        for number, line in _lines(path):
            try:
                row = parsed(line)
            except Rejected as why:
                raise Misconfigured(f"{path}:{number}: {why.detail}; mend the line or take it out") from None
            if row.label.understood:
                found[row.id] = row
    return list(found.values())


def parsed(line: bytes) -> Row:
    """Answer the row of a line. Raises Rejected: what is wrong with it."""
    label = parse_label(line)
    told = orjson.loads(line)
    name = str(told["id"]) if told.get("id") is not None else f"text:{crc32(label.text.encode(errors='replace')):08x}"
    strengths = {emotion_of(name): float(strength) for name, strength in told["emotions"].items()}
    return Row(name, label, strengths)


def joined(texts: Mapping[str, str]) -> list[Row]:
    """Answer the rows of the labels that ship here whose texts (by id) are among ``texts``; all are to train on."""
    lines = gzip.decompress((files(__package__) / WITHOUT_TEXT).read_bytes()).splitlines()
    told = map(orjson.loads, lines)
    return [
        parsed(orjson.dumps(one | {"text": texts[one["id"]], "split": "train"})) for one in told if one["id"] in texts
    ]


def apart(all_rows: Iterable[Row], held: frozenset[str]) -> tuple[list[Row], list[Row], list[Row]]:
    """Answer the rows to train on, those to judge by (split ``dev``), and those of the sources that are held out."""
    train: list[Row] = []
    dev: list[Row] = []
    out: list[Row] = []
    for row in all_rows:
        if row.source in held:
            out.append(row)
        else:
            (dev if row.label.split == "dev" else train).append(row)
    return train, dev, out


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as lines:
            yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from error
