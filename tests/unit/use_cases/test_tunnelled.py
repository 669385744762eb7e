"""A tunnel beside the server that it leads to, where both are on one machine."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from clusterkit.errors import UsageError
from clusterkit.use_cases.served import Served, tunnelled
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair

LOCAL = Session(pair(provider="local", subnet=None), Path("/state"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_a_server_that_still_loads_keeps_its_port() -> None:
    port = free_port()
    served = Served("localhost", "127.0.0.1", None, {"http": port}, "/ready", "/metrics")
    with tunnelled(LOCAL, served) as reached:
        assert not reached.url.endswith(f":{port}")
        socket.create_server(("127.0.0.1", port)).close()


def test_its_port_is_refused_where_it_is_asked_for() -> None:
    port = free_port()
    served = Served("localhost", "127.0.0.1", None, {"http": port}, "/ready", "/metrics")
    said = f"port {port} of this machine is the server's own. Fix: another `--port`, or none"
    with pytest.raises(UsageError) as refused, tunnelled(LOCAL, served, port=port):
        pass
    assert str(refused.value) == said
