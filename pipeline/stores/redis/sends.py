"""A Send as it waits in an outbox: one line of JSON that says how long its parts are, then the parts as they are."""

import orjson

from pipeline.ports import Send


def encode_send(send: Send) -> bytes:
    """Answer the bytes of ``send``."""
    names = [[name, len(value)] for name, value in send.headers]
    lengths = [None if part is None else len(part) for part in (send.key, send.value)]
    line = orjson.dumps([send.topic, *lengths, names])
    return b"".join((line, b"\n", send.key or b"", send.value or b"", *(value for _, value in send.headers)))


def decode_send(body: bytes) -> Send:
    """Answer the Send of ``body``. Raises ValueError where it holds none."""
    line, _, parts = body.partition(b"\n")
    try:
        topic, key_length, value_length, names = orjson.loads(line)
        place = 0

        def take(length: int) -> bytes:
            nonlocal place
            place += length
            return parts[place - length : place]

        key = None if key_length is None else take(key_length)
        value = None if value_length is None else take(value_length)
        headers = tuple((name, take(length)) for name, length in names)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if place != len(parts):
        raise ValueError(f"{len(parts)} bytes where {place} are announced")
    return Send(topic, key, value, headers)
