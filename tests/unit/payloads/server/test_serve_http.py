"""Serving as a program: at its address, until a signal, or not at all."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import clusterkit.payloads
from clusterkit.payloads.generate_events import Failed, Refused
from clusterkit.payloads.server.http import check_place, serve_http
from clusterkit.payloads.server.serving import listening
from tests.unit.payloads.server.stand_in import NAME, ScriptedRanks, says, tiny_tokenizer

PROGRAM = """
import signal
from clusterkit.payloads.server.http import serve_http
from clusterkit.payloads.server.work import Load

class Ranks:
    context = 64
    load = lambda self: Load(running=0, queued=0, slots=1, tokens=0)
    failure = lambda self: None

class Words:
    chat_template = None
    __call__ = lambda self, text, **how: {"input_ids": [1]}

before = signal.getsignal(signal.SIGTERM)
serve_http({"name": "tiny", "host": "127.0.0.1", "port": 0, "drain_s": None}, Ranks(), Words(),
           dict, on_listening=lambda _: print("listens", flush=True))
assert signal.getsignal(signal.SIGTERM) is before
print("drained", flush=True)
"""


def serve(request: dict[str, Any]) -> None:
    ranks = ScriptedRanks(says("yes"))
    try:
        listens = threading.Event()
        serve_http(
            {"name": NAME, **request},
            ranks,
            tiny_tokenizer(),
            dict,
            on_listening=lambda _: listens.set(),
        )
    finally:
        ranks.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert program.stdout.readline() == "listens\n"
        program.send_signal(number)
        assert program.communicate(timeout=60)[0] == "drained\n"
        assert program.returncode == 0
    finally:
        program.kill()
        program.communicate()


def test_an_address_in_use_is_told_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed) as failure:
            serve({"host": "127.0.0.1", "port": port})
    assert str(failure.value) == (
        f"cannot listen at 127.0.0.1 port {port}: Address already in use. "
        "Fix: another `--port` or `--host`"
    )


def test_no_token_waits_until_the_one_before_is_acknowledged():
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_host_that_nobody_knows_is_told_so():
    with pytest.raises(Failed, match=r"^cannot listen at no\.such\.host\.invalid port 1: .*Fix: "):
        serve({"host": "no.such.host.invalid", "port": 1})


def test_a_place_that_cannot_be_had_is_told_before_a_model_is_read():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"^cannot listen at 127.0.0.1 port {port}: Address"):
            check_place({"name": NAME, "host": "127.0.0.1", "port": port})
    check_place({"name": NAME, "host": "127.0.0.1", "port": port})
    socket.create_server(("127.0.0.1", port)).close()  # and it is free again


def test_a_python_without_the_packages_is_told_so(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("clusterkit.payloads.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(Refused) as refusal:
        serve({})

    assert str(refusal.value) == (
        f"{os.uname().nodename}: no Python module 'uvicorn', and `serve` needs it. "
        "Fix: pip install starlette uvicorn pydantic prometheus-client"
    )


def test_the_payload_folder_alone_is_enough(tmp_path: Path):
    script = (
        "import sys; from types import ModuleType\n"
        "for name in ('clusterkit', 'clusterkit.payloads'):\n"
        "    sys.modules[name] = ModuleType(name); sys.modules[name].__path__ = [sys.argv[1]]\n"
        "from clusterkit.payloads.server.page_routes import FOLDER\n"
        "import json; print(json.dumps((FOLDER / 'index.html').is_file()))\n"
    )
    folder = Path(clusterkit.payloads.__file__).parent
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(folder)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) is True
