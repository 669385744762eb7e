"""Serve two replicas on two containers: many at once, one killed, one back again, and gone."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import docker
import openai
import pytest

from tests.e2e.controller import Controller, free_subnet, new_cluster_name
from tests.e2e.model import CACHE
from tests.e2e.pair import Pair
from tests.e2e.running_job import within
from tests.e2e.test_serve import (
    KEY,
    LONG,
    MODEL,
    SLOW_S,
    Serving,
    client,
    inferred,
    kill_rank,
    port,
    say,
    status_of,
    text_of,
)

__all__ = ["port"]
PROMPTS = ["Count to ten.", "Name a colour."]
GONE_S = 10


@pytest.fixture(scope="module")
def two(
    node_image: str, docker_host: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two containers with one slot each, for one replica each."""
    name = new_cluster_name()
    controller = Controller(tmp_path_factory.mktemp("home"), docker_host, {name})
    with free_subnet(docker_host) as subnet:
        folder = tmp_path_factory.mktemp("two")
        made = Pair(name, subnet, node_image, folder, controller, docker_host)
        try:
            storage = {"kind": "bind", "source": str(CACHE / "storage"), "path": "/shared"}
            made.describe(
                nodes={"node[1-2]": {"slots": 1}},
                container={"image": node_image},
                storage=storage,
                engine={"name": "transformers", "threads_per_rank": 1},
            )
            made.up()
            yield made
        finally:
            controller.close()


@pytest.fixture
def cluster(two: Pair) -> Iterator[Pair]:
    """The two, on which no server is left afterwards, however a test ended."""
    yield two
    for process in two.controller.running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    if two.answer("status")["jobs_running"]:
        two("stop", "--now")


def cluster_at(url: str, key: str = "none") -> dict[str, Any]:
    request = Request(f"{url}/cluster", headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def out(url: str) -> dict[str, str]:
    """The replicas to which no request goes, and why."""
    rows = cluster_at(url)["replicas"]
    return {row["name"]: row["reason"] for row in rows if not row["ready"]}


def counted(url: str) -> list[int]:
    """Completions that each replica has answered."""
    with build_opener(ProxyHandler({})).open(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {"0": 0, "1": 0}
    for line in text.splitlines():
        if line.startswith("clusterkit_requests_total{") and "completions" in line:
            found[line.partition('replica="')[2][0]] += int(float(line.rpartition(" ")[2]))
    return list(found.values())


def error_of(stream: Iterator[Any], until: float) -> str | None:
    """What ends a stream; None: it goes on till then."""
    try:
        for _ in stream:
            if time.monotonic() > until:
                return None
    except openai.APIError as error:
        return str(error)
    return None


def left_on(pair: Pair, node: str) -> list[str]:
    script = (
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' "
        "| grep -aoE 'payload[^ ]* (serve|route)'"
    )
    return pair.inside(node, "sh", "-c", f"{script} || :").split()


def test_both_answer_and_the_one_that_is_killed_is_out(cluster: Pair, port: int) -> None:
    expected = dict(zip(PROMPTS, inferred(cluster, *PROMPTS), strict=True))
    serving = Serving(cluster, "--replicas", 2, "--port", port, "--drain", 5)
    url = serving.ready["url"]
    assert (serving.ready["replicas"], serving.ready["via"]) == (2, "tunnel")
    assert serving.ready["ranks"] == [
        {"replica": 0, "rank": 0, "node": "node1"},
        {"replica": 1, "rank": 0, "node": "node2"},
    ]

    asked = [PROMPTS[number % 2] for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda prompt: text_of(url, prompt=prompt), asked))
    assert answers == [expected[prompt] for prompt in asked]
    assert (sum(counted(url)), min(counted(url)) >= 4) == (16, True)
    rows = cluster_at(url)["replicas"]
    assert [(row["ready"], row["ranks"][0]["node"]) for row in rows] == [
        (True, "node1"),
        (True, "node2"),
    ]

    streams = [iter(say(url, **LONG)) for _ in range(4)]
    for stream in streams:
        next(stream)
    kill_rank(cluster, f"{serving.job}-r1", 0)
    until = time.monotonic() + GONE_S
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda stream: error_of(stream, until), streams))
    whys = [why for why in ends if why]
    assert ["rank 0 on node2" in why for why in whys] == [True, True], whys
    within(GONE_S, lambda: "SIGKILL" in out(url).get("1", ""))
    assert out(url).keys() == {"1"}
    for stream in streams:
        stream.close()
    assert text_of(url, prompt=PROMPTS[0]) == expected[PROMPTS[0]]
    (server,) = cluster.answer("status")["servers"]
    assert (server["job"], server["ready"]) == (serving.job, True)
    seen = [(row["name"], row["ready"], row["failed_node"]) for row in server["replicas"]]
    assert seen == [("0", True, None), ("1", False, "node2")]
    assert serving.process.poll() is None

    said = serving.end()
    assert (serving.process.returncode, "interrupted" in said) == (130, True), said
    assert "replica 1 is out: rank 0 on node2" in said
    assert left_on(cluster, "node1") == left_on(cluster, "node2") == []


