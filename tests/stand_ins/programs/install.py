"""Lay the programs of one version into a file system, where the vendor's images have them.

    python -m tests.stand_ins.programs.install VERSION PYTHON SITE_PACKAGES [ROOT]

Scripts get PYTHON in their first line. SITE_PACKAGES gets the package ``tensorrt_llm`` with the
files that tell its version, and those of ``tensorrt`` and ``torch`` that it goes with.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.stand_ins.programs.versions import VERSIONS, programs, release

PACKAGE = Path(__file__).parents[1] / "tensorrt_llm_package"
HERE = "tests.stand_ins.programs"
_TENSORRT = {(0, 6): "9.2.0", (0, 8): "9.2.0", (0, 10): "10.0.1", (0, 12): "10.3.0",
             (0, 16): "10.7.0", (1, 0): "10.11.0", (2, 0): "10.13.0"}  # fmt: skip


def main() -> None:
    """Install what the command line says."""
    version, python, site = sys.argv[1:4]
    if version not in VERSIONS:
        sys.exit(f"{version} is none of {', '.join(VERSIONS)}")
    install(version, python, Path(site), Path(sys.argv[4] if sys.argv[4:] else "/"))


def install(version: str, python: str, site_packages: Path, root: Path) -> None:
    """Everything of one version."""
    examples = root / "app/tensorrt_llm/examples"
    binaries = root / "usr/local/bin"
    for program in programs(version):
        if program.startswith("examples/"):
            module, argument = _module_of(program), repr(program)
            path = examples / program.removeprefix("examples/")
            _script(path, python, f"from {HERE}.{module} import main\nmain({argument})\n")
    own = {"trtllm-build": "trtllm_build", "trtllm-serve": "serve"}
    found = {name: module for name, module in own.items() if name in programs(version)}
    if "trtllm-serve" in found:
        found["trtllm-llmapi-launch"] = "llmapi_launch"
    for name, module in {**found, "nvidia-smi": "nvidia_smi"}.items():
        _script(binaries / name, python, f"from {HERE}.{module} import main\nmain()\n")
    if release(version) <= (0, 8, 99):
        path = examples / "gpt/hf_gpt_convert.py"
        _script(path, python, f"from {HERE}.hf_gpt_convert import main\nmain()\n")
    if release(version) < (0, 8):
        path = examples / "llama/quantize.py"
        _script(path, python, f"from {HERE}.quantize_0_7 import main\nmain()\n")
    _packages(version, site_packages)


def _module_of(program: str) -> str:
    """Which stand-in a program of the examples is."""
    name = program.rpartition("/")[2]
    return {"build.py": "build_py", "run.py": "run_py"}.get(name, "checkpoint")


def _script(path: Path, python: str, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{python}\n{body}")
    path.chmod(0o755)


def _packages(version: str, site_packages: Path) -> None:
    families = {(0, 6): "0.6", (0, 7): "0.7", (0, 9): "0.9", (0, 10): "0.10", (0, 19): "0.16"}
    family = next((told for to, told in families.items() if release(version)[:2] <= to), "1.2")
    for folder in (family, "machine"):
        shutil.copytree(PACKAGE / folder, site_packages, dirs_exist_ok=True)
    tensorrt = next(told for below, told in _TENSORRT.items() if release(version)[:2] <= below)
    for name, told in (("tensorrt_llm", version), ("tensorrt", tensorrt)):
        folder = site_packages / f"{name}-{told}.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {told}\n")


if __name__ == "__main__":
    main()
