"""Clients that leave, dawdle or talk nonsense cost others nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.unit.payloads.server.stand_in import NAME, WITHIN_S, Running, running


@contextmanager
def connected(server: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN_S) as client:
        yield client


def request_for(**fields: object) -> bytes:
    body = json.dumps({"model": NAME, "prompt": "hi", **fields}).encode()
    return head(len(body)) + body


def head(length: int) -> bytes:
    return (
        b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % length
    )


def everything(client: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    found = b""
    while piece := client.recv(65536):
        found += piece
    return found


def read_to(client: socket.socket, end: bytes) -> bytes:
    found = b""
    while not found.endswith(end):
        piece = client.recv(65536)
        assert piece, found
        found += piece
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("has_begun", [False, True])
def test_a_client_that_leaves_frees_its_place(stream, has_begun):
    with running("abcdef", held=True) as server:
        with connected(server) as client:
            client.sendall(request_for(stream=stream))
            server.ranks.until(lambda: len(server.ranks.works) == 1)
            if has_begun:
                server.ranks.say_one()
            if has_begun and stream:
                assert client.recv(100).startswith(b"HTTP/1.1 200 OK")

        server.ranks.until(lambda: len(server.ranks.cancelled) == 1)

        assert server.ranks.cancelled == [server.ranks.works[0].id]
        server.ranks.release()
        assert server.ask().json()["choices"][0]["text"] == "abcdef"
        seen = server.get("/metrics").text
    assert 'clusterkit_requests_total{route="/v1/completions",status="499"} 1.0' in seen


def test_all_prompts_of_a_client_that_leaves_are_forgotten():
    with running("abcdef", held=True) as server:
        with connected(server) as client:
            client.sendall(request_for(prompt=["a", "b", "c"]))
            server.ranks.until(lambda: len(server.ranks.works) == 3)

        server.ranks.until(lambda: len(server.ranks.cancelled) == 3)


def test_an_answer_that_a_stop_word_ended_frees_its_place_at_once():
    with running("a.bcdef", held=True) as server:
        with connected(server) as client:
            client.sendall(request_for(stop="."))
            server.ranks.until(lambda: len(server.ranks.works) == 1)
            server.ranks.say_one()
            server.ranks.say_one()
            answer = read_to(client, b"}}")
        assert server.ranks.cancelled == [server.ranks.works[0].id]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["choices"][0]["text"] == "a"


def test_a_head_that_does_not_come_ends_the_connection():
    with running(head_timeout_s=0.2) as server, connected(server) as client:
        client.sendall(b"POST /v1/completions HTTP/1.1\r\nX-A: ")
        assert everything(client) == b""
        assert server.ask().status_code == 200


def test_a_slow_head_is_no_better_on_a_connection_that_answered_before():
    with running(head_timeout_s=0.2) as server, connected(server) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_to(client, b"alive\n").startswith(b"HTTP/1.1 200 OK")
        client.sendall(b"GET /hea")
        assert everything(client) == b""


def test_bytes_that_trickle_in_do_not_turn_the_clock_back():
    with running(head_timeout_s=0.3) as server, connected(server) as client:
        client.settimeout(0.02)
        sent = 0
        while sent < 1000:
            try:
                client.sendall(b"X" if sent else b"GET / HTTP/1.1\r\nX-A: ")
                sent += 1
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert sent < 1000


def test_a_body_that_does_not_come_is_told_so():
    with running(body_timeout_s=0.2) as server, connected(server) as client:
        client.sendall(head(100) + b'{"model"')
        with connected(server) as other:
            other.sendall(request_for())
            assert other.recv(15) == b"HTTP/1.1 200 OK"
        answer = read_to(client, b"}}")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"the body did not come within 0.2 s. Fix: send it faster"' in answer


def test_a_client_that_sends_all_of_a_long_body_still_reads_why_not():
    with running() as server, connected(server) as client:
        client.sendall(head(10_000_000))
        client.sendall(b"a" * 10_000_000)
        answer = everything(client)
        assert server.ask().status_code == 200
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"}}")


def test_a_client_that_reads_nothing_is_let_go():
    with running(stall_timeout_s=0.2) as server:
        with connected(server) as client:
            client.settimeout(0.1)
            # Pipelined questions, whose answers fill what the sockets can hold.
            assert was_closed(client, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        assert server.get("/health").status_code == 200


def was_closed(client: socket.socket, asked: bytes) -> bool:
    """Ask and ask without reading, until the server has had enough."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        try:
            client.send(asked)
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def test_what_is_no_http_is_told_so():
    with running() as server, connected(server) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = everything(client)
        assert server.ask().status_code == 200
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"] == (
        "this is no HTTP request. Fix: speak HTTP/1.1"
    )
