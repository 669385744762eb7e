"""`up` of a cluster that is there: by another version, and while another takes it down."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clusterkit.errors import LockLost
from clusterkit.state.folders import cluster_folder
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.state.lock_file import FileLockStore
from clusterkit.use_cases import lock
from clusterkit.use_cases.up import up
from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local


def test_what_an_older_version_did_not_look_for_is_found(
    clusterkit: Controller, tmp_path: Path, cluster_name: str
) -> None:
    file = describe_local(tmp_path, cluster_name)
    assert clusterkit("up", file, "--yes").returncode == 0
    (kept,) = clusterkit.home.glob(f"clusters/{cluster_name}/facts.json")
    new = json.loads(kept.read_text())
    old = json.loads(kept.read_text())
    old["payloads"] = "payload-0123456789ab"
    del old["nodes"]["localhost"]["packages"]["starlette"]
    kept.write_text(json.dumps(old))

    refused = clusterkit("mpi-hello")
    again = clusterkit("up", file, "--yes")

    assert (refused.returncode, refused.stderr) == (
        2,
        f"Error: cluster {cluster_name} was brought up by another version of clusterkit.\n"
        "Fix: run `clusterkit up INVENTORY` again\n",
    )
    assert again.returncode == 0, again.stderr
    now = json.loads(kept.read_text())
    assert (now["payloads"], _packages(now)) == (new["payloads"], _packages(new))


def test_an_up_that_slept_while_another_took_over_does_not_say_that_all_is_well(
    clusterkit: Controller, tmp_path: Path, cluster_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = describe_local(tmp_path, cluster_name)
    assert clusterkit("up", file, "--yes").returncode == 0
    for name, value in clusterkit.environment.items():
        monkeypatch.setenv(name, value)
    heard: list[object] = []
    up(file, sink=heard.append)
    # Its last sign of life is too old at once, as if this process had been stopped.
    monkeypatch.setattr(lock, "new_holder", partial(new_holder, expires_after_s=0.0))
    others: list[Lock] = []

    def take_over(_: object) -> None:
        heard.pop()
        if not heard:  # it has looked at all, and is about to say what it saw
            others.append(Lock(FileLockStore(cluster_folder(cluster_name)), new_holder("down")))
            seen = others[0].look()
            assert seen is not None
            assert others[0].take_over(seen, by_force=True)

    try:
        with pytest.raises(LockLost, match="`up` has lost the lock"):
            up(file, sink=take_over)
    finally:
        others[0].release()


def _packages(facts: dict[str, Any]) -> Any:
    return facts["nodes"]["localhost"]["packages"]
