from __future__ import annotations

import json
from typing import get_args

from clusterkit.command import Command, DockerCall, DockerOperation, Put, Step
from clusterkit.results.dry_run import DryRun
from tests.unit.report.streams import shown, text

ENV = {"HF_TOKEN": "x", "A": "b c"}
RUN = DryRun.of(
    "up",
    (
        Step(
            "node1",
            "create container pair-node1",
            DockerCall("create", "pair-node1"),
            stage="nodes",
        ),
        Step("node1", "write the hostfile", Put("/x/host file", b"x"), stage="mpi"),
        Step("headnode", "start ranks", Command(("mpirun", "-n", "2", "it's"), env=ENV)),
    ),
)


def test_a_dry_run_can_be_read_in_order():
    assert shown(RUN) == text("""
        # nodes: create container pair-node1
        node1     docker: create container pair-node1
        # mpi: write the hostfile
        node1     put: '/x/host file'
        # start ranks
        headnode  $ HF_TOKEN='***' A='b c' mpirun -n 2 'it'"'"'s'
        """)


def test_a_script_is_cut_to_its_first_line_and_the_json_has_it_whole():
    script = "\nprogram=$1; shift\nexec $program\n"
    run = DryRun.of("status", [Step("node1", "look", Command(("sh", "-c", script, "sh", "a b")))])

    assert shown(run) == "# look\nnode1  $ sh -c 'program=$1; shift …' sh 'a b'\n"
    assert json.loads(shown(run, "json"))["steps"][0]["argv"] == ["sh", "-c", script, "sh", "a b"]


def test_each_call_of_the_docker_engine_has_words_of_its_own():
    calls = [DockerCall(operation, "x") for operation in get_args(DockerOperation)]
    run = DryRun.of("up", [Step("localhost", "because", call) for call in calls])

    assert shown(run).splitlines()[1::2] == [
        "localhost  docker: build image x",
        "localhost  docker: pull image x",
        "localhost  docker: create network x",
        "localhost  docker: create volume x",
        "localhost  docker: create container x",
        "localhost  docker: put files into container x",
        "localhost  docker: start container x",
        "localhost  docker: restart container x",
        "localhost  docker: kill container x",
        "localhost  docker: pause container x",
        "localhost  docker: unpause container x",
        "localhost  docker: connect to its network container x",
        "localhost  docker: disconnect from its network container x",
        "localhost  docker: remove container x",
        "localhost  docker: remove network x",
        "localhost  docker: remove volume x",
    ]


def test_json_is_indented_and_keeps_the_order_of_the_schema():
    printed = shown(DryRun(verb="up", steps=RUN.steps[1:2]), "json")

    assert printed == json.dumps(json.loads(printed), indent=2) + "\n"
    assert list(json.loads(printed)["steps"][0]) == [
        *("node", "stage", "kind", "summary", "argv", "env")
    ]
