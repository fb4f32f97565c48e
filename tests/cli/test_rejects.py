"""Rejects: what is read from the headers, and what counts as the same reject."""

from typer.testing import CliRunner

from pipeline.buses.memory import MemoryRecord
from pipeline.cli.app import create_app
from pipeline.cli.rejects import REPLAYED, kept
from pipeline.domain.errors import Reason, Rejected
from pipeline.ports import Headers
from pipeline.stages.work import Outcome


def reject(value: bytes | None, headers: Headers = (), offset: int = 5) -> MemoryRecord:
    """Answer the record of topic rejects that a stage leaves for this one."""
    outcome = Outcome()
    record = MemoryRecord("p-feedback", 3, offset, 1_000, b"key", value, headers)
    outcome.reject(record, Rejected(Reason.SCHEMA, "/at: is missing"))
    [send] = outcome.sends
    return MemoryRecord("p-rejects", 0, 0, 2_000, send.key, send.value, send.headers)


def test_kept() -> None:
    """What a stage wrote into a reject comes out again, and the record is as it was."""
    told = kept(reject(b"{}", (("ce_id", b"1"),)))
    assert (told.reason, told.detail) == ("schema", "/at: is missing")
    assert (told.topic, told.partition, told.offset, told.at_ms) == ("p-feedback", 3, 5, 1_000)
    assert (told.key, told.value, told.headers) == (b"key", b"{}", (("ce_id", b"1"),))


def test_rejected_again() -> None:
    """A replay that is rejected once more is the same reject, wherever it stands; other bytes are another."""
    first = kept(reject(b"{}"))
    again = kept(reject(b"{}", ((REPLAYED, b"1"),), offset=9))
    assert again.content == first.content
    assert kept(reject(b"{} ")).content != first.content
    assert kept(reject(None)).content != kept(reject(b"")).content
    assert kept(reject(b"{}", (("a", b"1"),))).content != first.content


def test_foreign_record() -> None:
    """A record that no stage wrote is told as unknown and has no origin to go back to."""
    told = kept(MemoryRecord("rejects", 0, 0, 0, None, b"x", (("reject-partition", b"three"),)))
    assert (told.reason, told.partition, told.topic) == ("unknown", -1, "")


def test_unknown_reason() -> None:
    """A reason that does not exist is exit code 2, with those that do."""
    told = CliRunner().invoke(create_app(), ["rejects", "list", "--reason", "bad-mood"])
    assert told.exit_code == 2
    assert "stage_failed" in told.stderr
