"""The view of an engine that one node has, and the import hook in real Python processes."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.gpus_per_node import HOOK, prepare
from clusterkit.tasks.payload import payload_files

PACKAGES = Path(__file__).parents[2] / "stand_ins/tensorrt_llm_package"
MAPPING = {"world_size": 4, "tp_size": 2, "pp_size": 2, "gpus_per_node": 8}


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A published engine: files, a folder, and a config.json of which we know little."""
    folder = tmp_path / "engine"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "tokenizer/tokenizer.json").write_text("{}")
    (folder / "rank0.engine").write_bytes(b"zero")
    write_config(folder, {"version": "0.16.0", "pretrained_config": {"a": 1, "mapping": MAPPING}})
    return folder


def write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def view(engine: Path, folder: Path, number: int = 2) -> Path:
    used, env = prepare("config", str(engine), str(folder), {"LOCAL_WORLD_SIZE": str(number)})
    assert env == {}
    return Path(used)


def test_a_node_sees_the_engine_with_its_own_number(engine: Path, tmp_path: Path) -> None:
    before = (engine / "config.json").read_bytes()

    seen = view(engine, tmp_path)

    assert sorted(entry.name for entry in seen.iterdir()) == [
        "config.json",
        "rank0.engine",
        "tokenizer",
    ]
    assert json.loads((seen / "config.json").read_text()) == {
        "version": "0.16.0",
        "pretrained_config": {"a": 1, "mapping": MAPPING | {"gpus_per_node": 2}},
    }
    assert (seen / "rank0.engine").read_bytes() == b"zero"
    assert (seen / "tokenizer/tokenizer.json").read_text() == "{}"
    assert (engine / "config.json").read_bytes() == before
    assert seen.stat().st_mode & 0o777 == 0o755


