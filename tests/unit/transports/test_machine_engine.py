"""What a machine says of its registry and its ports."""

from __future__ import annotations

import pytest

from clusterkit.transports.machine_engine import is_listening, not_pulled

SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0B00000A:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   2: 0B00000A:08B0 0C00000A:9C40 01 00000000:00000000 00:00000000 00000000     0
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A
"""


@pytest.mark.parametrize(
    ("address", "port", "taken"),
    [
        ("10.0.0.11", 2222, True),
        ("10.0.0.12", 2222, False),  # of another address of the machine
        ("10.0.0.11", 22, True),
        ("10.0.0.11", 2224, False),  # a connection, and nobody who listens
        ("10.0.0.11", 8080, True),
        ("10.0.0.11", 8081, False),  # the loopback's alone
        ("10.0.0.11", 2223, False),
    ],
)
def test_a_port_is_taken_where_somebody_listens_at_the_address_or_at_all(address, port, taken):
    assert is_listening(SOCKETS, address, port) is taken


@pytest.mark.parametrize(
    ("image", "said", "login"),
    [
        ("me/own:1", "pull access denied for me/own", "docker login"),
        ("reg.example.net/own:1", "unauthorized: no", "docker login reg.example.net"),
        ("localhost/own", "no basic auth credentials", "docker login localhost"),
    ],
)
def test_a_registry_that_denies_an_image(image, said, login):
    error = not_pulled("gpu01", image, f"Error response from daemon: {said}.")

    assert str(error) == (
        f"gpu01: image {image} is not there and cannot be pulled: {said}. Fix: log in there, on "
        f"gpu01: `{login}`; or send it from here: "
        f"`clusterkit images push {image} --inventory INVENTORY`"
    )


def test_an_image_that_no_registry_has():
    error = not_pulled("gpu01", "own:1", "manifest unknown")

    assert str(error) == (
        "gpu01: image own:1 is not there and cannot be pulled: manifest unknown. Fix: check the "
        "name; or send it from here: `clusterkit images push own:1 --inventory INVENTORY`"
    )
