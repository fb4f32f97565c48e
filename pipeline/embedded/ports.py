"""Free ports on loopback."""

import itertools
import os
import socket

# Below the range (32768 and up) that Linux and macOS draw the ports of outgoing connections from. A port in
# that range could be taken by any client while its server is down between stop and start; worse, a client on
# the same machine that keeps trying to reach the dead server can draw the very port it is trying to reach
# and then talks to itself.
FIRST_PORT = 20_000
PORTS = 12_000

_turns = itertools.count()


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        # As servers do, so that connections still closing from an earlier life do not count.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Answer a port that nobody listens on and that this process did not answer lately.

    Processes begin at different places, so that two of them rarely meet; where they do, ``Server.start``
    sees that a stranger answers and takes another port. Raises OSError when all are taken.
    """
    start = os.getpid() * 61
    for turn in itertools.islice(_turns, PORTS):
        port = FIRST_PORT + (start + turn) % PORTS
        if is_free(port):
            return port
    raise OSError(f"no free port on 127.0.0.1 between {FIRST_PORT} and {FIRST_PORT + PORTS}")
