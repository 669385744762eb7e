"""Containers with sshd that can run jobs: what `clusterkit up` makes of them, and no more."""

from __future__ import annotations

import io
import secrets
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from clusterkit.command import Command
from clusterkit.jobs import Job, JobNode, new_job_id
from clusterkit.jobs.job import RANK_ARGV, RSH
from clusterkit.launchers.mpirun import Mpirun
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.tasks.payload import archive, payload_folder
from clusterkit.transports.ssh import SshAddress, SshTransport

HOME = "/var/lib/clusterkit/test"
PREFIX = "/opt/clusterkit"

_SSHD = """\
HostKey {home}/host_key
AuthorizedKeysFile {home}/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxSessions 100
"""
_CLIENT = """\
Host *
  IdentityFile {home}/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile {home}/ssh/known_hosts
  StrictHostKeyChecking yes
  KexAlgorithms curve25519-sha256
"""


@dataclass
class JobCluster:
    """Nodes node1, node2, …: containers ``<prefix>-node1`` on a network of their own."""

    prefix: str
    subnet: str
    keys: Path
    version: str = "5.0.11"
    mpi: str = PREFIX
    addresses: dict[str, str] = field(default_factory=dict)
    opened: dict[str, SshTransport] = field(default_factory=dict)

    def transport(self, node: str) -> SshTransport:
        """The way to a node, as the controller goes it."""
        if node not in self.opened:
            self.opened[node] = self.new_transport(node)
        return self.opened[node]

    def new_transport(self, node: str) -> SshTransport:
        address = SshAddress(
            self.addresses[node],
            user="root",
            key_file=self.keys / "operator",
            known_hosts=self.keys / "known_hosts",
            connect_timeout_s=4,
        )
        return SshTransport(node, address)

    def container(self, node: str) -> str:
        return f"{self.prefix}-{node}"

    def nodes(self) -> tuple[JobNode, ...]:
        payloads = payload_folder(HOME)
        return tuple(
            JobNode(name, address, f"{self.mpi}/bin/python", payloads, HOME)
            for name, address in self.addresses.items()
        )

    def job(
        self,
        *argv: str,
        ranks_a_node: int = 2,
        env: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        timeout_s: float | None = None,
        stall_timeout_s: float | None = None,
        subnet: str | None = None,
    ) -> Job:
        """A job with ranks on every node."""
        nodes = self.nodes()
        places = [(node.name, local) for node in nodes for local in range(ranks_a_node)]
        placement = Placement(tuple(Rank(i, *place) for i, place in enumerate(places)))
        mpirun = Mpirun(
            f"{self.mpi}/bin/mpirun", self.version, subnet or self.subnet, True, self.mpi
        )
        return Job(
            id=new_job_id("test", time.time(), secrets.token_bytes(8)),
            verb="test",
            cluster="test",
            nodes=nodes,
            placement=placement,
            program=RankProgram(argv, env or {}, files or {}),
            launch=mpirun.command(placement, RANK_ARGV, rsh=RSH),
            subnet=self.subnet,
            ssh_config=f"{HOME}/ssh/config",
            timeout_s=timeout_s,
            stall_timeout_s=stall_timeout_s,
        )

    def hello(self) -> Job:
        """Every rank says where it is."""
        return self.job(f"{self.mpi}/bin/python", f"{payload_folder(HOME)}", "mpi_hello")

    def inside(self, node: str, *argv: str) -> str:
        """What a program prints on a node, whatever became of the network."""
        return docker("exec", self.container(node), *argv)

    def left_of(self, job: str) -> list[str]:
        """The processes of a job on all nodes, looked up through the engine."""
        mark = f"CLUSTERKIT_JOB={job}"
        script = (
            'for p in /proc/[0-9]*; do tr "\\0" "\\n" <$p/environ 2>/dev/null | grep -qxF "$1" '
            '&& tr "\\0" " " <$p/cmdline && echo; done; true'
        )
        return [
            f"{node}: {line}"
            for node in self.addresses
            for line in self.inside(node, "sh", "-c", script, "sh", mark).splitlines()
            if line.strip()
        ]

    def kill(self, node: str, job: str, word: str, number: str = "KILL") -> None:
        """Signal the first process of a job on a node whose command line has ``word``."""
        script = (
            'for p in $(ls /proc | grep "^[0-9]" | sort -n); do tr "\\0" "\\n" '
            '<"/proc/$p/environ" 2>/dev/null | grep -qxF "$1" && tr "\\0" " " <"/proc/$p/cmdline" '
            '| grep -qF -e "$2" && exec kill "-$3" "$p"; done; exit 1'
        )
        self.inside(node, "sh", "-c", script, "sh", f"CLUSTERKIT_JOB={job}", word, number)

    def cut(self, node: str) -> None:
        """Take a node off the network."""
        docker("network", "disconnect", self.prefix, self.container(node))

    def mend(self, node: str) -> None:
        """Put it back, at its address."""
        address = self.addresses[node]
        docker("network", "connect", "--ip", address, self.prefix, self.container(node))

    def close(self) -> None:
        for transport in self.opened.values():
            transport.close()


