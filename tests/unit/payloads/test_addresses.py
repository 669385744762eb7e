from __future__ import annotations

import socket

import pytest

from clusterkit.payloads.addresses import hold_free_port, interface_of


def test_without_a_subnet_it_is_this_machine_alone() -> None:
    assert interface_of(None, None) == "lo"


@pytest.mark.parametrize(("subnet", "address"), [("127.0.0.0/8", "127.0.0.1"), ("::1/128", None)])
def test_the_interface_in_the_subnet(subnet: str, address: str | None) -> None:
    assert interface_of(subnet, address) == "lo"


def test_no_interface_in_the_subnet() -> None:
    with pytest.raises(LookupError, match=r"^no interface of this node has .* in 203.0.113.0/24$"):
        interface_of("203.0.113.0/24", None)


def test_a_held_port_is_taken_until_it_is_closed() -> None:
    held = hold_free_port("127.0.0.1")
    with socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(held.getsockname())
        port = held.getsockname()
        held.close()
        other.bind(port)
