"""Rows: NDJSON and CSV, good and bad, with the line at which they stand."""

import io
from pathlib import Path

import pytest

from pipeline.cli.maps import load_map
from pipeline.cli.rows import Row, csv_rows, form_of, parse, row_of, rows
from pipeline.domain.errors import Misconfigured, Reason, Rejected

PLAIN = load_map("feedback")


def table(content: str | bytes, name: str = "feedback") -> list[Row]:
    """Answer the rows of a CSV."""
    raw = content if isinstance(content, bytes) else content.encode()
    return list(csv_rows(io.BytesIO(raw), load_map(name)))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_spreadsheets(mark: str, encoding: str) -> None:
    """A CSV is read with its byte order mark, whatever of , ; and tab stands between its cells."""
    lines = [
        mark.join(("channel", "text", "email", "nps")),
        mark.join(("chat", f'"so{mark} nice\nreally ✓"', "a@b.org", "9")),
    ]
    [row] = table("\r\n".join(lines).encode(encoding))
    assert row.line == 2
    assert row.data is not None
    assert row.data["text"] == f"so{mark} nice\nreally ✓"
    assert row.data["handles"] == [{"kind": "email", "value": "a@b.org"}]
    assert row.data["answers"] == {"nps": 9.0}


def test_line_numbers() -> None:
    """A row has the number of its first line, also after cells of several lines and empty ones."""
    told = table('channel,text\nchat,"a\nb"\n\nchat,c\nchat,d,e\n')
    assert [row.line for row in told] == [2, 5, 6]
    assert [row.why.reason if row.why else None for row in told] == [None, None, Reason.SCHEMA]


def test_wrong_bytes() -> None:
    """A row that is not UTF-8 is refused with what to do, and the others go on."""
    told = table(b"channel,text\nchat,caf\xe9\nchat,fine\n")
    assert told[0].why is not None
    assert told[0].why.reason == Reason.INVALID_ENCODING
    assert told[1].data is not None


def test_no_text_column() -> None:
    """A CSV whose first line names no text is told with its columns before anything is published."""
    with pytest.raises(Misconfigured, match="a, b"):
        table("a,b\n1,2\n")


def test_empty_csv() -> None:
    """An empty CSV has no rows."""
    assert table("") == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", Reason.INVALID_JSON),
        (b"[]", Reason.INVALID_ENVELOPE),
        (b"\xff", Reason.INVALID_ENCODING),
        (b'{"a":' * 70 + b"1" + b"}" * 70, Reason.TOO_DEEP),
        (b"x" * 1_048_577, Reason.TOO_LARGE),
        (
            b'{"specversion":"1.0","id":"1","source":"s","type":"io.heartline.alert.raised.v1","data":{}}',
            Reason.UNKNOWN_TYPE,
        ),
    ],
    ids=["json", "array", "encoding", "deep", "large", "type"],
)
def test_refused(content: bytes, reason: Reason) -> None:
    """A line that can never be good is refused for its reason, as the workers would."""
    row = row_of(7, content, None)
    assert row.line == 7
    assert row.why is not None
    assert row.why.reason == reason


def test_structured() -> None:
    """A CloudEvent gives its id, source and time to the feedback in it."""
    line = (
        b'{"specversion":"1.0","id":"e1","source":"/x","type":"io.heartline.feedback.received.v1",'
        b'"time":"2026-09-01T00:00:00Z","data":{"channel":"chat","text":"hi"}}'
    )
    assert parse(line, None) == {
        "channel": "chat",
        "text": "hi",
        "id": "e1",
        "source": "/x",
        "at": "2026-09-01T00:00:00Z",
    }


def test_mapped_line_that_is_no_object() -> None:
    """With a map, too, a line has to be an object."""
    with pytest.raises(Rejected):
        parse(b"3", PLAIN)


@pytest.mark.parametrize(
    ("path", "asked", "told"),
    [("a.csv", None, "csv"), ("A.TSV", None, "csv"), ("a.json", None, "ndjson"), ("-", "csv", "csv")],
)
def test_form(path: str, asked: str | None, told: str) -> None:
    """The form is what is asked for, or follows from the name."""
    assert form_of(path, asked) == told


def test_unknown_form() -> None:
    """A form that is not known is told together with those that are."""
    with pytest.raises(Misconfigured, match="ndjson and csv"):
        form_of("a", "xml")


async def test_files(tmp_path: Path) -> None:
    """Files of both forms come out as rows; empty lines are none."""
    lines = tmp_path / "a.ndjson"
    lines.write_bytes(b'{"text":"x"}\n\n{"text":"y"}\n')
    sheet = tmp_path / "a.csv"
    sheet.write_text("channel,text\nchat,x\n")
    assert [row.line async for some in rows(str(lines), "ndjson", None) for row in some] == [1, 3]
    assert [row.line async for some in rows(str(sheet), "csv", PLAIN) for row in some] == [2]
