"""The operating system, the user, and how much of everything there is."""

from __future__ import annotations

import glob
import os
import pwd
import re
import resource
import sys
from typing import Any

from clusterkit.payloads.machine.reading import find, free_space, run, search_path, text, whole

_REFUSED = "not in the sudoers|may not run sudo|not allowed|no new privileges"
_LIMITED = (  # the folder, the limit and the use of a container's memory: cgroup v2, v1
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def system() -> dict[str, Any]:
    """The operating system and its kernel."""
    rows = dict(re.findall(r"^(\w+)=[\"']?(.*?)[\"']?$", text("/etc/os-release"), re.MULTILINE))
    now = os.uname()
    return {
        "os_name": rows.get("PRETTY_NAME"),
        "os_id": rows.get("ID"),
        "os_id_like": rows.get("ID_LIKE", "").split(),
        "os_version_id": rows.get("VERSION_ID"),
        "kernel": now.release,
        "architecture": now.machine,
    }


def user() -> dict[str, Any]:
    """Who this is; a user id that no file knows has a number only."""
    connection = os.environ.get("SSH_CONNECTION", "").split()  # client, its port, server, its port
    return {
        "user": user_name(),
        "uid": os.getuid(),
        "home": os.path.expanduser("~"),
        "reached_at": connection[2] if len(connection) == 4 else None,
    }


def user_name() -> str | None:
    """The user's name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return os.environ.get("USER")


def sudo() -> dict[str, Any]:
    """What asking for root takes, without asking anybody for a password."""
    if os.getuid() == 0:
        return {"sudo": "passwordless"}
    program = find("sudo", search_path())
    if program is None:
        return {"sudo": "none"}
    code, _, said = run([program, "-n", "true"])
    if code == 0:
        return {"sudo": "passwordless"}
    return {"sudo": "none" if re.search(_REFUSED, said) else "password"}


def capacity() -> dict[str, Any]:
    """Cores and memory; where the machine is a container, its limit is what there is."""
    rows = dict(re.findall(r"^(\w+): +(\d+) kB$", text("/proc/meminfo"), re.MULTILINE))
    total, available = (int(rows[name]) * 1024 for name in ("MemTotal", "MemAvailable"))
    for folder, limit, used in _LIMITED:
        most, now = whole(text(folder, limit)), whole(text(folder, used))
        if most is not None and now is not None:
            total, available = min(total, most), min(available, max(0, most - now))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": total,
        "memory_available_bytes": available,
    }


def disks() -> dict[str, Any]:
    """The file systems that jobs fill, and how large /dev/shm is."""
    shm = free_space("/dev/shm")  # noqa: S108 - only looked at
    return {
        "disks": [*free_space(os.path.expanduser("~")), *free_space("/tmp")],  # noqa: S108
        "shm_bytes": shm[0]["total_bytes"] if shm else None,
    }


def limits() -> dict[str, Any]:
    """The soft limits with which programs begin."""
    kinds = {
        "memlock_bytes": resource.RLIMIT_MEMLOCK,
        "stack_bytes": resource.RLIMIT_STACK,
        "open_files": resource.RLIMIT_NOFILE,
    }
    soft = {name: resource.getrlimit(kind)[0] for name, kind in kinds.items()}
    return {name: None if n == resource.RLIM_INFINITY else n for name, n in soft.items()}


def gpus_on_bus(root: str = "/") -> dict[str, Any]:
    """How many GPUs of NVIDIA the PCI bus shows, driver or not."""
    found = [
        device
        for device in glob.glob(os.path.join(root, "sys/bus/pci/devices/*"))
        if text(device, "vendor") == "0x10de" and text(device, "class")[:6] in ("0x0300", "0x0302")
    ]
    return {"gpus_on_bus": len(found)}


def interpreter() -> dict[str, Any]:
    """The Python that answers."""
    return {"python": sys.executable, "python_version": ".".join(map(str, sys.version_info[:3]))}


def kind_of(path: str) -> str:
    """What a path is; a bare name is a program on PATH."""
    where = os.path.expanduser(path) if "/" in path else find(path, search_path()) or path
    if os.path.isdir(where):
        return "folder"
    if not os.path.exists(where):
        return "absent"
    return "program" if os.access(where, os.X_OK) else "file"
