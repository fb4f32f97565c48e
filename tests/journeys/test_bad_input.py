"""Bad input of every kind: each gets a clear reject with reason and origin, untouched and replayable; nobody is harmed.

T44 to T51 are the rows of the table of faults. The fast tests go through the same `carry` as the workers.
"""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from pipeline.domain.envelope import seal
from pipeline.domain.errors import Reason
from pipeline.domain.limits import JSON_DEPTH_MAX, RECORD_BYTES_MAX
from pipeline.domain.timeline import Entry
from pipeline.embedded.server import Server
from pipeline.embedded.valkey import Valkey
from pipeline.ports import Headers, Send
from tests.faults.crowd import crowd
from tests.faults.memory_house import MemoryHouse
from tests.faults.scene import Scene

GOOD: dict[str, Any] = {
    "channel": "chat",
    "text": "I am happy.",
    "at": "2026-09-01T10:00:00Z",
    "id": "1",
    "source": "/s",
}


def data(**changes: Any) -> bytes:
    """Answer a good feedback with changes; one that is ... is left out."""
    return orjson.dumps({k: v for k, v in {**GOOD, **changes}.items() if v is not ...})


def raw(field: bytes) -> bytes:
    """Answer a good feedback whose answers hold ``field`` as it stands."""
    return data()[:-1] + b',"answers":{"nps":' + field + b"}}"


class Bad(NamedTuple):
    """An input that can never be good, and what is said of it."""

    value: bytes | None
    reason: Reason
    told: str
    key: bytes | None = b"k"
    headers: Headers = ()


