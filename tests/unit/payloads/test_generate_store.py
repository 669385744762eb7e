"""A rank comes to the meeting place when rank 0 is there."""

from __future__ import annotations

import socket
import threading

import pytest

from clusterkit.payloads.generate_store import wait_for_store


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(held.getsockname()[1]))
    return held


def test_a_rank_waits_until_somebody_listens(place: socket.socket, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    waiting = threading.Thread(target=wait_for_store)
    with place:
        waiting.start()
        waiting.join(0.1)
        was_waiting = waiting.is_alive()
        place.listen()
        waiting.join(10)

    assert (was_waiting, waiting.is_alive()) == (True, False)


def test_rank_0_waits_for_nobody(place: socket.socket, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(socket, "create_connection", None)  # who tries to connect fails
    with place:
        wait_for_store()


def test_a_rank_waits_no_longer_than_it_is_told(place: socket.socket, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with place:
        wait_for_store(within_s=0.05)
