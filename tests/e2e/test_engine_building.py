"""`build` and `engines` for an engine that is built, on nodes of stand-ins."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.model_folders import glm_folder
from tests.e2e.vendor_pair import Vendor

VERSION = "0.16.0"
NAME = "chatglm2-6b-float16-tp2-pp1"
OTHER = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}
# Does what the stand-in does, and then nothing for long, with a worker of its own.
SLOW = """#!/bin/sh
/usr/local/bin/trtllm-build.own "$@" || exit
(setsid sleep 1006 & sleep 1005)
"""
FAILS = """#!/bin/sh
echo "[TRT-LLM] [I] Loading weights"
echo "ValueError: this cannot be" >&2
exit 9
"""


@pytest.fixture
def nodes(vendor: Vendor, tensorrt_llm: Callable[[str], str]) -> Vendor:
    """Two nodes that are up, with chatglm2-6b on their storage."""
    glm_folder(vendor.shared / "chatglm2-6b")
    _describe(vendor, tensorrt_llm)
    vendor.pair.up()
    return vendor


def _describe(vendor: Vendor, tensorrt_llm: Callable[[str], str], **engine: Any) -> Path:
    settings = {"model": "/TRTDir/chatglm2-6b", "tp": 2} | engine
    return vendor.describe(tensorrt_llm(VERSION), {"node1": 1, "node2": 1}, **settings)


def engines_there(vendor: Vendor) -> list[str]:
    return sorted(path.name for path in (vendor.shared / "clusterkit/engines").iterdir())


def replace_build(vendor: Vendor, script: str) -> None:
    """Have the head run another trtllm-build; ``script`` empty: its own again."""
    path = "/usr/local/bin/trtllm-build"
    if script:
        keep = f"test -e {path}.own || cp {path} {path}.own"
        vendor.pair.inside(
            "node1", "sh", "-c", f'{keep}; printf %s "$0" > {path}; chmod 755 {path}', script
        )
    else:
        vendor.pair.inside("node1", "cp", f"{path}.own", path)


def until(is_so: Callable[[], object], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.1)


def programs(vendor: Vendor) -> str:
    """Of a build, on the head."""
    return (
        vendor.pair.inside(
            "node1", "sh", "-c", "ps -eo args | grep -E 'sleep 100[56]|[b]uild_engine' || true"
        )
        .replace("grep -E sleep 100[56]|[b]uild_engine", "")
        .strip()
    )


def no_program(vendor: Vendor) -> bool:
    return not [line for line in programs(vendor).splitlines() if "grep" not in line]


def test_once_built_it_stays_and_another_setting_makes_another(
    nodes: Vendor, tensorrt_llm: Callable[[str], str]
) -> None:
    pair = nodes.pair
    assert pair.answer("status")["model"] == {
        "name": "chatglm2-6b",
        "state": "unknown",
        "nodes": None,
    }

    first = pair.answer("build")
    again = pair.answer("build")

    engine = Path(first["folder"]).name
    assert engine.startswith(f"{NAME}-")
    assert (first["changed"], again["changed"]) == (True, False)
    same = {key: again[key] for key in ("model", "folder", "digest", "size_bytes", "shape")}
    assert same == {key: first[key] for key in same}
    assert pair.inside("node1", "cat", first["log"]).count("[exited with 0]") == 2
    assert engines_there(nodes) == [".lock", engine]
    assert pair.answer("status")["model"]["state"] == "ready"
    (listed,) = pair.answer("engines")["engines"]
    assert {key: listed[key] for key in ("name", "version", "tp", "pp", "nodes", "problems")} == {
        "name": engine,
        "version": VERSION,
        "tp": 2,
        "pp": 1,
        "nodes": {"node1": "ready"},
        "problems": {},
    }

    _describe(nodes, tensorrt_llm, max_batch_size=4)
    pair.up()
    assert pair.answer("status")["model"]["state"] == "absent"
    other = Path(pair.answer("build")["folder"]).name
    assert engines_there(nodes) == [".lock", *sorted([engine, other])]

    unsure = pair("engines", "rm", NAME, "--yes")
    assert (unsure.returncode, unsure.stderr.partition(". Fix")[0].partition("\n")[0]) == (
        2,
        f"Error: {NAME} may be {' or '.join(sorted([engine, other]))}.",
    )
    asked = pair("engines", "rm", engine)
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    removed = pair.answer("engines", "rm", engine, "--yes")
    assert (removed["removed"], [each["name"] for each in removed["engines"]]) == (
        ["node1"],
        [other],
    )
    assert engines_there(nodes) == [".lock", other]
    shown = pair.answer("engines", "show", NAME)["engines"][0]["manifest"]
    assert shown["engine"]["rank_files"] == [["rank0.engine"], ["rank1.engine"]]


def test_a_model_that_changed_is_another_engine(nodes: Vendor) -> None:
    first = nodes.pair.answer("build")["folder"]
    with (nodes.shared / "chatglm2-6b/model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\1")

    assert nodes.pair.answer("status")["model"]["state"] == "unknown"
    assert nodes.pair.answer("build")["folder"] != first


def test_a_changed_byte_is_found_and_mended(nodes: Vendor) -> None:
    pair = nodes.pair
    folder = nodes.shared / "clusterkit/engines" / Path(pair.answer("build")["folder"]).name
    with (folder / "rank1.engine").open("r+b") as engine:
        engine.seek(5000)
        engine.write(b"\1")

    whole = pair("engines")
    found = pair("engines", "verify", "-o", "json")

    assert whole.returncode == 0
    (row,) = json.loads(found.stdout)["engines"]
    assert (found.returncode, row["nodes"], row["problems"]) == (
        1,
        {"node1": "damaged"},
        {"node1": ["rank1.engine has another sha256 than was written"]},
    )
    assert pair.answer("build", "--verify")["changed"] is True
    assert pair("engines", "verify").returncode == 0
    (folder / "rank0.engine").unlink()
    assert pair.answer("status")["model"]["state"] == "damaged"
    assert pair.answer("build")["changed"] is True


def test_everything_wrong_with_the_model_is_told_at_once(
    nodes: Vendor, tensorrt_llm: Callable[[str], str]
) -> None:
    pair, model = nodes.pair, nodes.shared / "chatglm2-6b"

    def said() -> str:
        done = pair("build")
        assert done.returncode == 2, done.stdout + done.stderr
        return " ".join(done.stderr.split())

    (model / "tokenizer.model").unlink()
    (model / "model.safetensors").rename(model / "weights")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | OTHER))
    both = said()
    shutil.copy(model / "weights", model / "model.safetensors")
    with (model / "model.safetensors").open("r+b") as weights:
        weights.truncate(150)
    broken = said()
    (model / "config.json").unlink()
    no_model = said()
    shutil.rmtree(model)
    absent = said()

    assert "node1: /TRTDir/chatglm2-6b has no weights (*.safetensors or *.bin)." in both
    assert "/TRTDir/chatglm2-6b has no tokenizer (tokenizer.json, tokenizer.model," in both
    assert "Fix: set engine.family to llama, chatglm2," in both
    assert "model.safetensors ends before its last tensor." in broken
    assert "/TRTDir/chatglm2-6b has no config.json, so it is no Hugging Face model." in no_model
    assert "/TRTDir/chatglm2-6b does not exist." in absent
    assert not (nodes.shared / "clusterkit/engines").exists()


def test_an_engine_that_was_copied_under_another_name_is_not_run(nodes: Vendor) -> None:
    folder = nodes.shared / "clusterkit/engines" / Path(nodes.pair.answer("build")["folder"]).name
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["engine"]["key"] |= {"tp": 4, "version": "0.8.0"}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    done = nodes.pair("infer", "--prompt", "hi")

    assert done.returncode == 1
    assert " ".join(done.stderr.split()) == (
        f"Error: node1: /TRTDir/clusterkit/engines/{folder.name} is of another build than its "
        f'name says: tp is 4, not 2; version is "0.8.0", not "{VERSION}". '
        f"Fix: `clusterkit engines rm {folder.name}`, then `clusterkit build`"
    )


def test_a_program_that_fails_is_quoted(nodes: Vendor) -> None:
    replace_build(nodes, FAILS)

    done = nodes.pair("build")

    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert f"node1: {NAME} cannot be built: build exited with 9" in said
    assert "[TRT-LLM] [I] Loading weights ValueError: this cannot be" in said
    assert f"/builds/{NAME}-" in said
    assert engines_there(nodes) == [".lock"]
    replace_build(nodes, "")
    assert nodes.pair.answer("build")["changed"] is True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_controller_leaves_nothing(nodes: Vendor, how: signal.Signals) -> None:
    replace_build(nodes, SLOW)
    process = nodes.pair.controller.start("build")
    until(lambda: "sleep 1006" in programs(nodes))

    process.send_signal(how)

    assert process.wait(30) == (130 if how is signal.SIGINT else -signal.SIGKILL)
    until(lambda: no_program(nodes))
    until(lambda: engines_there(nodes) == [".lock"])


def test_a_build_that_is_killed_is_never_used(nodes: Vendor) -> None:
    replace_build(nodes, SLOW)
    process = nodes.pair.controller.start("build")
    until(lambda: "sleep 1006" in programs(nodes))
    (pid,) = nodes.pair.inside("node1", "pgrep", "-f", "build_engine /").split()

    nodes.pair.inside("node1", "kill", "-9", pid)

    assert process.wait(30) == 1
    _, *left = engines_there(nodes)
    assert [name.rpartition(".")[2] for name in left] == ["part", "checkpoint"]
    assert nodes.pair.answer("engines")["engines"] == []
    replace_build(nodes, "")
    built = nodes.pair.answer("build")
    assert (built["changed"], len(engines_there(nodes))) == (True, 2)
    until(lambda: no_program(nodes))