def test_left_alone_one_comes_back_and_one_name_stops_all(
    cluster: Pair,
    port: int,
) -> None:
    keys = cluster.folder / "keys.txt"
    keys.write_text(f"{KEY}\n")
    keys.chmod(0o600)
    words = ("serve", "--replicas", 2, "--detach", "--restart", 1, "--port", port, "-o", "json")
    done = cluster(*words, timeout_s=SLOW_S)
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)["job"]
    proxy = cluster.controller.start("proxy", "-o", "json")
    url = f"http://127.0.0.1:{port}"
    within(30, lambda: status_of(f"{url}/ready") == 200)
    before = text_of(url)

    kill_rank(cluster, f"{job}-r1", 0)
    within(GONE_S, lambda: "1" in out(url))
    assert text_of(url) == before
    within(SLOW_S, lambda: out(url) == {})
    assert [text_of(url) for _ in range(4)] == [before] * 4
    proxy.send_signal(signal.SIGINT)
    proxy.communicate(timeout=30)

    listed = cluster.answer("jobs")["jobs"]
    mine = {row["id"]: row["leader"] for row in listed if row["state"] == "running"}
    assert mine == {job: None, f"{job}-r0": job, f"{job}-r1": job}
    stopped = cluster.answer("stop")
    assert (stopped["job"], stopped["state"], stopped["left"]) == (job, "stopped", [])
    assert left_on(cluster, "node1") == left_on(cluster, "node2") == []


def test_a_controller_that_dies_ends_all_and_keys_stay_where_they_belong(
    cluster: Pair,
    port: int,
) -> None:
    keys = cluster.folder / "keys.txt"
    keys.write_text(f"{KEY}\n")
    keys.chmod(0o600)
    serving = Serving(cluster, "--replicas", 2, "--port", port, "--api-key-file", keys)
    url = serving.ready["url"]
    with pytest.raises(openai.AuthenticationError):
        say(url)
    assert [model.id for model in client(url, KEY).models.list()] == [MODEL]
    own = f"{cluster.home}/jobs/{serving.job}/run/key"
    assert cluster.inside("node1", "stat", "-c", "%a", own).strip() == "600"
    look = (
        'key=$(cat "$1"); cd "$2"; grep -rl -e "$key" . /proc/[0-9]*/environ /proc/[0-9]*/cmdline'
    )
    found = cluster.inside("node1", "sh", "-c", f"{look} || :", "sh", own, f"{cluster.home}/jobs")
    assert found.split() == [f"./{serving.job}/run/key"]

    serving.process.kill()
    serving.process.communicate(timeout=30)
    within(30, lambda: left_on(cluster, "node1") == left_on(cluster, "node2") == [])
    assert cluster.answer("status")["jobs_running"] == []


def test_too_many_replicas_are_refused_with_the_numbers(cluster: Pair) -> None:
    done = cluster("serve", "--replicas", 3)
    assert (done.returncode, done.stdout) == (2, "")
    assert "3 replicas of tp=1 x pp=1 need 3 slots" in " ".join(done.stderr.split())
