"""PyTorch's NCCL is what TensorRT finds, in the way that its version looks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.payloads.compiled_nccl import nccl_environment
from clusterkit.payloads.compiled_packages import installed, release

LIBRARY = Path("/site/nvidia/nccl/lib/libnccl.so.2")


def test_tensorrt_10_finds_it_under_its_own_name(tmp_path: Path) -> None:
    given = {"PATH": "/bin", "LD_LIBRARY_PATH": "/opt/lib:", "LD_PRELOAD": "/other.so"}

    env = nccl_environment(LIBRARY, "10.16.1", given, tmp_path / "nccl")

    assert env == {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": f"{tmp_path}/nccl:/site/nvidia/nccl/lib:/opt/lib",
        "LD_PRELOAD": "/site/nvidia/nccl/lib/libnccl.so.2 /other.so",
    }
    assert (tmp_path / "nccl" / "libnccl.so").readlink() == LIBRARY
    # The rank that began again finds nothing more to do.
    assert nccl_environment(LIBRARY, "10.16.1", env, tmp_path / "nccl") == env


def test_tensorrt_11_needs_the_folder_only(tmp_path: Path) -> None:
    env = nccl_environment(LIBRARY, "11.0.0", {"PATH": "/bin"}, tmp_path / "nccl")

    assert env == {"PATH": "/bin", "LD_LIBRARY_PATH": "/site/nvidia/nccl/lib"}
    assert nccl_environment(LIBRARY, "11.0.0", env, tmp_path / "nccl") == env
    assert not (tmp_path / "nccl").exists()


@pytest.mark.parametrize(
    ("version", "its"),
    [("2.12.0+cu130", (2, 12)), ("11.0", (11, 0)), ("2.14.0a0", (2, 14)), ("x", ()), (None, ())],
)
def test_release(version: str | None, its: tuple[int, ...]) -> None:
    assert release(version) == its


def test_what_is_installed_under_any_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "tensorrt_cu13-11.0.0.114.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tensorrt-cu13\nVersion: 11.0.0.114\n"
    )
    assert installed("tensorrt") is None

    monkeypatch.syspath_prepend(tmp_path)

    assert installed("tensorrt") == "11.0.0.114"
