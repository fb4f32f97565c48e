"""Lines of a file or of standard input, as they come: a slow pipe is answered line by line, a file in bulk."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import RECORD_BYTES_MAX

CHUNK_BYTES = 262_144
BOM = b"\xef\xbb\xbf"
Line = tuple[int, bytes]  # number from 1, content without its end; cut after LINE_BYTES_MAX
LINE_BYTES_MAX = RECORD_BYTES_MAX + 1


async def chunks(path: str) -> AsyncIterator[list[Line]]:
    """Answer the lines that are there, again and again; ``-`` is standard input. Raises Misconfigured."""
    number, left = 1, b""
    skipping = False  # the rest of a line that was too long already
    async for data in _data(path):
        pieces = (data.removeprefix(BOM) if number == 1 and not left else data).split(b"\n")
        pieces[0] = left + pieces[0]
        left = pieces.pop()
        lines: list[Line] = []
        for piece in pieces:
            if skipping:
                skipping = False
            else:
                lines.append((number, piece.removesuffix(b"\r")[:LINE_BYTES_MAX]))
            number += 1
        if skipping:
            left = b""
        elif len(left) > LINE_BYTES_MAX:
            lines.append((number, left[:LINE_BYTES_MAX]))
            skipping, left = True, b""
        if lines:
            yield lines
    if left and not skipping:
        yield [(number, left.removesuffix(b"\r"))]


async def _data(path: str) -> AsyncIterator[bytes]:
    if path == "-" and sys.stdin is None:
        raise Misconfigured("standard input is closed; give it a file or a pipe")
    if path == "-" and _flows():
        reader = asyncio.StreamReader(limit=CHUNK_BYTES)
        loop = asyncio.get_running_loop()
        # asyncio makes the file non-blocking; a terminal's stdin is stdout, too, so it is opened once more.
        source = _again(os.ttyname(0)) if sys.stdin.isatty() else sys.stdin.buffer
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
        try:
            while data := await reader.read(CHUNK_BYTES):
                yield data
        finally:
            transport.close()
        return
    try:
        with sys.stdin.buffer if path == "-" else _again(path) as file:
            while data := file.read(CHUNK_BYTES):
                yield data
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error


def _flows() -> bool:
    """Say whether standard input is a pipe, a socket or a terminal, where lines come when they come."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except OSError:
        return False  # something in memory, as a test gives it
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty()


def _again(path: str) -> IO[bytes]:
    return Path(path).open("rb", buffering=0)