def test_all_ranks_of_a_node_make_it_at_once(engine: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()

    with ThreadPoolExecutor(16) as pool:
        seen = set(pool.map(lambda _: view(engine, job), range(64)))

    assert [entry.name for entry in job.iterdir()] == ["engine-gpus_per_node-2"]
    assert seen == {job / "engine-gpus_per_node-2"}


def test_nodes_that_differ_may_share_the_job_s_folder(engine: Path, tmp_path: Path) -> None:
    numbers = [
        json.loads((view(engine, tmp_path, n) / "config.json").read_text())["pretrained_config"][
            "mapping"
        ]["gpus_per_node"]
        for n in (1, 4)
    ]
    assert numbers == [1, 4]


def test_an_engine_that_says_it_already_is_used_as_it_is(engine: Path, tmp_path: Path) -> None:
    assert view(engine, tmp_path, 8) == engine


def test_an_engine_of_an_old_version_is_refused(engine: Path, tmp_path: Path) -> None:
    write_config(engine, {"builder_config": {}})

    with pytest.raises(Refused) as caught:
        view(engine, tmp_path)

    assert str(caught.value) == (
        f"{engine}/config.json has no pretrained_config.mapping: the engine is older than "
        "TensorRT-LLM 0.8. Fix: build it with the installed version"
    )


def test_a_folder_that_cannot_be_written_is_an_error(engine: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        view(engine, tmp_path / "absent")


def test_nothing_is_done_where_nothing_is_needed() -> None:
    assert prepare("none", "/e", "/j", {}) == ("/e", {})


def test_a_rank_that_does_not_know_its_node_is_an_error() -> None:
    with pytest.raises(Refused) as caught:
        prepare("shim", "/e", "/j", {})

    assert str(caught.value) == (
        "nobody tells how many ranks this node has: LOCAL_WORLD_SIZE is not set. "
        "Fix: start ranks with `clusterkit infer` or `clusterkit serve`, which set it"
    )


def test_the_hook_goes_before_what_is_on_the_path_already() -> None:
    env = {"LOCAL_WORLD_SIZE": "4", "PYTHONPATH": "/theirs:/more"}

    assert prepare("shim", "/e", "/j", env) == (
        "/e",
        {"PYTHONPATH": f"{HOOK}:/theirs:/more", "CLUSTERKIT_GPUS_PER_NODE": "4"},
    )


def test_the_hook_travels_with_the_payloads() -> None:
    assert "/n/payload" in payload_files("/n")[0].path
    names = [put.path.partition("/payload-")[2].partition("/")[2] for put in payload_files("/n")]
    assert "gpus_per_node_hook/sitecustomize.py" in names


def run(program: str, *path: Path, number: str = "2", python: str = sys.executable) -> str:
    """What a program prints that has the hook, and ``path`` after it; it must be silent else."""
    env = {"PYTHONPATH": os.pathsep.join(map(str, (HOOK, *path))), "PYTHONDONTWRITEBYTECODE": "1"}
    if number:
        env["CLUSTERKIT_GPUS_PER_NODE"] = number
    done = subprocess.run([python, "-c", program], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.parametrize("version", ["0.6", "0.7", "0.9", "0.10", "0.16", "1.2"])
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("Mapping()", "2"),
        ("Mapping(4, 1, tp_size=4)", "2"),
        ("Mapping(world_size=4, rank=1, tp_size=2, pp_size=2)", "2"),
        ("Mapping(4, 1, 3, tp_size=4)", "3"),  # what a caller gives is the caller's
        ("Mapping(4, 1, gpus_per_node=8, tp_size=4)", "8"),
    ],
)
def test_the_hook_changes_the_default_alone(version: str, call: str, expected: str) -> None:
    program = f"from tensorrt_llm import Mapping; print({call}.gpus_per_node)"
    assert run(program, PACKAGES / version, PACKAGES / "machine") == expected


def test_the_base_class_of_later_versions_has_it_too() -> None:
    program = "from tensorrt_llm.mapping import MappingBase as B; print(B().gpus_per_node)"
    assert run(program, PACKAGES / "1.2", PACKAGES / "machine") == "2"


@pytest.mark.parametrize(
    ("call", "expected"),
    [("mpi()", "2"), ("mpi(3)", "3"), ("mpi(gpus_per_node=8)", "8")],
)
def test_the_hook_reaches_what_is_cpp(call: str, expected: str) -> None:
    program = f"from tensorrt_llm.bindings import WorldConfig as W; import tensorrt_llm.runtime; \
print(W.{call}.gpus_per_node)"
    assert run(program, PACKAGES / "0.9", PACKAGES / "machine") == expected


def test_a_wrong_call_gets_their_own_error() -> None:
    program = """
from tensorrt_llm import Mapping
try: Mapping(wrong=1)
except TypeError as error: print(error)
"""
    path = (PACKAGES / "0.9", PACKAGES / "machine")
    assert "unexpected keyword argument 'wrong'" in run(program, *path)


def test_the_modules_are_those_that_are_installed() -> None:
    program = """
import inspect, tensorrt_llm.mapping as m, importlib
print(m.__file__, vars(m.__loader__).keys() & {"exec_module"}, "8" in inspect.getsource(m))
print(importlib.reload(m).Mapping().gpus_per_node)
"""
    file = PACKAGES / "0.9/tensorrt_llm/mapping.py"
    assert run(program, PACKAGES / "0.9", PACKAGES / "machine") == f"{file} set() True\n2"


def test_without_a_number_nothing_is_changed() -> None:
    program = "import sys; from tensorrt_llm import Mapping; print(Mapping().gpus_per_node, \
[f for f in sys.meta_path if type(f).__name__ == 'Finder'])"
    assert run(program, PACKAGES / "0.9", PACKAGES / "machine", number="") == "8 []"


def test_a_sitecustomize_that_was_there_is_still_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.theirs = __file__\n")
    program = "import sys, sitecustomize; print(theirs, sitecustomize.__file__, len(sys.path))"

    shown = run(program, tmp_path).split()

    assert shown[:2] == [str(tmp_path / "sitecustomize.py")] * 2


def test_a_program_without_tensorrt_llm_imports_nothing_for_it() -> None:
    program = "import sys; print(*sorted(sys.modules))"
    # Debian's Python has a sitecustomize of its own, and that is looked for by importlib.
    has_one = importlib.util.find_spec("sitecustomize") is not None
    before = f"import importlib.util; {program}" if has_one else program
    plain = subprocess.run([sys.executable, "-c", before], env={}, capture_output=True, text=True)

    ours = {"sitecustomize", "__future__"}
    assert {*run(program).split()} - {*plain.stdout.split()} - ours == set()
