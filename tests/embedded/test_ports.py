"""Free ports."""

import socket

from pipeline.embedded.ports import FIRST_PORT, PORTS, free_port, is_free


def test_a_port_in_use_is_not_free() -> None:
    """A port that somebody listens on is seen as taken, and as free once it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_ports_are_never_those_of_outgoing_connections() -> None:
    """Ports stay below 32768, so that no client can be given the port of a server that is down for a moment."""
    ports = [free_port() for _ in range(20)]
    assert all(FIRST_PORT <= port < FIRST_PORT + PORTS < 32_768 for port in ports)


def test_a_port_is_not_answered_twice() -> None:
    """Two servers that choose their ports before either listens do not choose the same."""
    assert len({free_port() for _ in range(50)}) == 50
