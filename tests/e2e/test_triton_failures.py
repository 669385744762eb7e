"""What keeps a real tritonserver from serving, or ends it, and that nothing is left then."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.controller import first_object
from tests.e2e.running_job import within
from tests.e2e.triton_pair import Triton


@pytest.mark.parametrize(("node", "port"), [("node1", 8001), ("node2", 8002)])
def test_a_port_that_is_taken_is_found_on_every_node(triton: Triton, node: str, port: int):
    triton.up("0.16.0")
    listen = f"import socket, time; s = socket.create_server(('', {port})); time.sleep(600)"
    triton.pair.container(node).exec_run(["python3", "-c", listen], detach=True)
    within(10, lambda: port in triton.listening(node))

    said = triton.refused()

    name = {8001: "engine.grpc_port", 8002: "engine.metrics_port"}[port]
    assert f"{node}: port {port} is taken. Fix: end what listens there, or another {name}" in said
    assert triton.pair.answer("jobs")["jobs"] == []  # nothing was started


def test_a_second_server_is_told_of_the_first(triton: Triton):
    triton.up("0.16.0")
    process, ready = triton.serve()

    said = triton.refused()

    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "node1: port 8000 is taken (tritonserver, pid" in said
    assert f"of job {ready['job']})" in said


def test_of_two_that_start_at_once_one_serves(triton: Triton):
    """Both have looked before either listens; no answer of one is taken for the other's."""
    triton.up("0.16.0")

    both = [triton.pair.controller.start("serve", "-o", "json") for _ in range(2)]
    within(60, lambda: any(process.poll() is not None for process in both))
    loser, winner = sorted(both, key=lambda process: process.poll() is None)
    out, said = loser.communicate(timeout=10)
    ready = first_object(winner)
    winner.send_signal(signal.SIGINT)

    assert loser.returncode in (1, 2)  # 2 where the winner listened when it looked
    assert out == ""
    assert "is taken" in " ".join(said.split())
    assert ready["answer"] == "si ecnar"
    assert winner.wait(60) == 130
    triton.nothing_is_left()


def test_a_placeholder_that_nobody_fills(triton: Triton):
    triton.up("0.16.0")
    config = triton.shared / "templates/tensorrt_llm/config.pbtxt"
    config.write_text(config.read_text().replace("KIND_CPU", "${kind}"))

    said = triton.refused()

    assert "node2: /shared/templates: tensorrt_llm/config.pbtxt:" in said
    assert "nobody fills ${kind}. Fix: engine.parameters: {kind: …}" in said
    assert triton.pair.answer("jobs")["jobs"] == []


def test_ranks_that_do_not_work_together_are_found(triton: Triton):
    """Each would serve a part of the engine, and nobody would notice."""
    triton.up("0.16.0")
    (triton.shared / "engine/rank1-does-not-block").touch()

    said = triton.refused()

    assert "node2: rank 1 loaded tensorrt_llm and went on: it does not work for rank 0" in said
    triton.nothing_is_left()


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_a_server_that_is_killed_ends_all(triton: Triton, node: str):
    triton.up("0.16.0")
    process, ready = triton.serve()

    triton.inside(node, "pkill -9 -x tritonserver")

    _, said = process.communicate(timeout=60)
    rank = {"node1": 0, "node2": 1}[node]
    assert process.returncode == 1
    assert f"job {ready['job']}: rank {rank} on {node} was ended by SIGKILL" in said
    triton.nothing_is_left()


def test_a_server_that_dies_while_it_loads(triton: Triton):
    triton.up("0.16.0")
    (triton.shared / "engine/dies").touch()

    said = triton.refused()

    assert "was ended by SIGKILL" in said
    triton.nothing_is_left()


def test_without_a_server_there_is_no_answer(triton: Triton):
    triton.up("0.16.0")
    done = triton.pair("infer", "--prompt", "hi")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Fix: `clusterkit serve` in another terminal" in done.stderr


def test_there_is_nothing_to_build(triton: Triton):
    triton.up("0.16.0")
    done = triton.pair("build")
    assert (done.returncode, done.stdout) == (2, "")
    assert " ".join(done.stderr.split()) == (
        "Error: engine.name: triton serves an engine that is there; nothing is built. Fix: "
        "`clusterkit serve`; or `engine: {name: tensorrt-llm, …}` to build one"
    )
