from __future__ import annotations

from clusterkit.command import Command, Put, Step
from clusterkit.model.cluster import Node, Storage
from clusterkit.providers import local
from clusterkit.tasks.base import Stage
from clusterkit.tasks.files import Files
from clusterkit.tasks.folder_gone import REMOVE, FolderGone
from tests.unit.pair import pair, trust

HERE = pair(
    name="here",
    provider="local",
    nodes=(Node("localhost", 3),),
    storage=Storage("local", "/home/me/.cache/clusterkit/storage"),
    subnet=None,
    home="/home/me/.local/state/clusterkit/clusters/here/node",
)


def test_up_writes_a_hostfile_and_touches_nothing_else():
    hostfile = Put(f"{HERE.home}/hostfile", b"localhost slots=3\n")

    assert local.up(HERE, trust(HERE)) == (Stage("nodes", (Files("localhost", (hostfile,)),)),)


def test_down_removes_the_folder_of_the_cluster_and_keeps_the_models():
    (stage,) = local.down(HERE)

    assert stage == Stage("nodes", (FolderGone("localhost", HERE.home),))
    assert stage.tasks[0].plan(None).steps == (
        Step(
            "localhost", f"remove {HERE.home}", Command(("sh", "-c", REMOVE, "sh", HERE.home)), "-"
        ),
    )
    assert local.kept(HERE) == ("/home/me/.cache/clusterkit/storage",)
