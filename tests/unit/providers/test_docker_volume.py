"""Storage of containers on machines: own copies and exports are volumes of each machine's engine.

NFS has no server here: what Docker is asked for is compared, and it was never run against one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.command import DockerCall, Step
from clusterkit.model.cluster import Storage, default_sync_path
from clusterkit.plan import storage_gone, storage_stages
from clusterkit.providers.docker.names import has_volume, volume_name
from clusterkit.providers.docker.spec import create_arguments
from clusterkit.providers.docker.volume import Volume
from clusterkit.tasks.base import Change, Stage
from clusterkit.tasks.own_storage import OwnStorageGone
from tests.unit.providers.machines import carried

OURS = {"clusterkit.cluster": "lab"}
NFS = "clusterkit-lab-storage-53bf3a7c"
COPIES = default_sync_path("lab")


def lab(kind: str, path: str, source: str | None = None):
    return replace(carried(), storage=Storage(kind, path, source))  # type: ignore[arg-type]


def mount_of(cluster) -> dict[str, object]:
    return create_arguments(cluster, cluster.head)["mounts"][0]


@pytest.mark.parametrize(
    ("kind", "path", "source", "mount"),
    [
        ("nfs", "/models", "nas:/export", {"type": "volume", "source": NFS}),
        ("sync", COPIES, None, {"type": "volume", "source": "clusterkit-lab-storage"}),
        ("sync", "/scratch", None, {"type": "bind", "source": "/scratch", "create": True}),
        ("bind", "/mnt/shared", None, {"type": "bind", "source": "/mnt/shared", "create": True}),
    ],
)
def test_what_containers_mount(kind, path, source, mount):
    wanted = mount | {"target": path, "read_only": False}

    assert mount_of(lab(kind, path, source)) == wanted


@pytest.mark.parametrize(
    ("source", "options", "device"),
    [
        ("nas:/export", "addr=nas", ":/export"),
        ("nas.example.net:/a/b c", "addr=nas.example.net", ":/a/b c"),
        ("[fd00::1]:/", "addr=fd00::1", ":/"),
    ],
)
def test_an_export_is_mounted_by_the_engine(source, options, device):
    cluster = lab("nfs", "/models", source)
    name = volume_name(cluster)
    driver = {"type": "nfs", "o": f"{options},rw,hard,nosuid,nodev,nfsvers=4", "device": device}
    create = DockerCall("volume", name, {"labels": OURS, "options": driver})

    step = Step("gpu01", f"create volume {name} of {source}", create, "+")
    assert Volume(cluster, "gpu01").plan(None) == Change("create the volume", (step,))


def test_another_export_is_another_volume_so_that_containers_are_made_anew():
    names = {volume_name(lab("nfs", "/models", source)) for source in ("a:/x", "a:/y", "b:/x")}

    assert len(names) == 3
    assert has_volume(lab("nfs", "/models", "a:/x"))


def test_the_machine_itself_mounts_nothing_for_its_container():
    cluster = lab("nfs", "/models", "nas:/export")

    assert [stage.after for stage in storage_stages(cluster)] == [(), "storage"]
    assert storage_gone(cluster) == ()


def test_copies_below_a_path_of_the_users_own_go_while_the_container_can_be_asked():
    gone = tuple(
        OwnStorageGone(name, "/scratch/clusterkit", "lab", needs_answer=False)
        for name in ("gpu01", "gpu02", "gpu03")
    )

    assert storage_gone(lab("sync", "/scratch")) == (Stage("storage", gone),)
