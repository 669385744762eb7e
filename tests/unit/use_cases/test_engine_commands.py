from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clusterkit.command import Command, Put
from clusterkit.engines.engine_build import CHECKPOINT, WORK, EngineBuild, Stage
from clusterkit.errors import UsageError
from clusterkit.facts import NodeFacts
from clusterkit.model.engine import EngineSettings
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.tasks.payload import payload_name
from clusterkit.use_cases.built_engine import is_built, with_version
from clusterkit.use_cases.engine_commands import (
    BuildPaths,
    another_build,
    engines_command,
    first_build_steps,
    key_digest,
    order_of,
)
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair

CLUSTER = pair()
HOME = CLUSTER.home_of("node1")
PAYLOADS = f"{HOME}/{payload_name()}"
FIRST = ("/v/python", "-I", "-S", PAYLOADS)
BUILD = EngineBuild(
    name="tiny-tp1-pp1",
    key={"b": 1, "a": [1, 2]},
    stages=(
        Stage("convert", ("python3", "c.py", "--out", CHECKPOINT), cwd="/ex"),
        Stage("build", ("trtllm-build", "--out", WORK), env={"A": "1"}),
    ),
    rank_files=(("rank0.engine",),),
    tokenizer="/m/tiny",
    size_bytes=3,
    work_bytes=4,
)
TRT = TensorRtLlmSettings(name="tensorrt-llm", model="/m/llama", family="llama")


def test_an_engine_of_another_build_is_told_by_what_differs():
    key = BUILD.key | {"tp": 2, "pp": 1, "gpu": ("9.0",), "stages": [["a"]]}
    build = replace(BUILD, key=key)
    as_read = json.loads(json.dumps(key))

    def told(manifest):
        return another_build(manifest, build)

    files = {name: {"size": 1} for name in build.needed_files}
    assert told({"engine": {"key": as_read}, "files": files}) == ""
    assert told({"engine": {"key": as_read}, "files": {}}) == (
        f"its manifest.json does not name {', '.join(files)}"
    )
    assert (
        told({"engine": {"key": as_read | {"tp": 1, "pp": 2}}}) == "pp is 2, not 1; tp is 1, not 2"
    )
    assert told({"engine": {"key": as_read | {"gpu": ["8.0"]}}}) == 'gpu is ["8.0"], not ["9.0"]'
    assert told({"engine": {"key": as_read | {"stages": []}}}) == "its programs had other words"
    assert told({"engine": {}}) == told({}) == "its manifest.json does not say of which"


def test_only_a_whole_path_of_the_build_is_filled_in():
    stage = Stage("convert", ("--model", "/m/{work}", "--out", CHECKPOINT, f"{WORK}/cache"))

    assert stage.words("/e/x.part") == (
        "--model",
        "/m/{work}",
        "--out",
        "/e/x.part.checkpoint",
        "/e/x.part/cache",
    )


def test_the_key_names_the_folder_whatever_its_order():
    other = replace(BUILD, key={"a": [1, 2], "b": 1})

    digest = key_digest(BUILD.key)
    assert digest == key_digest(other.key) != key_digest({"a": [2, 1], "b": 1})
    assert BuildPaths.of(CLUSTER, BUILD) == BuildPaths(
        target=f"{CLUSTER.storage.path}/clusterkit/engines/tiny-tp1-pp1-{digest[:12]}",
        order=f"{HOME}/builds/tiny-tp1-pp1-{digest[:12]}.json",
        log=f"{HOME}/builds/tiny-tp1-pp1-{digest[:12]}.log",
    )


def test_an_order_has_all_that_the_payload_must_know():
    paths = BuildPaths("/s/tiny-1", "/h/tiny-1.json", "/h/tiny-1.log")

    order = json.loads(order_of(BUILD, paths, shape={"layers": 2}, engine={"tp": 1}, verify=True))

    assert order == {
        "version": 1,
        "name": "tiny-tp1-pp1",
        "target": "/s/tiny-1",
        "log": "/h/tiny-1.log",
        "verify": True,
        "stages": [
            {
                "name": "convert",
                "argv": ["python3", "c.py", "--out", "{work}.checkpoint"],
                "env": {},
                "cwd": "/ex",
            },
            {
                "name": "build",
                "argv": ["trtllm-build", "--out", "{work}"],
                "env": {"A": "1"},
                "cwd": None,
            },
        ],
        "rank_files": [["rank0.engine"]],
        "common_files": ["config.json"],
        "tokenizer": "/m/tiny",
        "room_bytes": 7,
        "shape": {"layers": 2},
        "engine": {
            "key": {"a": [1, 2], "b": 1},
            "rank_files": [["rank0.engine"]],
            "common_files": ["config.json"],
            "tp": 1,
        },
    }


def test_the_steps_of_a_first_build_are_the_vendors_words_and_ours():
    steps = first_build_steps(
        CLUSTER, BUILD, python="/v/python", model="/m/tiny", tokenizer="/m/tok"
    )

    engine = f"{CLUSTER.storage.path}/clusterkit/engines/tiny-tp1-pp1-<digest>"
    order = f"{HOME}/builds/tiny-tp1-pp1-<digest>.json"
    look = ("model_look", "/m/tiny", "--tokenizer", "/m/tok", "--record")
    assert {step.node for step in steps} == {"node1"}
    assert [(step.summary.partition(";")[0], step.action) for step in steps] == [
        ("look at the model in /m/tiny", Command((*FIRST, *look, f"{HOME}/builds/models.json"))),
        ("look whether tiny-tp1-pp1 is built", Command((*FIRST, "convert", "--check", engine))),
        (
            "convert, in /ex",
            Command(("python3", "c.py", "--out", f"{engine}.<random>.part.checkpoint")),
        ),
        ("build", Command(("trtllm-build", "--out", f"{engine}.<random>.part"), env={"A": "1"})),
        ("say what to build", Put(order, b"")),
        (
            "run the programs above, add the tokenizer, and publish by one rename",
            Command((*FIRST, "build_engine", order)),
        ),
    ]


@pytest.mark.parametrize(("name", "more"), [(None, ()), ("tiny", ("tiny",))])
def test_a_node_is_asked_for_its_engines(name: str | None, more: tuple[str, ...]):
    engines = f"{CLUSTER.storage.path}/clusterkit/engines"

    asked = engines_command(CLUSTER, "node1", "/v/python", "verify", name)

    assert asked == Command((*FIRST, "engines", "verify", engines, *more))


def session(settings: EngineSettings) -> tuple[Session, dict[str, NodeFacts]]:
    cluster = replace(CLUSTER, engine=settings)
    return Session(cluster, None), planned_facts(cluster)  # type: ignore[arg-type]


def test_only_tensorrt_llm_is_built_of_the_engines_here():
    assert not is_built(*session(EngineSettings()))
    assert is_built(*session(TRT.model_copy(update={"version": "0.16.0"})))
    assert is_built(*session(TRT))  # whose version nobody says, which is told later


def test_a_run_knows_the_version_that_is_installed():
    asked, facts = session(TRT)
    installed = {
        name: replace(node, packages={"tensorrt_llm": "0.9.0"}) for name, node in facts.items()
    }

    found = with_version(asked, installed).cluster.engine
    assert isinstance(found, TensorRtLlmSettings)
    assert found.version == "0.9.0"
    with pytest.raises(UsageError, match="names no version"):
        with_version(asked, facts)
    other, _ = session(EngineSettings())
    assert with_version(other, facts) == other
