"""What is asked of a server before it is called ready; on this machine, with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clusterkit import payloads
from tests.e2e.running_job import within

PAYLOADS = Path(payloads.__file__).parent
# Not well at first, then without an answer, then with one; prints its port, and what it is asked.
SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

seen = {"/health": 0, "/v1/completions": 0}

class Handler(BaseHTTPRequestHandler):
    def say(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/v1/models":
            return self.say(200, {"data": [{"id": "the-model"}]})
        seen["/health"] += 1
        self.say(503 if seen["/health"] < 2 else 200, {})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen["/v1/completions"] += 1
        if seen["/v1/completions"] < 2:
            return self.say(500, {"error": "still loading"})
        self.say(200, {"choices": [{"text": f"{asked['model']}: Paris"}], "seen": seen})

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.serve_forever()
"""
ENDS = "import sys\nsys.exit(7)\n"
LAUNCHER = '#!/bin/sh\n"$@"\n'
WAITS = '#!/bin/sh\n"$@" &\nwait\nexec sleep 1001\n'


@contextmanager
def rank_0(folder: Path, *, server: str, launcher: str) -> Iterator[subprocess.Popen[str]]:
    """The payload as rank 0, with its own vendor beside its interpreter."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in (
        ("trtllm-serve", f"#!{sys.executable}\n{server}"),
        ("trtllm-llmapi-launch", launcher),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    model, port = folder / "model", free_port()
    model.mkdir()
    (model / "config.json").write_text("{}")
    order = {
        "version": 1,
        "url": f"http://127.0.0.1:{port}",
        "folder": str(model),
        "folder_here": None,
    }
    (folder / "input.json").write_text(json.dumps(order))
    path = f"{programs}:{os.environ['PATH']}"
    env = os.environ | {"RANK": "0", "PATH": path, "http_proxy": "http://127.0.0.1:9"}
    words = ("trtllm_serve", "trtllm-llmapi-launch", "trtllm-serve", str(port))
    process = subprocess.Popen(
        [sys.executable, str(PAYLOADS), *words],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and all of its group
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_it_is_ready_after_a_real_completion(tmp_path: Path):
    began = time.monotonic()
    with rank_0(tmp_path, server=SERVER, launcher=LAUNCHER) as process:
        assert process.stdout is not None
        event = first_event(process)
        process.send_signal(signal.SIGTERM)  # as the job's end does, to the whole group
        os.killpg(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=20)

    took_s = event.pop("took_s")
    assert event == {"event": "serving", "model": "the-model", "answer": "the-model: Paris"}
    assert 0 < took_s <= time.monotonic() - began
    assert "not ready yet: /health answers 503" in said
    assert 'not ready yet: /v1/completions answers 500: {"error": "still loading"}' in said


def test_it_ends_as_its_server_does(tmp_path: Path):
    with rank_0(tmp_path, server=ENDS, launcher=LAUNCHER) as process:
        out, _ = process.communicate(timeout=30)

    assert (process.returncode, out) == (7, "")


def test_a_launcher_that_outlives_its_server_is_not_waited_for(tmp_path: Path):
    """As of some versions: a server that fails never tells the other ranks to end."""
    program = f"""
import subprocess, sys, threading
sys.path.insert(0, {str(PAYLOADS.parent.parent)!r})
from clusterkit.payloads.serve_watch import ServerWatch
subprocess.Popen([{str(tmp_path / "launch")!r}, {str(tmp_path / "trtllm-serve")!r}])
watch = ServerWatch("http://127.0.0.1:9", server="trtllm-serve", on_ready=print,
                    give_up=print, patience_s=0.1)
watch.until_ended()
"""
    (tmp_path / "launch").write_text(WAITS)
    (tmp_path / "trtllm-serve").write_text("#!/bin/sh\nread -t 1 nothing </dev/zero\nsleep 2\n")
    for name in ("launch", "trtllm-serve"):
        (tmp_path / name).chmod(stat.S_IRWXU)
    watching = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        within(30, lambda: watching.poll() is not None)
    finally:
        os.killpg(watching.pid, signal.SIGKILL)
        out, said = watching.communicate()
    assert out == "trtllm-serve has ended before it answered, and its launcher still waits\n", said


@pytest.mark.parametrize("lacks", ["config.json", "launcher"])
def test_what_is_missing_is_named(tmp_path: Path, lacks: str):
    order: dict[str, Any] = {"version": 1, "url": "http://127.0.0.1:9", "folder": str(tmp_path)}
    order |= {"folder_here": None}
    (tmp_path / "input.json").write_text(json.dumps(order))
    if lacks == "launcher":
        (tmp_path / "config.json").write_text("{}")

    done = subprocess.run(
        [sys.executable, str(PAYLOADS), "trtllm_serve", "trtllm-llmapi-launch", "trtllm-serve"],
        cwd=tmp_path,
        env=os.environ | {"RANK": "0"},
        capture_output=True,
        text=True,
    )

    event = json.loads(done.stdout)
    what = "has no config.json" if lacks == "config.json" else "there is no trtllm-llmapi-launch"
    assert (done.returncode, event["event"]) == (2, "error")
    assert what in event["message"]
    assert "Fix: " in event["message"]


def first_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The first JSON object among what it writes."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            event: dict[str, Any] = json.loads(line)
            return event
    raise AssertionError(process.communicate()[1])
