"""A TCP proxy that fails as networks fail."""

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST


class Proxy:
    """Stands between a client and ``host:port``; ``async with Proxy(host, port) as proxy`` listens on ``proxy.port``.

    Everything is passed on until a fault is set; each holds from the moment it is set, for open and new connections:

    * ``delay_seconds``: how long each chunk is held, each way;
    * ``cut_up(bytes)`` / ``cut_down(bytes)``: after so many more bytes towards the server / the client, of all
      connections together, the connection that carried the last of them ends, both ways; once;
    * ``hold_up`` / ``hold_down``: bytes that way are swallowed while the connection stays (half open);
    * ``reset()``: every connection ends with RST; ``refuse``: new ones do so at once.

    ``up_bytes`` and ``down_bytes`` count what was passed on, ``connections`` what was ever accepted.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._left: dict[str, int | None] = {"up": None, "down": None}
        self.port = 0
        self.delay_seconds = 0.0
        self.hold_up = self.hold_down = self.refuse = False
        self.up_bytes = self.down_bytes = self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        # Aborted, not cancelled: a task that is cancelled while it cleans up would leave its other side open.
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    def cut_up(self, after_bytes: int) -> None:
        """End a connection after ``after_bytes`` more towards the server; they arrive, no answer does."""
        self._left["up"] = after_bytes

    def cut_down(self, after_bytes: int) -> None:
        """End a connection after ``after_bytes`` more towards the client."""
        self._left["down"] = after_bytes

    def reset(self) -> None:
        """End every connection with RST."""
        for writer in list(self._writers):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio logs an error for one of its own that is cancelled at the end.
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            if self.refuse:
                self.reset()
                return
            try:
                up_reader, up_writer = await asyncio.open_connection(*self._target)
            except OSError:  # the server is away, so the client is hung up on
                return
            self._writers.add(up_writer)
            ways = [
                asyncio.ensure_future(self._carry(reader, up_writer, "up")),
                asyncio.ensure_future(self._carry(up_reader, writer, "down")),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await self._end(up_writer)
        finally:
            await self._end(writer)

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self.hold_up if way == "up" else self.hold_down:
                    continue
                left = self._left[way]
                passed = chunk if left is None else chunk[:left]
                if left is not None:
                    self._left[way] = left - len(passed)
                writer.write(passed)
                await writer.drain()
                self._count(way, len(passed))
                if left is not None and left <= len(chunk):
                    self._left[way] = None
                    return

    def _count(self, way: str, size: int) -> None:
        if way == "up":
            self.up_bytes += size
        else:
            self.down_bytes += size
