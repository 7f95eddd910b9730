"""Ports for the servers of the tests: chosen so that nobody takes one before its server starts."""

from __future__ import annotations

import os
import socket
from itertools import count

# Below the ports that the system gives by itself, to clients and to servers on port 0.
FIRST, NUMBER = 20_000, 12_000
# Processes that test side by side begin at places of their own.
_places = count(os.getpid() * 977)


def free_port() -> int:
    """Return a port of this machine on which nobody listens, another one each time."""
    for place in _places:
        port = FIRST + place % NUMBER
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable")
