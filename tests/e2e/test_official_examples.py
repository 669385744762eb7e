"""Stand-ins of Torch-TensorRT's examples on three containers: what is refused really fails.

Under another name a script is no official example, and is started without being judged.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.controller import Done
from tests.e2e.pair import NOTHING, Pair

STAND_INS = Path(__file__).parents[1] / "stand_ins" / "torch_tensorrt_examples"
SINCE = STAND_INS / "since_2_12"
PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
FOLDER = "examples/distributed_inference"
THERE = f"/shared/TensorRT/{FOLDER}"
TWO_NODES = ("--nodes", "node1,node3", "--per-node", "1")
SIMPLE, MN = "tensor_parallel_simple_example", "tensor_parallel_simple_example_mn"


@pytest.fixture(scope="module")
def repository(trio: Pair) -> Pair:
    """The examples of before 2.12 on the storage, in a repository."""
    done = trio("cp", STAND_INS / "before_2_12" / "TensorRT", "node1:/shared/")
    assert done.returncode == 0, done.stderr
    trio.inside("node1", "touch", "/shared/TensorRT/MODULE.bazel")
    for name in (SIMPLE, "tensor_parallel_llama3"):
        trio.inside("node1", "cp", f"{THERE}/{name}.py", f"{THERE}/forced_{name}.py")
    return trio


def refused(done: Done, *parts: str) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    for part in parts:
        assert part in done.stderr


def failed(done: Done, part: str) -> None:
    assert done.returncode == 1, done.stderr
    assert part in done.stderr


def ran(done: Done) -> list[str]:
    """What ranks wrote, of a job that ended well."""
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


def forced(folder: Path, tmp_path: Path, name: str) -> tuple[object, ...]:
    """A script under another name, with the modules beside it, as words of ``run``."""
    script = tmp_path / f"forced_{name}.py"
    shutil.copy(folder / f"{name}.py", script)
    modules = [each for each in folder.glob("*.py") if each.stem != name]
    return (*(word for each in modules for word in ("--file", each)), script)


def test_before_2_12_ranks_of_one_node_meet_and_write_where_it_stays(repository: Pair):
    where = ("--nodes", "node1", "--chdir", "/shared/out of it")

    assert ran(repository("run", *where, f"{THERE}/{SIMPLE}.py")) == []

    logs = [
        repository.inside("node2", "cat", f"/shared/out of it/{SIMPLE}_{rank}.log")
        for rank in range(2)
    ]
    assert logs == [f"rank {rank} is here\nsum 3\n" for rank in range(2)]


def test_before_2_12_what_is_written_beside_a_job_is_warned_of(repository: Pair):
    done = repository("run", "--nodes", "node1", f"{THERE}/{SIMPLE}.py")

    assert ran(done) == []
    assert "Note: tensor_parallel_initialize_dist.py:42 (a log of each rank" in done.stderr
    assert "by `--chdir FOLDER`" in done.stderr


def test_before_2_12_ranks_of_two_nodes_wait_each_for_themselves(repository: Pair):
    done = repository("run", *TWO_NODES, f"{THERE}/{SIMPLE}.py")
    refused(done, "RANK becomes the local rank", "MASTER_ADDR becomes 127.0.0.1", "--nodes node1")

    done = repository("run", *TWO_NODES, f"{THERE}/forced_{SIMPLE}.py")
    failed(done, "Timed out after")


def test_before_2_12_torchrun_leaves_each_rank_alone(repository: Pair):
    where = ("--launcher", "torchrun", "--nodes", "node1")
    done = repository("run", *where, f"{THERE}/{SIMPLE}.py")
    refused(done, "asks for OMPI_COMM_WORLD_LOCAL_RANK alone", "Fix: `--launcher mpirun`")

    assert repository("run", *where, f"{THERE}/forced_{SIMPLE}.py").returncode == 1


def test_before_2_12_a_copy_without_its_repository(repository: Pair, tmp_path: Path):
    folder = STAND_INS / "before_2_12" / "TensorRT" / FOLDER
    done = repository("run", "--nodes", "node1", folder / f"{SIMPLE}.py")
    refused(done, "looks for MODULE.bazel", "copy the repository to the storage")

    done = repository("run", "--nodes", "node1", *forced(folder, tmp_path, SIMPLE))
    failed(done, "Could not find repo root")


def test_a_module_that_was_not_imported(repository: Pair):
    where = ("--nodes", "node1")
    done = repository("run", *where, f"{THERE}/tensor_parallel_llama3.py")
    refused(done, "tensor_parallel_llama3.py:10: uses `torch_tensorrt`, which nothing")

    done = repository("run", *where, f"{THERE}/forced_tensor_parallel_llama3.py")
    failed(done, "NameError: name 'torch_tensorrt' is not defined")


@pytest.mark.parametrize("launcher", ["mpirun", "torchrun"])
def test_since_2_12_it_runs_on_one_node_and_its_modules_travel(trio: Pair, launcher: str):
    done = trio("run", "--launcher", launcher, "--nodes", "node1", SINCE / f"{SIMPLE}.py")

    assert ran(done) == []
    assert sorted(done.stderr.splitlines())[:2] == [
        f"rank {rank}   | [Rank {rank}] INFO: sum 3" for rank in range(2)
    ]


def test_since_2_12_a_rank_must_still_be_its_local_rank(trio: Pair, tmp_path: Path):
    refused(
        trio("run", *TWO_NODES, SINCE / f"{SIMPLE}.py"),
        "tensor_parallel_initialize_dist.py:28: asserts that rank == local_rank",
    )
    failed(trio("run", *TWO_NODES, *forced(SINCE, tmp_path, SIMPLE)), "AssertionError")


def test_an_odd_number_of_ranks(trio: Pair, tmp_path: Path):
    where = ("--nodes", "node[1-2]")
    refused(trio("run", *where, SINCE / f"{MN}.py"), "wants an even number of ranks")
    failed(trio("run", *where, *forced(SINCE, tmp_path, MN)), "an even number of ranks, not 3")


@pytest.mark.parametrize("launcher", ["mpirun", "torchrun"])
def test_the_one_for_several_nodes_runs_over_two(trio: Pair, launcher: str):
    script = SINCE / f"{MN}.py"
    done = trio("run", "--launcher", launcher, *TWO_NODES, script, "--mode", "jit_cpp")

    assert ran(done) == sorted(
        line
        for rank in range(2)
        for line in (
            f"rank {rank}   | rank {rank} of 2, local rank 0, jit_cpp: sum 3",
            f"rank {rank}   | Done!",
        )
    )


def test_rotary_frequencies_fit_one_rank_only(trio: Pair, tmp_path: Path):
    name = "tensor_parallel_rotary_embedding"
    assert ran(trio("run", "--ranks", "1", SINCE / f"{name}.py")) == ["shape (4, 16)"]
    refused(trio("run", "--ranks", "2", SINCE / f"{name}.py"), "for 1 of 2 ranks")
    failed(
        trio("run", "--ranks", "2", *forced(SINCE, tmp_path, name)),
        "The size of tensor a (4) must match the size of tensor b (8)",
    )


def test_two_inputs_are_dealt_to_two_ranks(trio: Pair, tmp_path: Path):
    name = "data_parallel_gpt2"
    assert ran(trio("run", *TWO_NODES, SINCE / f"{name}.py")) == [
        f"rank {rank}   | rank {rank}: {word}" for rank, word in enumerate(("first", "second"))
    ]
    refused(trio("run", "--ranks", "3", SINCE / f"{name}.py"), "1 of 3 ranks would get none")
    failed(trio("run", "--ranks", "3", *forced(SINCE, tmp_path, name)), "IndexError")


def test_packages_and_gpus_that_nodes_do_not_have(trio: Pair, tmp_path: Path):
    script = tmp_path / "tensor_parallel_llama3.py"
    script.write_text("import torch, tensorrt_llm, packaging\ntorch.cuda.set_device(0)\n")

    done = trio("run", "--nodes", "node[1,3]", script)

    refused(
        done,
        "node[1,3]: tensor_parallel_llama3.py:1 imports tensorrt_llm, which",
        "every rank takes GPU 0 of its node, and node[1,3] would have several ranks",
        "needs a GPU for each rank, and node1 has 0, node3 has 0",
    )


def test_the_playbook_for_two_nodes(described: Pair, node_image: str):
    """From `up` to `down`, as shipped: only its inputs are given."""
    file = described.describe(
        nodes={"node[1-2]": {"slots": 1}}, container={"image": node_image, "shm_size": "64m"}
    )

    done = play(described, "tensor-parallel-two-nodes", SINCE, "mode=jit_cpp")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("of 2, local rank 0, jit_cpp: sum 3") == 2
    values = ("examples", SINCE), ("inventory", file), ("launcher", "torchrun")
    shown = "".join(f"{name} = {value}\n" for name, value in values)
    assert done.stderr.startswith(f"{shown}mode = jit_cpp\n- up\n")
    assert described.left() == NOTHING


def test_the_playbooks_for_one_node(described: Pair, node_image: str, tmp_path: Path):
    """Those that run without a GPU, one after another, each from `up` to `down`."""
    described.describe(
        nodes={"node1": {"slots": 2}}, container={"image": node_image, "shm_size": "64m"}
    )
    pictures = tmp_path / "pictures"
    pictures.mkdir()

    simple = play(described, "tensor-parallel-simple", SINCE)
    rotary = play(described, "tensor-parallel-rotary-embedding", SINCE)
    gpt2 = play(described, "data-parallel-gpt2", SINCE)
    painted = play(described, "data-parallel-stable-diffusion", SINCE, f"pictures={pictures}")
    before = STAND_INS / "before_2_12" / "TensorRT" / FOLDER
    llama3 = play(described, "tensor-parallel-llama3", before)

    assert [each.returncode for each in (simple, rotary, gpt2, painted)] == [0] * 4, painted.stderr
    assert simple.stderr.count("INFO: sum 3") == 2
    assert "shape (4, 16)\n" in rotary.stdout
    assert sorted(gpt2.stdout.splitlines())[-2:] == [
        f"rank {rank}   | rank {rank}: {word}" for rank, word in enumerate(("first", "second"))
    ]
    found = {path.name: path.read_text() for path in pictures.iterdir()}
    assert found == {"result_0.png": "a dog", "result_1.png": "a cat"}
    assert llama3.returncode == 2
    assert "(Could not find repo root)" in llama3.stderr
    assert "tensor_parallel_llama3.py:10: uses `torch_tensorrt`" in llama3.stderr


def play(described: Pair, name: str, examples: Path, *more: str) -> Done:
    """A shipped playbook with these examples, on the nodes that are described."""
    given = (f"examples={examples}", f"inventory={described.file}", *more)
    words = [word for value in given for word in ("--set", value)]
    return described("play", PLAYBOOKS / f"torch-tensorrt-{name}.yaml", *words, timeout_s=400)
