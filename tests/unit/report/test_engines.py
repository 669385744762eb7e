"""Which engine is whole where, in few lines."""

from __future__ import annotations

from clusterkit.results.engines import EnginesResult, ListedEngine
from tests.unit.report.streams import shown, text

FACTS = {"version": "0.16.0", "family": "llama", "tp": 1, "pp": 2, "gpu": "H100"}


def engine(name="llama-fp8-1", **parts):
    row = {"folder": f"/s/{name}", "size_bytes": 3 << 30, "nodes": {"n1": "ready"}, **FACTS}
    return ListedEngine(name=name, **(row | parts))


def result(*engines, **parts):
    return EnginesResult(cluster="lab", engines=engines, took_s=2.0, **parts)


def test_a_row_an_engine():
    states = {"n1": "ready", "n2": "ready", "n3": "absent"}
    rows = (engine(nodes=states), engine("other-2", size_bytes=None, version=None))

    assert shown(result(*rows)) == text("""
        ENGINE       VERSION  TP  PP     SIZE  ON
        llama-fp8-1  0.16.0    1   2  3.0 GiB  ready on n[1-2], absent on n3
        other-2      -         1   2        -  ready on n1
        """)
    assert shown(result()) == "No engines.\n"


def test_what_is_damaged_is_told_with_its_node():
    wrong = engine(nodes={"n1": "damaged"}, problems={"n1": ("rank1.engine is missing",)})

    assert shown(result(wrong, verified=True, unreachable={"n2": "timed out"})) == text("""
        ENGINE       VERSION  TP  PP     SIZE  ON
        llama-fp8-1  0.16.0    1   2  3.0 GiB  damaged on n1

        ! n2  timed out
        ! n1  llama-fp8-1: rank1.engine is missing
        """)


def test_what_was_read_and_whole_is_told():
    assert shown(result(engine(), verified=True)) == text("""
        ENGINE       VERSION  TP  PP     SIZE  ON
        llama-fp8-1  0.16.0    1   2  3.0 GiB  ready on n1

        1 engine read in 2.0 s: as built.
        """)


def test_one_engine_is_shown_with_its_files():
    manifest = {
        "files": {
            "config.json": {"size": 9, "sha256": "ab"},
            "rank0.engine": {"size": 1 << 20, "sha256": "cd"},
        },
        "engine": {
            "engine": "tensorrt-llm",
            "version": "0.16.0",
            "packages": {"tensorrt": "10.7.0"},
            "key": {"dtype": "float16", "stages": [["build", "trtllm-build", "--o", "a b"]]},
            "rank_files": [["rank0.engine"]],
            "common_files": ["config.json"],
        },
    }

    assert shown(result(engine(manifest=manifest))) == text("""
        engine    llama-fp8-1
        folder    /s/llama-fp8-1
        state     ready on n1
        dtype     float16
        version   0.16.0
        packages  tensorrt 10.7.0
        build     trtllm-build --o 'a b'

        FILE          RANK     SIZE  SHA256
        config.json      -      9 B  ab
        rank0.engine     0  1.0 MiB  cd
        """)


def test_a_removal_says_from_where_and_what_is_left():
    assert shown(result(removed=("n1", "n2"))) == "Removed from n[1-2].\n"