SEALED = seal("feedback.received", "1", "/s", "2026-09-01T10:00:00Z", "chat")
BAD: dict[str, Bad] = {
    # T44 – encodings
    "not-utf8": Bad(b'{"channel":"chat","text":"caf\xe9"}', Reason.INVALID_ENCODING, "not UTF-8 at byte 29"),
    "overlong": Bad(b'{"channel":"chat","text":"\xc0\xaf"}', Reason.INVALID_ENCODING, "not UTF-8 at byte 26"),
    "lone-surrogate": Bad(b'{"channel":"chat","text":"\\ud800"}', Reason.INVALID_ENCODING, "surrogate"),
    "surrogate-bytes": Bad(b'{"text":"\xed\xa0\x80"}', Reason.INVALID_ENCODING, "not UTF-8 at byte 9"),
    "byte-order-mark": Bad(b"\xef\xbb\xbf" + data(), Reason.INVALID_ENCODING, "byte order mark"),
    "utf16": Bad(data().decode().encode("utf-16"), Reason.INVALID_ENCODING, "not UTF-8 at byte 0"),
    # T45 – numbers
    "nan": Bad(raw(b"NaN"), Reason.INVALID_JSON, "line 1 column"),
    "infinity": Bad(raw(b"Infinity"), Reason.INVALID_JSON, "line 1 column"),
    "1e999": Bad(raw(b"1e999"), Reason.INVALID_JSON, "line 1 column"),
    "bool-as-text": Bad(data(text=True), Reason.SCHEMA, "/text"),
    "text-as-number": Bad(raw(b'"many"'), Reason.SCHEMA, "/answers/nps"),
    # T46 – shapes
    "deep": Bad(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, Reason.TOO_DEEP, f"at most {JSON_DEPTH_MAX}"),
    "deep-list": Bad(b"[" * 500_000, Reason.TOO_DEEP, f"at most {JSON_DEPTH_MAX}"),
    "a-bit-too-deep": Bad(data(metadata=None)[:-5] + b"[" * 65 + b"]" * 65 + b"}", Reason.TOO_DEEP, "at most"),
    "a-million-keys": Bad(
        b"{" + b",".join(b'"%d":0' % key for key in range(1_000_000)) + b"}", Reason.TOO_LARGE, "bytes; at most"
    ),
    # T47 – sizes
    "ten-megabytes": Bad(data(text="a" * 10_000_000), Reason.TOO_LARGE, f"at most {RECORD_BYTES_MAX}"),
    "gzip": Bad(gzip.compress(data()), Reason.INVALID_ENCODING, "not UTF-8"),
    # T49 – nothing where something should be
    "tombstone": Bad(None, Reason.TOMBSTONE, "no value"),
    "tombstone-without-key": Bad(None, Reason.TOMBSTONE, "no value", key=None),
    "empty": Bad(b"", Reason.INVALID_JSON, "line 1 column"),
    "null": Bad(b"null", Reason.INVALID_ENVELOPE, "this is NoneType"),
    "list": Bad(b"[]", Reason.INVALID_ENVELOPE, "this is list"),
    "half": Bad(data()[:40], Reason.INVALID_JSON, "line 1 column"),
    "empty-header": Bad(data(), Reason.INVALID_ENVELOPE, "ce_id", headers=(("ce_type", SEALED[1][1]), ("ce_id", b""))),
    "bytes-in-header": Bad(
        data(), Reason.INVALID_ENVELOPE, "ce_type is not UTF-8", headers=(("ce_type", b"\xff\xfe"),)
    ),
    # T50 – schema
    "no-fields": Bad(b"{}", Reason.SCHEMA, "/channel: Field required; /text: Field required"),
    "wrong-types": Bad(data(channel=7, text=None, handles="x"), Reason.SCHEMA, "/handles"),
    "too-many-handles": Bad(
        data(handles=[{"kind": "email", "value": f"{n}@b.org"} for n in range(17)]), Reason.SCHEMA, "/handles"
    ),
    "no-time-zone": Bad(data(at="2026-09-01T10:00:00"), Reason.SCHEMA, "/at"),
    "no-such-day": Bad(data(at="2026-02-30T10:00:00Z"), Reason.SCHEMA, "/at"),
    "long-name": Bad(data(channel="c" * 201), Reason.SCHEMA, "/channel"),
    "unknown-type": Bad(data(), Reason.UNKNOWN_TYPE, "com.example.order", headers=(("ce_type", b"com.example.order"),)),
    "type-of-another-topic": Bad(
        data(),
        Reason.UNKNOWN_TYPE,
        "does not belong",
        headers=seal("alert.raised", "1", "/s", "2026-09-01T10:00:00Z", "chat"),
    ),
    "next-version": Bad(
        data(),
        Reason.UNKNOWN_VERSION,
        "this release reads v1",
        headers=(
            ("ce_type", b"io.heartline.feedback.received.v2"),
            ("ce_id", b"1"),
            ("ce_source", b"/s"),
            ("ce_time", b"x"),
        ),
    ),
    "structured-without-data": Bad(
        orjson.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "io.heartline.feedback.received.v1"}),
        Reason.INVALID_ENVELOPE,
        "/data",
    ),
}
ZALGO = "Z" + "\u0321\u0353\u030d" * 40 + "algo"
ODD: dict[str, bytes] = {
    # T45, T46, T48, T50 – odd, and good
    "minus-zero": raw(b"-0"),
    "long-number": raw(b"9" * 300),
    "duplicate-keys": data()[:-1] + b',"text":"the last one counts"}',
    "no-text": data(text=""),
    "one-character": data(text="k"),
    "64-kilobytes": data(text="so frustrated " * 4_700),
    "a-megabyte": data(text="a " * 500_000),
    "many-tokens": data(text="a b " * 100_000),
    "unknown-fields": data(colour="red", nested={"a": [1, 2, {"b": None}]}),
    "unknown-channel": data(channel="semaphore"),
    "unknown-handle": data(handles=[{"kind": "ham-radio", "value": "G4ABC"}]),
    "no-such-address": data(handles={"email": "not an address", "phone": "12"}),
    "brackets-in-text": data(text="{[" * 2_000),
    # T51 – naughty strings
    "right-to-left": data(text="\u202eevil\u2066 happy \u2069"),
    "zero-width": data(text="ha\u200bppy\u200d\ufeff"),
    "zalgo": data(text=ZALGO),
    "emoji-only": data(text="😡👎💔🙄"),
    "every-plane": data(text="".join(chr(c) for c in range(0x20, 0x30000, 97) if not 0xD800 <= c < 0xE000)),
    "noncharacters": data(text="\uffff\ufffe\U0010ffff"),
    "homoglyph": data(handles={"email": "p\u0430ypal@example.org"}),
    "formula": data(text="=cmd|' /C calc'!A0", touchpoint="=1+1"),
    "markup": data(text="<script>alert(1)</script>[red]{{7*7}}${jndi:ldap://x}", channel="<b>chat</b>"),
    "lines": data(text="a\r\nERROR forged line\u2028\u2029\x1b[31m"),
    "sql": data(text="'; DROP TABLE users; --"),
}


