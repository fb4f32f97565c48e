"""Sends as they wait in an outbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ports import Send
from pipeline.stores.redis.sends import decode_send, encode_send

parts = st.none() | st.binary(max_size=20)
sends = st.builds(
    Send, st.text(max_size=10), parts, parts, st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=9))).map(tuple)
)


@given(send=sends)
def test_any_send_comes_back(send: Send) -> None:
    """Topic, key, value and headers are the same after writing and reading; None and empty differ."""
    assert decode_send(encode_send(send)) == send


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"x", lambda _: b"", lambda _: b"[]\n"])
def test_a_damaged_send_is_said_so(change: object) -> None:
    """Bytes cut off, added or of another kind raise ValueError."""
    body = encode_send(Send("t", b"key", b"value", (("h", b"v"),)))
    with pytest.raises(ValueError):  # noqa: PT011 - any text: it is put into the message of the store
        decode_send(change(body))
