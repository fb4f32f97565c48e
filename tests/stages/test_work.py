"""What a stage leaves: rejects keep what came, and say where from and why."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import Reason, Rejected
from pipeline.ports import Send
from pipeline.stages.work import Outcome
from tests.makers import NOON_MS, record

HEADERS = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=4)


@settings(max_examples=50)
@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS, st.sampled_from(Reason), st.text())
def test_a_reject_is_untouched_and_knows_its_origin(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], reason: Reason, detail: str
) -> None:
    """Key, value and headers are those that came, to the byte, and six headers are added."""
    outcome = Outcome()
    outcome.reject(record(value, tuple(headers), key=key, offset=7), Rejected(reason, detail))
    (send,) = outcome.sends
    assert (send.topic, send.key, send.value) == ("rejects", key, value)
    assert list(send.headers[: len(headers)]) == headers
    assert dict(send.headers[len(headers) :]) == {
        "reject-reason": reason.value.encode(),
        "reject-detail": detail.encode(errors="replace"),
        "reject-topic": b"feedback",
        "reject-partition": b"0",
        "reject-offset": b"7",
        "reject-timestamp": str(NOON_MS).encode(),
    }
    assert outcome.rejected == 1


def test_a_reject_of_a_reject_tells_the_newest_origin() -> None:
    """What was replayed and is rejected again does not gather old origins."""
    outcome = Outcome()
    old: tuple[Any, ...] = (("ce_id", b"1"), ("reject-offset", b"3"), ("reject-reason", b"old"))
    outcome.reject(record(b"x", old, offset=9), Rejected(Reason.SCHEMA, "new"))
    names = [name for name, _ in outcome.sends[0].headers]
    assert names.count("reject-offset") == names.count("reject-reason") == 1
    assert dict(outcome.sends[0].headers)["reject-offset"] == b"9"
    assert dict(outcome.sends[0].headers)["ce_id"] == b"1"


def test_parts_of_a_batch_come_together() -> None:
    """Taking over a part adds its sends in order, what it settles, and its rejects."""

    async def settle() -> None: ...

    one, other = Outcome([Send("a", None, b"")]), Outcome([Send("b", None, b"")], [settle], 2)
    one.extend(other)
    assert [send.topic for send in one.sends] == ["a", "b"]
    assert (one.confirmed, one.rejected) == ([settle], 2)
