"""Serve on two containers: asked by the official client, broken, restarted, stopped."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import docker
import openai
import pytest

from tests.e2e.controller import first_object
from tests.e2e.pair import Pair
from tests.e2e.running_job import within
from tests.e2e.serving import (
    FRANCE,
    MODEL,
    SLOW_S,
    TOKENS,
    Serving,
    client,
    containers,
    say,
    streamed,
    text_of,
)

LONG = {"max_tokens": 4000, "stream": True, "extra_body": {"ignore_eos": True}}
KEY = "0123456789abcdef-key"
FROZEN = "rank 1 on node2 has not answered for 10 s"


@pytest.fixture(scope="module")
def two(
    node_image: str, docker_host: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two containers with one slot each; the models are the ones of this machine."""
    with containers(2, node_image, tmp_path_factory.mktemp("two"), docker_host, pp=2) as made:
        yield made


@pytest.fixture
def port() -> int:
    """A port that is free on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        found: int = free.getsockname()[1]
    return found


@pytest.fixture
def cluster(two: Pair) -> Iterator[Pair]:
    """The two, on which no server is left afterwards, however a test ended."""
    yield two
    for process in two.controller.running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    for job in two.answer("status")["jobs_running"]:
        two("stop", job, "--now")


def inferred(pair: Pair, *prompts: str) -> list[str]:
    words = [word for prompt in prompts for word in ("--prompt", prompt)]
    done = pair("infer", *words, "--max-tokens", TOKENS, "-o", "json", timeout_s=SLOW_S)
    assert done.returncode == 0, done.stderr
    return [answer["text"] for answer in json.loads(done.stdout)["answers"]]


def server_of(pair: Pair) -> dict[str, Any]:
    """The one server that `status` shows."""
    (server,) = pair.answer("status")["servers"]
    found: dict[str, Any] = server
    return found


def status_of(url: str) -> int:
    """Of one GET; 0: nobody answers."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return 0


def left_on(pair: Pair, node: str) -> list[str]:
    script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -ao 'payload[^ ]* serve'"
    return pair.inside(node, "sh", "-c", f"{script} || :").split()


def kill_rank(pair: Pair, job: str, rank: int, by: str = "KILL") -> None:
    shown = pair.answer("jobs", "show", job)
    (row,) = [each for each in shown["ranks"] if each["rank"] == rank]
    pair.inside(row["node"], "kill", f"-{by}", str(row["pid"]))


def test_it_answers_as_infer_does_and_many_at_once(cluster: Pair, port: int) -> None:
    prompts = ["Count to ten.", "Name a colour."]
    expected = dict(zip([FRANCE, *prompts], inferred(cluster, FRANCE, *prompts), strict=True))
    serving = Serving(cluster, "--port", port)
    url = serving.ready["url"]

    assert (url, serving.ready["via"]) == (f"http://127.0.0.1:{port}", "tunnel")
    assert text_of(url) == expected[FRANCE]
    assert streamed(url) == expected[FRANCE]
    asked = [prompts[number % 2] for number in range(32)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda prompt: text_of(url, prompt=prompt), asked))
    assert answers == [expected[prompt] for prompt in asked]

    server = server_of(cluster)
    assert (server["job"], server["ready"], server["why"]) == (serving.job, True, None)
    assert (server["node"], server["model"]) == ("node1", MODEL)
    assert status_of(serving.ready["metrics"]) == 200
    again = cluster("serve", "--port", port)
    assert (again.returncode, again.stdout) == (2, "")
    assert f"node1: port {port} of 127.0.0.1 is taken" in again.stderr
    assert f"`clusterkit stop {serving.job}`" in " ".join(again.stderr.split())

    said = serving.end()
    assert (serving.process.returncode, "interrupted" in said) == (130, True), said
    assert left_on(cluster, "node1") == left_on(cluster, "node2") == []
    assert status_of(f"{url}/health") == 0
    assert cluster.answer("status")["servers"] == []


@pytest.mark.parametrize(
    ("by", "why", "within_s", "on_file", "failed_rank"),
    [
        ("KILL", "rank 1 on node2 is gone", 10, "rank 1 on node2 was ended by SIGKILL", 1),
        ("STOP", FROZEN, 20, FROZEN, 0),
    ],
)
def test_a_rank_that_dies_or_is_frozen_is_told_to_all_who_wait(
    cluster: Pair, port: int, by: str, why: str, within_s: float, on_file: str, failed_rank: int
) -> None:
    serving = Serving(cluster, "--port", port)
    url = serving.ready["url"]
    streams = [say(url, **LONG) for _ in range(4)]
    for stream in streams:
        next(iter(stream))

    killed_at = time.monotonic()
    kill_rank(cluster, serving.job, 1, by)
    for stream in streams:
        with pytest.raises(openai.APIError, match=why):
            list(stream)
    took_s = time.monotonic() - killed_at
    said = serving.process.communicate(timeout=60)[1]

    assert took_s < within_s
    assert serving.process.returncode == 1, said
    assert "rank 1 on node2" in " ".join(said.split())
    server = server_of(cluster)
    assert (server["state"], server["ready"]) == ("failed", False)
    assert (server["failed_rank"], on_file in server["why"]) == (failed_rank, True)
    assert "rank 1 on node2" in cluster("status").stdout
    assert left_on(cluster, "node1") == left_on(cluster, "node2") == []


