"""The envelope: CloudEvents 1.0 in its Kafka binding, opened from a record and sealed around one.

Accepted are the binary mode (attributes in ``ce_`` headers, data in the value), the structured mode (a JSON object
with ``specversion`` and ``data``), and, for feedback, the bare data of a producer that knows no envelope.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson
from pydantic import ValidationError

from pipeline.domain.errors import Reason, Rejected
from pipeline.domain.limits import (
    INNER_BYTES_MAX,
    INNER_DEPTH_MAX,
    JSON_DEPTH_MAX,
    RECORD_BYTES_MAX,
    REJECT_DETAIL_CHARS_MAX,
)
from pipeline.domain.values import Value

V = TypeVar("V", bound=Value)
NAMESPACE = "io.heartline."
_TO_BRACKETS = bytes.maketrans(b"{[]}", b"(())")
STRUCTURED = b"application/cloudevents"
_SPECVERSION = ("ce_specversion", b"1.0")
_JSON = ("content-type", b"application/json")
_TYPE = re.compile(r"^io\.heartline\.([a-z_.]{1,64})\.v([0-9]{1,4})\Z")
# A string, closed or not: it always matches at a quote and never gives anything back, so it is linear.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Record(Protocol):
    """A Kafka record, in the shape that aiokafka gives it; ``timestamp`` in ms since 1970."""

    @property
    def topic(self) -> str: ...  # noqa: D102

    @property
    def partition(self) -> int: ...  # noqa: D102

    @property
    def offset(self) -> int: ...  # noqa: D102

    @property
    def timestamp(self) -> int: ...  # noqa: D102

    @property
    def key(self) -> bytes | None: ...  # noqa: D102

    @property
    def value(self) -> bytes | None: ...  # noqa: D102

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102


class Envelope(NamedTuple):
    """An opened envelope: the type without namespace and version, the attributes, and the data."""

    type: str
    version: int
    id: str | None
    source: str | None
    time: str | None
    data: dict[str, Any]


def open_envelope(record: Record, bare: str | None = None) -> Envelope:
    """Open a record; ``bare`` is the type of data that comes without an envelope. Raises Rejected.

    Where nothing may come bare the record was made here, of one that came in, and may be larger than that one.
    """
    bytes_max, depth_max = (INNER_BYTES_MAX, INNER_DEPTH_MAX) if bare is None else (RECORD_BYTES_MAX, JSON_DEPTH_MAX)
    value = record.value
    if value is None:
        raise Rejected(Reason.TOMBSTONE, "the record has no value; a tombstone means nothing on this topic")
    if len(value) > bytes_max:
        raise Rejected(Reason.TOO_LARGE, f"{len(value)} bytes; at most {bytes_max} are read")
    headers = dict(record.headers)
    data = _json(value, depth_max)
    if not isinstance(data, dict):
        raise Rejected(Reason.INVALID_ENVELOPE, f"a JSON object is expected, this is {type(data).__name__}")
    if (kind := headers.get("ce_type")) is not None:
        name, version = _type(_header(kind, "ce_type"))
        return Envelope(
            name,
            version,
            _header(headers.get("ce_id"), "ce_id"),
            _header(headers.get("ce_source"), "ce_source"),
            None if (time := headers.get("ce_time")) is None else _header(time, "ce_time"),
            data,
        )
    if "specversion" in data or (headers.get("content-type") or b"").startswith(STRUCTURED):
        return _structured(data)
    if bare is None:
        raise Rejected(Reason.INVALID_ENVELOPE, "no CloudEvents envelope: neither ce_ headers nor specversion")
    return Envelope(bare, 1, None, None, None, data)


def _structured(event: dict[str, Any]) -> Envelope:
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise Rejected(Reason.INVALID_ENVELOPE, f"/{name}: a structured CloudEvent needs it as a string")
    data, time = event.get("data"), event.get("time")
    if not isinstance(data, dict) or not isinstance(time, str | None):
        raise Rejected(Reason.INVALID_ENVELOPE, "/data must be a JSON object and /time, if given, a string")
    name, version = _type(event["type"])
    return Envelope(name, version, event["id"], event["source"], time, data)


@lru_cache(maxsize=256)  # they are few, and come with every record
def _type(name: str) -> tuple[str, int]:
    match = _TYPE.match(name)
    if match is None:
        raise Rejected(Reason.UNKNOWN_TYPE, f"type {name[:100]!r} is none of {NAMESPACE}<name>.v<version>")
    return match[1], int(match[2])


def _header(value: bytes | None, name: str) -> str:
    if not value:
        raise Rejected(Reason.INVALID_ENVELOPE, f"header {name} is missing or empty")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Rejected(Reason.INVALID_ENVELOPE, f"header {name} is not UTF-8") from None


def _json(value: bytes, depth_max: int) -> Any:
    if value.count(b"{") + value.count(b"[") > depth_max:
        _check_depth(value, depth_max)
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _not_json(value, error) from None


def _check_depth(value: bytes, depth_max: int) -> None:
    """Peel: without its strings JSON is brackets, and taking out every empty pair takes off one level.

    Each pass is one search at the speed of C, and there are at most as many as levels are allowed.
    """
    marks = _STRING.sub(b"", value).translate(_TO_BRACKETS, _NO_BRACKETS)
    for _ in range(depth_max):
        peeled = marks.replace(b"()", b"")
        if len(peeled) == len(marks):
            break
        marks = peeled
    if marks and (len(marks) > depth_max or b"()" in marks):
        raise Rejected(Reason.TOO_DEEP, f"nested too deep; at most {depth_max} levels are read")


def _not_json(value: bytes, error: orjson.JSONDecodeError) -> Rejected:
    try:
        text = value.decode()
    except UnicodeDecodeError as wrong:
        return Rejected(Reason.INVALID_ENCODING, f"not UTF-8 at byte {wrong.start}")
    if text.startswith("\ufeff"):
        return Rejected(Reason.INVALID_ENCODING, "begins with a byte order mark; send UTF-8 without one")
    if "\x00" in text:
        return Rejected(Reason.INVALID_ENCODING, f"a NUL byte at byte {value.index(0)}; is it UTF-16? Send UTF-8")
    if "surrogate" in error.msg:
        return Rejected(Reason.INVALID_ENCODING, f"{error.msg} at line {error.lineno} column {error.colno}")
    if "recursion" in error.msg.lower():
        return Rejected(Reason.TOO_DEEP, f"nested too deep; at most {JSON_DEPTH_MAX} levels are read")
    return Rejected(Reason.INVALID_JSON, f"{error.msg} at line {error.lineno} column {error.colno}")


def read_value(model: type[V], data: Mapping[str, Any]) -> V:
    """Check ``data`` against ``model``. Raises Rejected with every problem and its JSON pointer, no content."""
    try:
        value: V = model.__pydantic_validator__.validate_python(data)
    except ValidationError as error:
        problems = "; ".join(
            f"/{'/'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise Rejected(Reason.SCHEMA, problems[:REJECT_DETAIL_CHARS_MAX]) from None
    return value


def named(envelope: Envelope, record: Record, arrived: datetime) -> dict[str, Any]:
    """Answer the data of a feedback with what the envelope knows better: id, source, and the time if missing.

    Data that comes bare keeps its own id and source. Without an id each record is an event of its own, named by its
    place in the log (two people may say the same words); without a source it is that of the channel.
    """
    data = dict(envelope.data)
    if envelope.id is not None:
        data["id"], data["source"] = envelope.id, envelope.source
    else:
        if data.get("id") is None:
            data["id"] = f"{record.topic}/{record.partition}/{record.offset}"
        if data.get("source") is None:
            data["source"] = f"/channels/{data.get('channel', 'unknown')}"
    if data.get("at") is None:
        data["at"] = envelope.time or arrived
    return data


def seal(kind: str, event: str, source: str, time: str, subject: str) -> tuple[tuple[str, bytes], ...]:
    """Answer the headers of a binary-mode CloudEvent of type ``io.heartline.<kind>.v1`` with JSON data."""
    return (
        _SPECVERSION,
        _sealed_type(kind),
        ("ce_id", event.encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", subject.encode()),
        _JSON,
    )


@cache
def _sealed_type(kind: str) -> tuple[str, bytes]:
    return "ce_type", f"{NAMESPACE}{kind}.v1".encode()
