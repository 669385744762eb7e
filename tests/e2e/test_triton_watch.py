"""What is asked of a Triton before it is called ready; over real sockets of this machine."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clusterkit.payloads.triton_watch import TritonWatch

ENSEMBLE = {
    "name": "ensemble",
    "max_batch_size": 8,
    "input": [
        {"name": "text_input", "data_type": "TYPE_STRING", "dims": [-1]},
        {"name": "max_tokens", "data_type": "TYPE_UINT32", "dims": [-1]},
        {"name": "bad_words", "data_type": "TYPE_STRING", "dims": [-1]},
        {"name": "stream", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    ],
    "ensemble_scheduling": {"step": [{"model_name": "tensorrt_llm"}]},
}


class Server(ThreadingHTTPServer):
    """Not ready at first; remembers what it is asked. ``answer`` is what it streams."""

    decoupled = True
    answer = 'data: {"text_output":"Par"}\n\ndata: {"text_output":"is"}\n\n'

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.health = iter([503, 503])
        self.names = iter(["ours"])
        self.asked: list[tuple[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        if self.path == "/v2/health/ready":
            return self._say(next(self.server.health, 200), "")
        if self.path == "/v2":
            return self._say(200, json.dumps({"name": next(self.server.names, "ours")}))
        model = self.path.split("/")[3]
        policy = {"model_transaction_policy": {"decoupled": self.server.decoupled}}
        config = ENSEMBLE if model == "ensemble" else {"name": model, **policy}
        return self._say(200, json.dumps(config))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        self._say(200, self.server.answer)

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def watch(server: Server, **order: Any) -> tuple[list[str], list[str]]:
    """Answers that were told, and why it was given up."""
    answers: list[str] = []
    given_up: list[str] = []
    port = server.server_address[1]
    whole = {"url": f"http://127.0.0.1:{port}", "served": "ensemble", "others": {}, "ports": []}
    TritonWatch(
        whole | order,
        "ours",
        on_ready=lambda answer, _: answers.append(answer),
        give_up=given_up.append,
    ).until_ready()
    return answers, given_up


def test_a_decoupled_model_is_asked_for_parts(server: Server):
    assert watch(server) == (["Paris"], [])
    prompt = {"text_input": "The capital of France is", "max_tokens": 8, "bad_words": ""}
    assert server.asked == [
        ("/v2/models/ensemble/generate_stream", {**prompt, "stream": True}),
    ]


def test_another_is_asked_for_the_whole(server: Server):
    server.decoupled, server.answer = False, '{"text_output":"Paris"}'
    assert watch(server) == (["Paris"], [])
    assert [(path, asked["stream"]) for path, asked in server.asked] == [
        ("/v2/models/ensemble/generate", False)
    ]


def test_the_server_of_another_job_is_not_ours(server: Server):
    server.names = iter(["theirs", "theirs"])
    assert watch(server) == (["Paris"], [])
    assert next(server.names, None) is None


def test_an_error_with_status_200_is_none_the_less_one(server: Server):
    server.answer = 'data: {"error":"Stub process is not healthy."}\n\n'
    assert watch(server) == (
        [],
        [
            "Triton says that it is ready, and answers a question so: 200: Stub process is not "
            "healthy. Fix: see the log of rank 0"
        ],
    )
    assert len(server.asked) == 5


def test_nobody_else_may_listen_at_the_same_ports(server: Server):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = watch(server, others={"node2": "127.0.0.1"}, ports=[port])
    assert told == (
        [],
        [
            f"node2 listens on port {port} as well, where only rank 0 may. Fix: end what listens "
            "there; if it is of this job, the ranks are not one MPI world"
        ],
    )


def test_others_that_refuse_are_as_they_should_be(server: Server):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert watch(server, others={"node2": "127.0.0.1"}, ports=[port]) == (["Paris"], [])