@contextmanager
def job_cluster(image: str, subnet: str, size: int, keys: Path) -> Iterator[JobCluster]:
    """A cluster of ``size`` containers, removed at the end."""
    prefix = f"ckjob-{secrets.token_hex(4)}"
    cluster = JobCluster(prefix, subnet, keys)
    hosts = list(ip_network(subnet).hosts())
    for index in range(size):
        cluster.addresses[f"node{index + 1}"] = str(hosts[index + 9])
    try:
        docker("network", "create", "--subnet", subnet, prefix)
        _make_keys(cluster)
        for node in cluster.addresses:
            _start_node(cluster, node, image)
        _wait_for_sshd(cluster)
        yield cluster
    finally:
        cluster.close()
        subprocess.run(
            ["docker", "rm", "-f", *(cluster.container(node) for node in cluster.addresses)],
            check=False,
            capture_output=True,
        )
        docker("network", "rm", prefix)


def docker(*words: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True)
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout.decode()


def _make_keys(cluster: JobCluster) -> None:
    lines = []
    for name in ("operator", "head", *cluster.addresses):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]
        subprocess.run([*words, str(cluster.keys / name)], check=True)
    for node, address in cluster.addresses.items():
        key = (cluster.keys / f"{node}.pub").read_text().rsplit(" ", 1)[0]
        lines.append(f"{node},{address} {key}\n")
    (cluster.keys / "known_hosts").write_text("".join(lines))


def _start_node(cluster: JobCluster, node: str, image: str) -> None:
    name = cluster.container(node)
    script = f"mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f {HOME}/sshd_config"
    words = ["--network", cluster.prefix, "--ip", cluster.addresses[node], "--hostname", node]
    for other, address in cluster.addresses.items():
        words += ["--add-host", f"{other}:{address}"]
    docker("create", "--name", name, "--shm-size", "256m", *words, image, "sh", "-c", script)
    docker("cp", "-", f"{name}:/", stdin=_files(cluster, node))
    docker("start", name)


def _files(cluster: JobCluster, node: str) -> bytes:
    """What a node has in its folder; the head's private key lies on the head only."""
    keys = cluster.keys
    public = [(keys / f"{name}.pub").read_bytes() for name in ("operator", "head")]
    files = {
        "host_key": (keys / node).read_bytes(),
        "authorized_keys": b"".join(public),
        "sshd_config": _SSHD.format(home=HOME).encode(),
        "ssh/config": _CLIENT.format(home=HOME).encode(),
        "ssh/known_hosts": (keys / "known_hosts").read_bytes(),
    }
    if node == "node1":
        files["ssh/id_ed25519"] = (keys / "head").read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            _add(tar, f"{HOME}/{name}", content)
        with tarfile.open(fileobj=io.BytesIO(archive())) as payloads:
            for member in payloads:
                file = payloads.extractfile(member)
                assert file is not None
                _add(tar, f"{payload_folder(HOME)}/{member.name}", file.read())
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _wait_for_sshd(cluster: JobCluster) -> None:
    deadline = time.monotonic() + 30
    for node in cluster.addresses:
        while True:
            try:
                cluster.transport(node).run(Command(("true",))).check()
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
