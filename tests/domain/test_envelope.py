"""The envelope: three ways to come in, and a reason for whatever does not."""

import itertools
import time
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.envelope import Envelope, named, open_envelope, read_value, seal
from pipeline.domain.errors import Reason, Rejected
from pipeline.domain.events import Feedback
from pipeline.domain.limits import INNER_DEPTH_MAX, JSON_DEPTH_MAX, RECORD_BYTES_MAX, REJECT_DETAIL_CHARS_MAX
from tests.makers import NOON, record

BARE = "feedback.received"
SEALED = seal(BARE, "f-1", "/channels/chat", "2026-09-01T12:00:00Z", "chat")


def why(value: bytes | None, headers: tuple[tuple[str, Any], ...] = (), bare: str | None = BARE) -> Rejected:
    """Answer why a record is rejected."""
    with pytest.raises(Rejected) as caught:
        open_envelope(record(value, headers), bare)
    return caught.value


def test_binary_mode() -> None:
    """With ce_ headers the attributes come from them and the data from the value."""
    assert open_envelope(record(b'{"text":"x"}', SEALED)) == Envelope(
        "feedback.received", 1, "f-1", "/channels/chat", "2026-09-01T12:00:00Z", {"text": "x"}
    )


@pytest.mark.parametrize("headers", [(), (("content-type", b"application/cloudevents+json; charset=utf-8"),)])
def test_structured_mode(headers: tuple[tuple[str, bytes], ...]) -> None:
    """A JSON object with specversion is opened alike, with and without its content type."""
    event = {"specversion": "1.0", "id": "7", "source": "/s", "type": "io.heartline.feedback.received.v2"}
    opened = open_envelope(record(orjson.dumps({**event, "data": {"text": "x"}}), headers), BARE)
    assert opened == Envelope("feedback.received", 2, "7", "/s", None, {"text": "x"})


def test_bare_data_where_it_may_come() -> None:
    """Data without an envelope is taken where the topic allows it and nowhere else."""
    assert open_envelope(record(b'{"text":"x"}'), BARE) == Envelope(BARE, 1, None, None, None, {"text": "x"})
    assert why(b'{"text":"x"}', bare=None).reason is Reason.INVALID_ENVELOPE


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30), st.text(min_size=1), st.text(max_size=20))
def test_what_is_sealed_is_opened(event: str, source: str, at: str, subject: str) -> None:
    """Whatever the words, the attributes that were sealed are those that are opened."""
    opened = open_envelope(record(b"{}", seal("alert.raised", event, source, at, subject)))
    assert opened == Envelope("alert.raised", 1, event, source, at, {})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"text":"\xff"}', Reason.INVALID_ENCODING),
        (b'{"text":"\xc0\xaf"}', Reason.INVALID_ENCODING),
        (b'{"text":"\xed\xa0\x80"}', Reason.INVALID_ENCODING),
        (b'{"text":"\\ud800"}', Reason.INVALID_ENCODING),
        (b'{"text":"\\udc00\\ud800"}', Reason.INVALID_ENCODING),
        (b'{"text":"\\ud800\\u0041"}', Reason.INVALID_ENCODING),
        (b'\xef\xbb\xbf{"text":"x"}', Reason.INVALID_ENCODING),
        ('{"text":"x"}'.encode("utf-16"), Reason.INVALID_ENCODING),
        ('{"text":"x"}'.encode("utf-16-le"), Reason.INVALID_ENCODING),
        ('{"text":"x"}'.encode("utf-16-be"), Reason.INVALID_ENCODING),
        ('{"text":"x"}'.encode("utf-32"), Reason.INVALID_ENCODING),
        (b'{"text":"\\uZZZZ"}', Reason.INVALID_JSON),
        (b'{"answers":{"nps":NaN}}', Reason.INVALID_JSON),
        (b'{"answers":{"nps":-Infinity}}', Reason.INVALID_JSON),
        (b'{"answers":{"nps":1e999}}', Reason.INVALID_JSON),
        (b'{"answers":{"nps":' + b"9" * 5_000 + b"}}", Reason.INVALID_JSON),
        (b'{"text":"a\nb"}', Reason.INVALID_JSON),
        (b'{"text":"x"', Reason.INVALID_JSON),
        (b'{"text":"x"}{}', Reason.INVALID_JSON),
        (b"", Reason.INVALID_JSON),
        (b"not json", Reason.INVALID_JSON),
        (b"[]", Reason.INVALID_ENVELOPE),
        (b'"x"', Reason.INVALID_ENVELOPE),
        (b"null", Reason.INVALID_ENVELOPE),
        (b"[" * 100_000, Reason.TOO_DEEP),
        (b'{"a":' * 65 + b"1" + b"}" * 65, Reason.TOO_DEEP),
        (b" " * (RECORD_BYTES_MAX + 1), Reason.TOO_LARGE),
        (None, Reason.TOMBSTONE),
    ],
)
def test_bad_bytes_have_their_reason(value: bytes | None, reason: Reason) -> None:
    """Every kind of damaged, oversized, too deep or missing value is rejected with the reason that is its own."""
    assert why(value).reason is reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(["ce_id", "ce_source"], [None, b"", b"\xff\xfe"]),
        *itertools.product(["ce_time"], [b"", b"\xff\xfe"]),
    ],
)
def test_damaged_headers(name: str, value: bytes | None) -> None:
    """A CloudEvents header that is null, empty or not UTF-8 is named in the rejection."""
    headers = tuple((key, value if key == name else kept) for key, kept in SEALED)
    error = why(b"{}", headers)
    assert error.reason is Reason.INVALID_ENVELOPE
    assert name in error.detail


