"""What a look into a lab's container says: marks of faults, how each is made, and how undone.

A mark is the words of one line: ``out 10.0.0.12`` (what is sent there is dropped), ``in
10.0.0.12``, ``no-ssh``, ``rate 50mbit``, ``clock 120``, ``full disk``, ``full storage``,
``rank 1 S 4711`` (it runs), ``rank 1 T 4711`` (it is stopped).
"""

from __future__ import annotations

from collections.abc import Iterable

from clusterkit.command import Command
from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import STORAGE, Fault, offset, rate, seconds
from clusterkit.providers.docker.lab import scripts
from clusterkit.providers.docker.spec import disk_path
from clusterkit.providers.docker.sshd import sshd_folder

Mark = tuple[str, ...]

_FULL = ".full"
_WITHIN_S = 60.0
_STOPPED = "T"


def look(cluster: Cluster, node: str) -> Command:
    """Say all marks of one container."""
    address = str(cluster.node(node).address)
    # The storage is one for all: the head tells of it.
    storage = _file(cluster, STORAGE) if node == cluster.head.name else ""
    files = (_file(cluster, "disk"), storage)
    return _script(scripts.LOOK, f"{sshd_folder(cluster)}/environment.conf", address, *files)


def read(said: str) -> frozenset[Mark]:
    """The marks of a look; a rate as we write it."""
    lines = (tuple(line.split()) for line in said.splitlines() if line.strip())
    return frozenset(
        ("rate", rate(line[1]) or line[1]) if line[0] == "rate" else line for line in lines
    )


def wanted(cluster: Cluster, fault: Fault) -> tuple[Mark, ...]:
    """The marks that a fault leaves, but for faults of ranks."""
    match fault.kind:
        case "partition":
            peer = str(cluster.node(str(fault.peer)).address)
            return (("out", peer),) if fault.one_way else (("out", peer), ("in", peer))
        case "drop-ssh":
            return (("no-ssh",),)
        case "slow":
            return (("rate", str(fault.value)),)
        case "skew-clock":
            return (("clock", str(seconds(str(fault.value)))),)
        case _:
            return (("full", fault.value or "disk"),)


def faults(cluster: Cluster, node: str, marks: Iterable[Mark]) -> tuple[Fault, ...]:
    """The faults that marks tell of."""
    found = set(marks)
    names = {str(each.address): each.name for each in cluster.nodes}
    made: list[Fault] = []
    for mark in sorted(found):
        match mark:
            case ("out", address):
                one_way = ("in", address) not in found
                made.append(Fault("partition", node, names.get(address, address), None, one_way))
            case ("no-ssh",):
                made.append(Fault("drop-ssh", node))
            case ("rate", value):
                made.append(Fault("slow", node, value=value))
            case ("clock", value):
                made.append(Fault("skew-clock", node, value=offset(int(value))))
            case ("full", what):
                made.append(Fault("fill-disk", node, value=what if what == STORAGE else None))
            case ("rank", number, state, _) if state == _STOPPED:
                made.append(Fault("hang-rank", node, value=number))
            case _:
                pass  # a rank that runs
    return tuple(made)


def make(cluster: Cluster, node: str, mark: Mark) -> Command:
    """What leaves a mark."""
    match mark:
        case ("rate", value):
            return _script(scripts.SLOW, str(cluster.node(node).address), value)
        case ("clock", value):
            return _script(scripts.CLOCK, f"{sshd_folder(cluster)}/environment.conf", value)
        case ("full", what):
            file = _file(cluster, what)
            return _script(scripts.FILL, file.rpartition("/")[0], file)
        case _:
            return _firewall("-A", mark)


def undo(cluster: Cluster, node: str, mark: Mark) -> Command:
    """What takes a mark away."""
    match mark:
        case ("rate", _):
            return _script(scripts.SLOW, str(cluster.node(node).address), "")
        case ("clock", _):
            return _script(scripts.CLOCK, f"{sshd_folder(cluster)}/environment.conf", "")
        case ("full", what):
            return Command(("rm", "-f", "--", _file(cluster, what)), timeout_s=_WITHIN_S)
        case _:
            return _firewall("-D", mark)


def signal(rank: str, name: str, *, group: bool) -> Command:
    """Signal a rank that runs in the container, its program or all that this started."""
    return _script(scripts.SIGNAL, rank, name, "-" if group else "")


def _firewall(action: str, mark: Mark) -> Command:
    match mark:
        case ("out", address):
            rule: tuple[str, ...] = ("OUTPUT", "-d", address)
        case ("in", address):
            rule = ("INPUT", "-s", address)
        case _:
            rule = ("INPUT", "-p", "tcp", "--dport", "22")
    return Command(("iptables", "--wait", action, *rule, "-j", "DROP"), timeout_s=_WITHIN_S)


def _file(cluster: Cluster, what: str) -> str:
    folder = cluster.storage.path if what == STORAGE else disk_path(cluster)
    return f"{folder}/{_FULL}"


def _script(text: str, *values: str) -> Command:
    return Command(("sh", "-c", text, "sh", *values), timeout_s=_WITHIN_S)