async def met(send: Send) -> MemoryHouse:
    """Publish one record between two good ones, carry everything, and check."""
    house = MemoryHouse.build()
    before, after = (Send("feedback", b"k", data(id=event)) for event in ("before", "after"))
    await house.bus.send([before, send, after])
    await house.bus.run(house.doors)
    report = await house.report()
    assert report.clean, report.anomalies
    return house


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_rejected(name: str) -> None:
    """It is in rejects with its bytes, key, reason, detail and origin, and its neighbours are remembered."""
    bad = BAD[name]
    house = await met(Send("feedback", bad.key, bad.value, bad.headers))
    (reject,) = house.bus.records("rejects")
    told = dict(reject.headers)
    assert (reject.value, reject.key) == (bad.value, bad.key)
    assert told["reject-reason"].decode() == bad.reason
    assert bad.told in told["reject-detail"].decode()
    assert told["reject-topic"] == b"feedback"
    (origin,) = [r for r in house.bus.records("feedback") if r.value == bad.value and r.headers == bad.headers]
    assert (int(told["reject-partition"]), int(told["reject-offset"])) == (origin.partition, origin.offset)
    assert tuple(header for header in reject.headers if not header[0].startswith("reject-")) == bad.headers
    assert (await house.report()).totals["remembered"] == 2


@pytest.mark.parametrize("name", ODD)
async def test_odd_input_is_remembered(name: str) -> None:
    """It is remembered with its text as it was."""
    house = await met(Send("feedback", b"k", ODD[name]))
    assert house.bus.records("rejects") == []
    assert (await house.report()).totals["remembered"] == 3
    texts = [orjson.loads(entry.body)["feedback"]["text"] for entry in await _entries(house)]
    assert orjson.loads(ODD[name])["text"] in texts


async def _entries(house: MemoryHouse) -> list[Entry]:
    persons = [kept.person async for kept in house.timelines.kept()]
    return [entry for person in persons for entry in await house.timelines.entries(person, 10)]


async def test_nul_is_left_out() -> None:
    """T51: NUL is the one character that is not kept; a handle that holds one joins nobody."""
    house = await met(Send("feedback", b"k", data(text="a\x00b", handles={"social": "x\x00y"})))
    texts = [orjson.loads(entry.body)["feedback"]["text"] for entry in await _entries(house)]
    assert "ab" in texts


async def test_a_reject_comes_again_when_its_reason_is_mended() -> None:
    """What is rejected is replayable: the same bytes, sent again, are rejected again, and count as another record."""
    house = await met(Send("feedback", b"k", BAD["not-utf8"].value))
    (reject,) = house.bus.records("rejects")
    headers = tuple(header for header in reject.headers if not header[0].startswith("reject-"))
    await house.bus.send([Send("feedback", reject.key, reject.value, headers)])
    await house.bus.run(house.doors)
    report = await house.report()
    assert report.clean
    assert report.reasons == {"invalid_encoding": 2}


@pytest.fixture
async def stage(broker: Server, valkey: Valkey, prefix: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """Topics made, nobody working yet."""
    scene = Scene(tmp_path, broker.address, valkey.url, f"{prefix}{os.getpid()}-")
    await scene.topics()
    yield scene
    scene.close()


async def test_a_worker_meets_all_of_it(stage: Scene) -> None:
    """Another client publishes all of it, compressed where it likes, among good events; the worker gets through."""
    from confluent_kafka import Producer

    refused: list[str] = []
    producer = Producer(
        {"bootstrap.servers": stage.settings.kafka, "compression.type": "gzip", "message.max.bytes": 20_000_000}
    )

    def heard(error: Any, _: Any) -> None:
        if error is not None:
            refused.append(error.name())

    topic = stage.settings.topic("feedback")
    await stage.publish(crowd(1, 50))
    for bad in BAD.values():
        producer.produce(topic, bad.value, bad.key, headers=list(bad.headers), on_delivery=heard)
        producer.flush(20)
    for place, value in enumerate(ODD.values()):
        producer.produce(topic, value, b"k", headers=[("ce_type", SEALED[1][1]), ("ce_id", b"%d" % place),
                         ("ce_source", b"/odd"), ("ce_time", b"2026-09-01T10:00:00Z")], on_delivery=heard)  # fmt: skip
    producer.flush(20)
    await stage.publish(crowd(2, 50))
    worker = stage.work()
    # A broker that has a limit of its own refuses the ten megabytes itself.
    assert set(refused) <= {"MSG_SIZE_TOO_LARGE"}
    report = await stage.clean(100 + len(ODD), rejected=len(BAD) - len(refused))
    assert worker.running
    assert set(report.reasons) == {bad.reason for bad in BAD.values()}
    assert "happy" not in worker.words, "no text of anybody in the log"
