"""The patcher on sources of the stand-ins, on odd ones, and on files that others changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.fix_files import ORIGINAL

PAYLOADS = Path(__file__).parents[3] / "clusterkit/payloads"
STAND_INS = Path(__file__).parents[2] / "stand_ins/tensorrt_llm_package"
VERSIONS = ("0.6", "0.7", "0.9", "0.10", "0.16", "1.2")
MAPPING = "mapping.py"
RUNNER = "runtime/model_runner_cpp.py"


def fix(action: str, number: int = 0, *path: object, **env: str) -> dict[str, Any]:
    """What the payload answers, in a Python of its own."""
    argv = [sys.executable, PAYLOADS, "fix_gpus_per_node", action, number, *path]
    done = subprocess.run(
        [str(word) for word in argv], env=env, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def copy_of(version: str, folder: Path) -> Path:
    """A package of our own, as it is installed."""
    shutil.copytree(
        STAND_INS / version, folder, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True
    )
    return folder / "tensorrt_llm"


def content(package: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every file: its bytes, mode and time."""
    return {
        str(file.relative_to(package)): (
            file.read_bytes(),
            file.stat().st_mode,
            file.stat().st_mtime_ns,
        )
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def defaults(package: Path, number: str) -> str:
    """What a real Python takes for the default of the mapping, and of C++'s world."""
    program = f"""
from tensorrt_llm import Mapping, runtime
print(Mapping().gpus_per_node, end=" ")
try:
    from tensorrt_llm.bindings import WorldConfig
    import tensorrt_llm.runtime.model_runner_cpp as runner, inspect
    print("gpus_per_node={number}" in inspect.getsource(runner))
except ImportError:
    print(None)
"""
    path = os.pathsep.join([str(package.parent), str(STAND_INS / "machine")])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("version", VERSIONS)
def test_applied_twice_and_reverted_it_is_byte_for_byte_as_before(
    version: str, tmp_path: Path
) -> None:
    package = copy_of(version, tmp_path / "site")
    before = content(package)

    first = fix("apply", 2, package.parent)
    after = content(package)
    second = fix("apply", 2, package.parent)

    is_old = version in ("0.7", "0.9")
    patched_files = {MAPPING, RUNNER} if is_old else {MAPPING}
    assert first["changed"]
    assert "error" not in first
    assert {name for name in before if before[name] != after[name]} == patched_files
    assert after.keys() - before.keys() == {f"{name}{ORIGINAL}" for name in patched_files}
    assert all(before[name] == after[f"{name}{ORIGINAL}"] for name in patched_files)
    assert {name: after[name][1] for name in before} == {
        n: mode for n, (_, mode, _) in before.items()
    }
    assert defaults(package, "2") == f"2 {None if version == '0.6' else is_old}"
    assert second == {**first, "changed": False}
    assert content(package) == after

    reverted = fix("revert", 0, package.parent)

    assert reverted["changed"]
    assert content(package) == before
    assert defaults(package, "2") == f"8 {None if version == '0.6' else False}"
    assert not fix("revert", 0, package.parent)["changed"]


def test_it_tells_what_it_would_touch_and_touches_nothing(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    before = content(package)

    told = fix("status", 0, package)

    assert told == {
        "package": str(package),
        "version": "0.9.0",
        "files": [
            {
                "path": str(package / MAPPING),
                "state": "original",
                "lines": [7],
                "gpus_per_node": None,
            },
            {
                "path": str(package / RUNNER),
                "state": "original",
                "lines": [22],
                "gpus_per_node": None,
            },
        ],
        "changed": False,
    }
    assert content(package) == before


def test_the_package_that_python_would_import_is_found_without_importing_it(
    tmp_path: Path,
) -> None:
    package = copy_of("0.9", tmp_path / "site")
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")

    assert fix("status", PYTHONPATH=str(package.parent))["package"] == str(package)


def test_another_number_is_written_from_the_original(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    before = content(package)
    fix("apply", 2, package)

    assert fix("apply", 4, package)["changed"]

    assert "gpus_per_node=4" in (package / MAPPING).read_text()
    fix("revert", 0, package)
    assert content(package) == before


def test_what_was_changed_since_is_not_touched(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    fix("apply", 2, package)
    with (package / RUNNER).open("a") as file:
        file.write("# mine\n")
    before = content(package)

    answers = [fix(action, 4, package).get("error") for action in ("apply", "revert", "status")]

    kept = f"{package / RUNNER}{ORIGINAL}"
    refused = (
        f"{package / RUNNER} was changed since it was patched. Nothing was touched. Fix: remove "
        f"{kept} if the file is as you want it, or move it over the file"
    )
    assert answers == [refused, refused, None]
    assert content(package) == before
    states = [file["state"] for file in fix("status", 0, package)["files"]]
    assert states == ["patched", "changed"]


def test_a_new_installation_over_a_patch_is_recognised(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    fix("apply", 2, package)
    shutil.copy(STAND_INS / "0.10/tensorrt_llm/mapping.py", package / MAPPING)

    assert "was changed since it was patched" in fix("revert", 0, package)["error"]


def test_a_patch_without_its_original_is_recognised(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    fix("apply", 2, package)
    (package / f"{MAPPING}{ORIGINAL}").unlink()

    assert fix("revert", 0, package)["error"] == (
        f"{package / MAPPING} was changed since it was patched. Nothing was touched. Fix: install "
        "the package again: its original is not there any more"
    )


def test_a_source_without_the_default_is_refused_and_says_what_was_looked_for(
    tmp_path: Path,
) -> None:
    package = copy_of("0.9", tmp_path / "site")
    text = (package / MAPPING).read_text()
    (package / MAPPING).write_text(text.replace("gpus_per_node=8", "gpus_per_node=count()"))
    before = content(package)

    assert fix("apply", 2, package)["error"] == (
        f"{package / MAPPING} has not what was looked for: `gpus_per_node=8` in the constructor "
        "of a class `Mapping` or `MappingBase`. Nothing was touched. Fix: mend it by hand, or "
        "report this version"
    )
    assert content(package) == before


def test_an_apply_that_was_ended_half_way_is_finished_or_taken_back(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    before = content(package)
    os.link(package / MAPPING, package / f"{MAPPING}{ORIGINAL}")

    assert fix("revert", 0, package)["files"][0]["state"] == "original"
    assert content(package) == before

    os.link(package / MAPPING, package / f"{MAPPING}{ORIGINAL}")
    assert [file["state"] for file in fix("apply", 2, package)["files"]] == ["patched"] * 2
    fix("revert", 0, package)
    assert content(package) == before


def test_a_link_to_a_file_of_others_is_not_followed(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    shared = tmp_path / "shared.py"
    (package / MAPPING).rename(shared)
    (package / MAPPING).symlink_to(shared)

    assert fix("apply", 2, package)["error"].startswith(f"{package / MAPPING} is a symbolic link")


def test_a_second_name_of_the_file_stays_as_it_was(tmp_path: Path) -> None:
    package = copy_of("0.9", tmp_path / "site")
    (tmp_path / "cache.py").hardlink_to(package / MAPPING)  # as installers do from their caches
    before = (tmp_path / "cache.py").read_bytes()

    fix("apply", 2, package)

    assert (tmp_path / "cache.py").read_bytes() == before


def test_a_folder_that_is_no_package() -> None:
    assert fix("status", 0, "/absent")["error"] == (
        "/absent is no package tensorrt_llm: it has no mapping.py. Fix: correct PATH, or leave it "
        "out for the one that this node's Python imports"
    )
    assert fix("status")["error"] == (
        f"{sys.executable} has no tensorrt_llm. Fix: give its folder as PATH"
    )