def test_a_time_need_not_be_told() -> None:
    """Time is optional in CloudEvents: without it, or with null, an event was when it arrived."""
    without = tuple(pair for pair in SEALED if pair[0] != "ce_time")
    for headers in (without, (*without, ("ce_time", None))):
        assert open_envelope(record(b"{}", headers)).time is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", [b"", b"x", b"io.heartline.", b"io.heartline.x.v", b"com.other.x.v1", b"io.heartline.x.v1\n"]
)
def test_types_that_are_none(kind: bytes) -> None:
    """A type of somebody else's, or without a version, is rejected as unknown or, when empty, as missing."""
    error = why(b"{}", (("ce_type", kind), *SEALED[2:]))
    assert error.reason is (Reason.UNKNOWN_TYPE if kind else Reason.INVALID_ENVELOPE)


def test_headers_of_others_do_no_harm() -> None:
    """A null header, binary header values and names that nobody knows are passed over."""
    headers: tuple[Any, ...] = (("content-type", None), ("trace", b"\x00\xff"), ("ce_type", None), ("", b""))
    assert open_envelope(record(b'{"text":"x"}', headers), BARE).data == {"text": "x"}


@pytest.mark.parametrize(
    "event",
    [
        {"id": "1", "source": "/s"},
        {"id": 1, "source": "/s", "type": "io.heartline.x.v1", "data": {}},
        {"id": "", "source": "/s", "type": "io.heartline.x.v1", "data": {}},
        {"id": "1", "source": None, "type": "io.heartline.x.v1", "data": {}},
        {"id": "1", "source": "/s", "type": "io.heartline.x.v1"},
        {"id": "1", "source": "/s", "type": "io.heartline.x.v1", "data": "text"},
        {"id": "1", "source": "/s", "type": "io.heartline.x.v1", "data": {}, "time": 5},
    ],
)
def test_damaged_structured_events(event: dict[str, Any]) -> None:
    """A structured event that lacks an attribute or its data is rejected as an envelope."""
    assert why(orjson.dumps({"specversion": "1.0", **event})).reason is Reason.INVALID_ENVELOPE


