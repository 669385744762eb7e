"""How each fault is made, and undone; what a lab has of its own is made by `lab fault`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.case import Breaks
from tests.faults.room import Room, Running

_SSHD = """
for each in /proc/[0-9]*; do
    case "$(readlink "$each/exe")" in */sshd) kill -s "$1" "${each#/proc/}" ;; esac
done
"""
_KILL = """
import os, signal, sys, time
word, until = sys.argv[1].encode(), time.monotonic() + 30
while time.monotonic() < until:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open("/proc/" + pid + "/cmdline", "rb").read().replace(b"\\0", b" ")
            if word in words and int(pid) != os.getpid():
                os.kill(int(pid), signal.SIGKILL)
                sys.exit()
        except OSError:
            continue
sys.exit("it never ran")
"""
_NEW_KEY = """
rm "$1/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$1/host_key"
for each in /proc/[0-9]*; do
    case "$(readlink "$each/exe") $(sed -n 's/^PPid:[^0-9]*//p' "$each/status")" in
        */sshd\\ 1) kill -HUP "${each#/proc/}" ;;
    esac
done
"""


def lab(*words: str, one_way: bool = False) -> Breaks:
    """A fault that `lab fault` makes and `lab heal` undoes."""

    @contextlib.contextmanager
    def broken(room: Room) -> Iterator[None]:
        room.fault(*words, one_way=one_way)
        try:
            yield
        finally:
            room.heal()

    return broken


def signalled(*numbers: int) -> Breaks:
    """The verb itself is signalled, again 0.3 s later."""

    @contextlib.contextmanager
    def broken(room: Room) -> Iterator[None]:
        assert room.verb is not None
        room.fault_at = time.monotonic()
        for again, number in enumerate(numbers):
            if again:
                time.sleep(0.3)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(room.verb.process.pid, number)
        yield

    return broken


def held(inner: Breaks) -> Breaks:
    """The verb stands still while the fault is made, so that it does not come too late."""

    @contextlib.contextmanager
    def broken(room: Room) -> Iterator[None]:
        assert room.verb is not None
        group = room.verb.process.pid
        os.killpg(group, signal.SIGSTOP)
        try:
            with inner(room):
                room.fault_at = time.monotonic()
                os.killpg(group, signal.SIGCONT)
                yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    return broken


@contextlib.contextmanager
def nothing(room: Room) -> Iterator[None]:
    """No fault."""
    yield


@contextlib.contextmanager
def little_memory(room: Room) -> Iterator[None]:
    """The second node has less memory than a rank takes."""
    box = room.container("node2")
    box.update(mem_limit="300m", memswap_limit="300m")
    try:
        yield
    finally:
        box.update(mem_limit="60g", memswap_limit="60g")


def no_sshd(node: str) -> Breaks:
    """Every sshd of a node is killed: the one that listens, and those of logins."""

    @contextlib.contextmanager
    def broken(room: Room) -> Iterator[None]:
        box = room.container(node)
        room.fault_at = time.monotonic()
        box.exec_run(["sh", "-c", _SSHD, "sh", "KILL"])
        try:
            yield
        finally:
            room.heal()

    return broken


def killed_inside(node: str, word: str) -> Breaks:
    """What runs on a node with a word in its command line is killed, as soon as it does."""

    @contextlib.contextmanager
    def broken(room: Room) -> Iterator[None]:
        room.inside(node, "python3", "-c", _KILL, word)
        room.fault_at = time.monotonic()
        yield

    return broken


@contextlib.contextmanager
def other_host_key(room: Room) -> Iterator[None]:
    """The second node has a host key that nobody knows."""
    folder = f"/var/lib/clusterkit/{room.name}/sshd"
    key = room.inside("node2", "cat", f"{folder}/host_key")
    room.inside("node2", "sh", "-c", _NEW_KEY, "sh", folder)
    try:
        yield
    finally:
        put_back = 'umask 077; printf "%s" "$2" >"$1/host_key"'
        room.inside("node2", "sh", "-c", put_back, "sh", folder, key)
        room.inside("node2", "sh", "-c", _SSHD, "sh", "HUP")


@contextlib.contextmanager
def no_controllers_network(room: Room) -> Iterator[None]:
    """Nothing goes between this machine and the nodes; they still reach each other."""
    gateway = str(room.session.cluster.subnet).replace(".0/24", ".1")
    rules = (("INPUT", "-s"), ("OUTPUT", "-d"))
    nodes = [f"node{number}" for number in range(1, room.nodes + 1)]
    room.fault_at = time.monotonic()
    for node in nodes:
        for chain, way in rules:
            room.inside(node, "iptables", "-A", chain, way, gateway, "-j", "DROP")
    try:
        yield
    finally:
        for node in nodes:
            for chain, way in rules:
                room.inside(node, "iptables", "-D", chain, way, gateway, "-j", "DROP")


@contextlib.contextmanager
def restarted_engine(room: Room) -> Iterator[None]:
    """The Docker daemon ends and starts again; no container runs afterwards."""
    assert room.own is not None
    room.fault_at = time.monotonic()
    room.own.stop()
    room.own.start()
    try:
        yield
    finally:
        room.heal()


@contextlib.contextmanager
def stopped_engine(room: Room) -> Iterator[None]:
    """The Docker daemon does not run."""
    assert room.own is not None
    room.own.stop()
    try:
        yield
    finally:
        room.own.start()
        room.heal()


@contextlib.contextmanager
def read_only_storage(room: Room) -> Iterator[None]:
    """No node may write on the storage."""
    _remount(room, "ro")
    try:
        yield
    finally:
        _remount(room, "rw")


def _remount(room: Room, mode: str) -> None:
    for number in range(1, room.nodes + 1):
        pid = str(room.container(f"node{number}").attrs["State"]["Pid"])
        argv = ["nsenter", "-t", pid, "-m", "mount", "-o", f"remount,{mode},bind", "/shared"]
        subprocess.run(argv, check=True, capture_output=True)


def damaged(name: str) -> Breaks:
    """A file of the state has only its first bytes."""

    @contextlib.contextmanager
    def broken(room: Room) -> Iterator[None]:
        file = room.state / name
        whole = file.read_bytes()
        file.write_bytes(whole[:20])
        try:
            yield
        finally:
            if file.exists() and file.read_bytes() == whole[:20]:
                file.write_bytes(whole)

    return broken


@contextlib.contextmanager
def half_an_engine(room: Room) -> Iterator[None]:
    """The weights of the engine end in the middle."""
    find = 'find /shared/clusterkit/models -path "*/small-*" -name "*.safetensors" | head -n 1'
    file = room.inside("node1", "sh", "-c", find).strip()
    room.inside("node1", "truncate", "--size", "1000000", file)
    yield


@contextlib.contextmanager
def another_up(room: Room) -> Iterator[None]:
    """An `up` from another state folder that has only just begun."""
    with _up_that_stopped(room, room.folder / "another operator's") as process:
        try:
            yield
        finally:
            os.killpg(process.process.pid, signal.SIGCONT)
            process.end(60)


@contextlib.contextmanager
def killed_up(room: Room) -> Iterator[None]:
    """An `up` that was killed, and has left its lock."""
    with _up_that_stopped(room, room.controller.home) as process:
        os.killpg(process.process.pid, signal.SIGKILL)
        process.end(10)
        yield


@contextlib.contextmanager
def _up_that_stopped(room: Room, home: Path) -> Iterator[Running]:
    room.container("node3").remove(force=True)
    given, room.controller.home = room.controller.home, home
    inventory = room.folder / "lab.yaml"
    inventory.write_bytes((given / "clusters" / room.name / "lab.yaml").read_bytes())
    try:
        process = room.start("up", inventory, "--yes")
    finally:
        room.controller.home = given
    if not process.until(lambda text: "create container" in text, 30):
        raise RuntimeError(f"`up` did not begin: {process.text}")
    os.killpg(process.process.pid, signal.SIGSTOP)
    yield process
