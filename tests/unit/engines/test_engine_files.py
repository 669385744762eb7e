from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterkit.engines.engine_files import files_of_nodes, has_all
from clusterkit.errors import ClusterkitError
from clusterkit.placement import place_stages
from tests.unit.pair import pair

NAMES = ("config.json", "rank0.engine", "rank1.engine", "tokenizer/t.json", "build.log")


def manifest(**engine: Any) -> dict[str, Any]:
    return {
        "name": "llama",
        "files": {name: {"size": 1, "sha256": name} for name in NAMES},
        "engine": {
            "rank_files": [["rank0.engine"], ["rank1.engine"]],
            "common_files": ["config.json"],
        }
        | engine,
    }


def test_a_node_gets_what_all_need_and_the_files_of_its_own_ranks():
    found = files_of_nodes(manifest(), place_stages(pair(), tp=1, pp=2))

    assert found == {
        "node1": ("config.json", "tokenizer/t.json", "rank0.engine"),
        "node2": ("config.json", "tokenizer/t.json", "rank1.engine"),
    }


def test_two_ranks_of_one_node_need_each_file_once():
    one = replace(pair(), nodes=pair().nodes[:1])
    shared = manifest(rank_files=[["rank0.engine"], ["rank0.engine", "rank1.engine"]])

    assert files_of_nodes(shared, place_stages(one, tp=2, pp=1)) == {
        "node1": ("config.json", "tokenizer/t.json", "rank0.engine", "rank1.engine")
    }


def test_an_engine_of_another_size_is_refused():
    with pytest.raises(ClusterkitError) as raised:
        files_of_nodes(manifest(), place_stages(pair(), tp=2, pp=2))

    assert str(raised.value) == (
        "engine llama was built for 2 ranks, and 4 are to run. Fix: build it for as many, or set "
        "`tp` and `pp` to what it was built for"
    )


def test_an_engine_that_lacks_a_file_is_refused():
    lacking = manifest(rank_files=[["rank0.engine"], ["rank9.engine"]])
    with pytest.raises(ClusterkitError) as raised:
        files_of_nodes(lacking, place_stages(pair(), tp=1, pp=2))

    assert str(raised.value) == (
        "engine llama lacks rank9.engine. Fix: remove it with `clusterkit engines rm llama`, and "
        "build it again"
    )


def test_files_of_another_build_are_not_those_of_this_one():
    there, now = manifest(), manifest()
    now["files"]["rank1.engine"] = {"size": 1, "sha256": "other"}

    assert has_all(there, ["config.json", "rank0.engine"], now)
    assert not has_all(there, ["config.json", "rank1.engine"], now)
    del there["files"]["config.json"]
    assert not has_all(there, ["config.json"], now)
