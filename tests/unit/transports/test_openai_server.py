"""The client of OpenAI's routes, over real sockets: whatever a server says, or does not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from clusterkit.errors import ServerFailed, UsageError
from clusterkit.transports.openai_server import OpenAiServer, Piece, base_url

Serve = Callable[..., OpenAiServer]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
ASKED: list[dict[str, str]] = [{"role": "user", "content": "hi"}]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that reads one request and writes bytes, in these pieces, then closes."""
    sockets: list[socket.socket] = []
    clients: list[OpenAiServer] = []

    def answering(*pieces: bytes, key: str | None = None) -> OpenAiServer:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def once() -> None:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                requests.append(read_request(connection))
                for piece in pieces:
                    connection.sendall(piece)

        threading.Thread(target=once, daemon=True).start()
        client = OpenAiServer(f"127.0.0.1:{listener.getsockname()[1]}", key)
        clients.append(client)
        return client

    try:
        yield answering
    finally:
        requests.clear()
        for each in (*sockets, *clients):
            each.close()


requests: list[tuple[list[str], bytes]] = []


def read_request(connection: socket.socket) -> tuple[list[str], bytes]:
    """The lines of the head, and the body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    length = next((int(line[15:]) for line in lines if line.lower().startswith("content-len")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return lines, body


def whole(status: int, body: bytes = b"", *lines: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status} x", *lines, f"Content-Length: {len(body)}"])
    return head.encode() + b"\r\n\r\n" + body


def event(told: object) -> bytes:
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n".encode()


def said(text: str | None, finish: str | None = None) -> dict[str, object]:
    delta = {"role": "assistant"} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def test_a_stream_is_read_whichever_way_it_is_cut(serve: Serve):
    events = [said(None), said("é"), {**said("!"), "usage": None}, said("", "stop"), USAGE]
    stream = b": hello\n\n" + b"".join(map(event, events)) + b"event: x\r\ndata: [DONE]\r\n\r\n"

    pieces = list(serve(HEAD, *(stream[n : n + 1] for n in range(len(stream)))).chat(ASKED))

    assert pieces == [
        Piece(),
        Piece("é"),
        Piece("!"),
        Piece(finish="stop"),
        Piece(prompt_tokens=3, completion_tokens=2),
    ]


def test_a_completion_may_tell_its_token_ids(serve: Serve):
    choice = {"index": 0, "text": " Paris", "token_ids": [7042], "finish_reason": "length"}
    server = serve(HEAD, event({"choices": [choice]}), b"data: [DONE]\n\n", key="the-key")

    pieces = list(server.complete("The capital is", model="parrot", max_tokens=1))

    assert pieces == [Piece(" Paris", (7042,), "length")]
    ((head, body),) = requests
    assert head[0] == "POST /v1/completions HTTP/1.1"
    assert "authorization: bearer the-key" in map(str.lower, head)
    assert json.loads(body) == {
        "prompt": "The capital is",
        "model": "parrot",
        "max_tokens": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("answer", "status", "exit_code", "message"),
    [
        (
            HEAD + event(said("Hel")),
            *(None, 4),
            "{url} broke off in the middle. Fix: see `clusterkit jobs`; `clusterkit serve` "
            "starts one",
        ),
        (
            HEAD + event({"error": {"message": "rank 1 on node2 is gone"}}),
            *(500, 1),
            "{url}: rank 1 on node2 is gone. Fix: see `clusterkit logs` of its job",
        ),
        (
            HEAD + b"data: [1]\n\n",
            *(None, 4),
            "{url} does not answer as OpenAI's routes do (AttributeError(\"'list' object has no "
            "attribute 'get'\")). Fix: look what listens there",
        ),
        (
            whole(400, b'{"error": {"message": "too\\nlong. Fix: less."}}'),
            *(400, 2),
            "{url}: too long. Fix: less.",
        ),
        (
            whole(502, b"<html>bad</html>"),
            *(502, 1),
            "{url} says 502. Fix: see `clusterkit logs` of its job",
        ),
        (
            whole(401, b'{"detail": "wrong key"}'),
            *(401, 2),
            "{url}: wrong key. Fix: `--api-key-file FILE`, with a key of this server",
        ),
        (
            whole(
                401, b'{"error": {"message": "a key is needed. Fix: `Authorization: Bearer KEY`"}}'
            ),
            *(401, 2),
            "{url}: a key is needed. Fix: `--api-key-file FILE`, with a key of this server",
        ),
        (
            whole(200, b"{}"),
            *(None, 4),
            "{url} cannot be asked: Expected response with content type 'text/event-stream', got "
            "''. Fix: see `clusterkit jobs`; `clusterkit serve` starts one",
        ),
    ],
    ids=[
        "broken-off",
        "error-event",
        "no-json",
        "refused",
        "page",
        "key",
        "key-as-clients-send-it",
        "no-stream",
    ],
)
def test_what_goes_wrong_is_told(
    serve: Serve, answer: bytes, status: int | None, exit_code: int, message: str
):
    server = serve(answer)
    with pytest.raises(ServerFailed) as error:
        list(server.chat(ASKED))
    assert str(error.value) == message.format(url=server.url)
    assert (error.value.status, error.value.exit_code) == (status, exit_code)


def test_a_busy_server_says_when_to_come_again(serve: Serve):
    refused = whole(429, b"busy", "Retry-After: 3")
    with pytest.raises(ServerFailed, match="wait a moment") as error:
        list(serve(refused).chat(ASKED))
    assert error.value.retry_after_s == 3


def test_nobody_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with OpenAiServer(f"127.0.0.1:{port}") as server, pytest.raises(ServerFailed) as error:
        server.models()
    assert str(error.value) == (
        f"no server answers at http://127.0.0.1:{port} ([Errno 111] Connection refused). "
        "Fix: see `clusterkit jobs`; `clusterkit serve` starts one"
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (whole(200, b'{"ready": true}'), None),
        (whole(404), None),
        (
            whole(503, b'{"reason": "rank 1 on node2 died"}'),
            "{url}: rank 1 on node2 died. Fix: wait until it is ready, or see `clusterkit jobs`",
        ),
    ],
)
def test_ready_or_why_not(serve: Serve, answer: bytes, why: str | None):
    server = serve(answer)
    assert server.why_not_ready() == (why and why.format(url=server.url))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000"),
        ("https://host/llm/v1", "https://host/llm"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_may_be_short(given: str, url: str):
    assert base_url(given) == url


@pytest.mark.parametrize("given", ["", "ftp://host", "http://", "host:port", "u:p@host", "h?x=1"])
def test_what_is_no_address_is_refused(given: str):
    with pytest.raises(UsageError) as error:
        base_url(given)
    assert str(error.value) == (
        f"`{given}` is no address of a server. Fix: such as http://127.0.0.1:8000"
    )
