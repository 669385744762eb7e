"""The kernel's own counters, in the folders in which machines and containers have them."""

from __future__ import annotations

from pathlib import Path

from clusterkit.payloads.memory_kills import Memory, memory_now

V1_CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
V2_EVENTS = "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n"
NO_LIMIT = "9223372036854771712\n"


def files(root: Path, contents: dict[str, str]) -> str:
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


def test_v1_with_its_own_group(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        {
            "proc/self/cgroup": "5:devices:/a\n4:memory,hugetlb:/a/b\n0::/\n",
            "sys/fs/cgroup/memory/a/b/memory.oom_control": V1_CONTROL,
            "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": NO_LIMIT,
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1073741824\n",
            "sys/fs/cgroup/memory/memory.oom_control": "oom_kill 99\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT,
        },
    )
    assert memory_now(root) == Memory(3, 1 << 30)


def test_v1_in_a_container_where_the_name_is_that_outside(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/0a1b\n",
            "sys/fs/cgroup/memory/memory.oom_control": V1_CONTROL,
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
        },
    )
    assert memory_now(root) == Memory(3, 512 << 20)


def test_v2_with_limits_around_it(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/session-3.scope\n",
            "sys/fs/cgroup/user.slice/session-3.scope/memory.events": V2_EVENTS,
            "sys/fs/cgroup/user.slice/session-3.scope/memory.max": "4294967296\n",
            "sys/fs/cgroup/user.slice/memory.max": "2147483648\n",
        },
    )
    assert memory_now(root) == Memory(1, 2 << 30)


def test_v2_without_a_limit(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": V2_EVENTS},
    )
    assert memory_now(root) == Memory(1, None)


def test_a_kernel_that_does_not_count(tmp_path: Path) -> None:
    assert memory_now(files(tmp_path, {"proc/self/cgroup": "0::/x\n"})) == Memory(0, None)