@settings(max_examples=60)
@given(
    st.recursive(
        st.one_of(st.text(alphabet='[]{}"\\x', max_size=6), st.integers(0, 9)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\', max_size=3), inner, max_size=3),
        max_leaves=12,
    ),
    st.integers(0, 80),
)
def test_depth_counts_brackets_and_no_strings(inner: Any, around: int) -> None:
    """A value is too deep exactly when its nesting passes the limit, whatever brackets and quotes its strings hold."""
    for _ in range(around):
        inner = [inner]
    value = {"x": inner}
    if _depth(value) > JSON_DEPTH_MAX:
        assert why(orjson.dumps(value)).reason is Reason.TOO_DEEP
    else:
        assert open_envelope(record(orjson.dumps(value)), BARE).data == value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def test_what_was_made_here_may_be_deeper() -> None:
    """A record without bare data is one of Heartline's own and is read to the inner limit."""
    value = b'{"a":' * INNER_DEPTH_MAX + b"1" + b"}" * INNER_DEPTH_MAX
    assert open_envelope(record(value, SEALED)).type == "feedback.received"
    assert why(b'{"a":' + value + b"}", SEALED, bare=None).reason is Reason.TOO_DEEP


@pytest.mark.parametrize(
    "value",
    [
        b"[" * RECORD_BYTES_MAX,
        b"[" + b"[]," * ((RECORD_BYTES_MAX - 3) // 3) + b"0]",
        b"[" * 65 + b'"' + b'\\"' * (RECORD_BYTES_MAX // 2 - 40),
        b"[[]," * 70 + b'"",' * (RECORD_BYTES_MAX // 3 - 100),
        b'{"a":[' * 65 + b"\\" * (RECORD_BYTES_MAX - 400),
    ],
    ids=["brackets", "pairs", "quotes", "strings", "backslashes"],
)
def test_the_depth_check_is_linear(value: bytes) -> None:
    """The largest records that are built to be slow are judged in seconds of CPU at most (quadratic: minutes)."""
    started = time.thread_time()
    why(value)
    assert time.thread_time() - started < 10.0


def test_a_duplicate_key_is_the_last_one() -> None:
    """Where a key stands twice the last value counts, as in every common JSON reader."""
    assert open_envelope(record(b'{"text":"a","text":"b"}'), BARE).data == {"text": "b"}


@settings(max_examples=60)
@given(st.binary(max_size=200), st.lists(st.tuples(st.sampled_from(["ce_type", "ce_id", "content-type"]), st.binary())))
def test_no_bytes_are_a_surprise(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    """Whatever bytes come, a record is opened or rejected, and no other error leaves."""
    try:
        opened = open_envelope(record(value, tuple(headers)), BARE)
    except Rejected:
        return
    assert isinstance(opened.data, dict)


def test_the_schema_tells_every_problem_and_no_content() -> None:
    """A rejection lists all problems with their places at once and quotes nothing that was said."""
    with pytest.raises(Rejected) as caught:
        read_value(Feedback, {"id": "1", "text": ["secret"], "at": "yesterday secret", "handles": [{"kind": "email"}]})
    assert caught.value.reason is Reason.SCHEMA
    for place in ("/source", "/channel", "/at", "/text", "/handles/0/value"):
        assert f"{place}: " in caught.value.detail
    assert "secret" not in caught.value.detail


def test_the_detail_has_a_limit() -> None:
    """However many problems there are, the detail stays within its limit."""
    with pytest.raises(Rejected) as caught:
        read_value(Feedback, {"answers": {f"q{n}": "x" for n in range(1_000)}})
    assert len(caught.value.detail) == REJECT_DETAIL_CHARS_MAX


def test_the_envelope_knows_better() -> None:
    """Id and source of the envelope win over those in the data; its time fills in only what is missing."""
    opened = Envelope(BARE, 1, "ce", "/ce", "2026-09-01T10:00:00Z", {"id": "data", "source": "/data"})
    assert named(opened, record(b"{}"), NOON) == {"id": "ce", "source": "/ce", "at": "2026-09-01T10:00:00Z"}
    kept = opened._replace(data={"at": "2026-08-01T10:00:00Z"}, time=None)
    assert named(kept, record(b"{}"), NOON)["at"] == "2026-08-01T10:00:00Z"


def test_bare_data_is_named_by_its_place() -> None:
    """Without envelope and id each record is an event of its own, the same one when read again; own names are kept."""
    opened = Envelope(BARE, 1, None, None, None, {"channel": "kiosk"})
    one, same, other = (named(opened, record(b"{}", offset=offset), NOON) for offset in (1, 1, 2))
    assert one == same
    assert one["id"] != other["id"]
    assert (one["source"], one["at"]) == ("/channels/kiosk", NOON)
    own = opened._replace(data={"id": "7", "source": "/own"})
    assert named(own, record(b"{}"), NOON) == {"id": "7", "source": "/own", "at": NOON}