def test_left_alone_it_restarts_on_the_same_url_and_stop_leaves_nothing(
    cluster: Pair, port: int
) -> None:
    words = ("serve", "--detach", "--restart", 1, "--port", port, "-o", "json")
    done = cluster(*words, timeout_s=SLOW_S)
    assert done.returncode == 0, done.stderr
    ready = json.loads(done.stdout)
    assert (ready["url"], ready["via"]) == (f"http://127.0.0.1:{port}", "proxy")
    assert status_of(f"{ready['url']}/health") == 0
    proxy = cluster.controller.start("proxy", "-o", "json")
    url = first_object(proxy)["url"]
    assert url == ready["url"]
    before = text_of(url)

    kill_rank(cluster, ready["job"], 1)
    within(10, lambda: status_of(f"{url}/ready") != 200)
    within(SLOW_S, lambda: status_of(f"{url}/ready") == 200)

    assert text_of(url) == before
    assert proxy.poll() is None
    proxy.send_signal(signal.SIGINT)
    _, said = proxy.communicate(timeout=30)
    assert (proxy.returncode, f"job {ready['job']} goes on" in said) == (130, True), said
    assert server_of(cluster)["ready"]
    stopped = cluster.answer("stop")
    assert (stopped["state"], stopped["left"]) == ("stopped", [])
    assert left_on(cluster, "node1") == left_on(cluster, "node2") == []


def test_stop_lets_a_request_end_and_stop_now_does_not(cluster: Pair, port: int) -> None:
    serving = Serving(cluster, "--port", port, "--drain", 60)
    url = serving.ready["url"]
    stream = iter(say(url, max_tokens=60, stream=True, extra_body={"ignore_eos": True}))
    next(stream)
    stopping = cluster.controller.start("stop", "-o", "json")
    rest = list(stream)
    stopped, said = stopping.communicate(timeout=60)

    assert rest[-1].choices[0].finish_reason == "length"
    assert (stopping.returncode, json.loads(stopped)["left"]) == (0, []), said
    assert serving.process.wait(30) == 1

    serving = Serving(cluster, "--port", port, "--drain", 60)
    stream = iter(say(url, **LONG))
    next(stream)
    began = time.monotonic()
    done = cluster("stop", "--now")
    assert (done.returncode, time.monotonic() - began < 15) == (0, True), done.stderr
    with pytest.raises(Exception, match=r"(?i)incomplete|connection|peer"):
        list(stream)


def test_keys_and_the_cluster_network(cluster: Pair, port: int) -> None:
    keys = cluster.folder / "keys.txt"
    keys.write_text(f"# whose\n{KEY}\n")
    keys.chmod(0o644)
    refused = cluster("serve", "--api-key-file", keys)
    assert (refused.returncode, "chmod 600" in refused.stderr) == (2, True), refused.stderr

    keys.chmod(0o600)
    words = ("--port", port, "--host", "0.0.0.0", "--api-key-file", keys)  # noqa: S104
    serving = Serving(cluster, *words)
    url = serving.ready["url"]
    assert (url, serving.ready["via"]) == (f"http://{cluster.address(1)}:{port}", "network")
    with pytest.raises(openai.AuthenticationError):
        client(url, "another").models.list()
    assert [model.id for model in client(url, KEY).models.list()] == [MODEL]
    pattern = f"{KEY[:-1]}[{KEY[-1]}]"  # which is not in the words of this search
    script = f"grep -rl '{pattern}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline {cluster.home} || :"
    assert cluster.inside("node1", "sh", "-c", script) == ""
    assert server_of(cluster)["ready"]
    serving.end()
    assert serving.process.returncode == 130


def test_a_taken_port_here_is_led_to_by_another(cluster: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        serving = Serving(cluster, "--port", number)
        assert not serving.ready["url"].endswith(f":{number}")
        assert text_of(serving.ready["url"])
        process: subprocess.Popen[str] = serving.process
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert f"port {number} of this machine is taken" in said
