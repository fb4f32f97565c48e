"""From lines of a file to the data of feedbacks: NDJSON (plain or CloudEvents) or CSV, with or without a map."""

import csv
import io
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from pipeline.cli.lines import Line, chunks
from pipeline.cli.maps import ColumnMap
from pipeline.domain.envelope import open_envelope
from pipeline.domain.errors import Misconfigured, Reason, Rejected
from pipeline.domain.limits import RECORD_BYTES_MAX

ROWS_MAX = 1_000  # handed on at once
DELIMITERS = ",;\t"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Row(NamedTuple):
    """A line (from 1), what it says or why it says nothing, and how many bytes of the file it was."""

    line: int
    data: dict[str, Any] | None
    why: Rejected | None
    size: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file in the shape of a record, so that it is opened as the workers open one."""

    value: bytes
    topic: str = "feedback"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def form_of(path: str, asked: str | None) -> str:
    """Answer "ndjson" or "csv": as asked for, or by the ending of the name. Raises Misconfigured."""
    if asked is not None:
        if asked not in {"ndjson", "csv"}:
            raise Misconfigured(f"--format {asked}: there are ndjson and csv")
        return asked
    return "csv" if Path(path).suffix.casefold() in {".csv", ".tsv"} else "ndjson"


def parse(content: bytes, given: ColumnMap | None) -> dict[str, Any]:
    """Answer the data of one NDJSON line: a bare feedback, a structured CloudEvent, or a row for the map.

    Raises Rejected.
    """
    if given is not None:
        if len(content) > RECORD_BYTES_MAX:
            raise Rejected(Reason.TOO_LARGE, f"more than {RECORD_BYTES_MAX} bytes; no more are read")
        try:
            row = orjson.loads(content)
        except orjson.JSONDecodeError:
            row = open_envelope(_Line(content), "feedback.received").data  # tells the errors apart
        if not isinstance(row, dict):
            raise Rejected(Reason.SCHEMA, f"a JSON object is expected, this is {type(row).__name__}")
        return given(row)
    envelope = open_envelope(_Line(content), "feedback.received")
    if envelope.type != "feedback.received":
        raise Rejected(Reason.UNKNOWN_TYPE, f"{envelope.type}; only feedback.received is published")
    data = envelope.data
    if envelope.id is not None:
        data = {**data, "id": envelope.id, "source": envelope.source}
        if data.get("at") is None and envelope.time is not None:
            data["at"] = envelope.time
    return data


def row_of(number: int, content: bytes, given: ColumnMap | None) -> Row:
    """Answer what one NDJSON line says, or why it says nothing."""
    try:
        return Row(number, parse(content, given), None, len(content) + 1)
    except Rejected as why:
        return Row(number, None, why, len(content) + 1)


async def rows(path: str, form: str, given: ColumnMap | None) -> AsyncIterator[list[Row]]:
    """Answer the rows of a file (or ``-``), some at once. Raises Misconfigured where it cannot be read."""
    if form == "csv":
        if given is None:
            raise Misconfigured("a CSV needs a map; leave --map away to take the one that ships")
        for several in _csv_rows(path, given):
            yield several
        return
    async for lines in chunks(path):
        for part in _slices(lines):
            yield [row_of(number, content, given) for number, content in part if content.strip()]


def _slices(lines: list[Line]) -> Iterator[list[Line]]:
    for start in range(0, len(lines), ROWS_MAX):
        yield lines[start : start + ROWS_MAX]


def _csv_rows(path: str, given: ColumnMap) -> Iterator[list[Row]]:
    try:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as raw:
            several: list[Row] = []
            for row in csv_rows(raw, given):
                several.append(row)
                if len(several) == ROWS_MAX:
                    yield several
                    several = []
            yield several
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error


def csv_rows(raw: IO[bytes], given: ColumnMap) -> Iterator[Row]:
    """Answer the rows of a CSV as spreadsheets write it: byte order mark, quotes, one of , ; or tab between cells."""
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", raw))
    encoding = "utf-16" if buffered.peek(2)[:2] in UTF16_MARKS else "utf-8-sig"
    text = io.TextIOWrapper(buffered, encoding=encoding, errors="surrogateescape", newline="")
    first = text.readline()
    if not first.strip():
        return
    limit = csv.field_size_limit(RECORD_BYTES_MAX)
    try:
        delimiter = sniff(first)
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
        _check_names(names, given)
        yield from _cells(csv.reader(text, delimiter=delimiter), names, given)
    finally:
        csv.field_size_limit(limit)
        text.detach()


def sniff(header: str) -> str:
    """Answer what separates the cells of a header: what stands there most often outside of quotes."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _check_names(names: list[str], given: ColumnMap) -> None:
    if given.text.constant is None and not set(given.text.columns) & set(names):
        raise Misconfigured(
            f"the first line names the columns {', '.join(names)[:200]}; the text is looked for under "
            f"{', '.join(given.text.columns)}: give a map with --map"
        )


def _cells(reader: Any, names: list[str], given: ColumnMap) -> Iterator[Row]:
    before = 1
    while True:
        number, before = before + 1, reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, None, Rejected(Reason.SCHEMA, f"not a CSV row: {error}"), 0)
            before = reader.line_num + 1
            continue
        before = reader.line_num + 1
        if not any(cells):
            continue
        yield _csv_row(number, cells, names, given)


def _csv_row(number: int, cells: list[str], names: list[str], given: ColumnMap) -> Row:
    size = sum(map(len, cells)) + len(cells)
    if len(cells) > len(names):
        why = Rejected(Reason.SCHEMA, f"{len(cells)} cells, the first line names {len(names)} columns")
        return Row(number, None, why, size)
    if any(_broken(cell) for cell in cells):
        return Row(number, None, Rejected(Reason.INVALID_ENCODING, "not UTF-8; save the sheet as 'CSV UTF-8'"), size)
    row: Mapping[str, Any] = dict(zip(names, cells, strict=False))
    return Row(number, given(row), None, size)


def _broken(cell: str) -> bool:
    return not cell.isascii() and any("\ud800" <= letter <= "\udfff" for letter in cell)
