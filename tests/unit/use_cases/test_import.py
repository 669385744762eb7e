from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterkit.errors import FileMistakes, UsageError
from clusterkit.events import Event, Note
from clusterkit.model.import_options import ImportOptions
from clusterkit.model.load import load_inventory
from clusterkit.results.import_ import ImportResult
from clusterkit.use_cases.import_ import import_inventory

SLURM = "NodeName=GPU[01-02] Gres=gpu:4 NodeAddr=10.0.0.[11-12]\nPartitionName=p Nodes=GPU01\n"
WHOLE = """\
# Machines of nodes.conf, Slurm's nodes. Next: clusterkit up FILE

cluster: rack
provider: ssh
runtime: bare                   # or docker: one container on each machine
#ssh: {user: ubuntu, port: 22}  # how to log in; default: as your ~/.ssh/config says

defaults:
  gpus: 0-3                     # the ranks take them in turn

# The first node is the head, where mpirun starts.
nodes:
  gpu[01-02]: {host: "10.0.0.[11-12]", address: "10.0.0.[11-12]"}

# @NAME in every verb that takes nodes.
groups:
  p: gpu01

network:
  subnet: 10.0.0.0/24           # the network that the machines share

# Without this, each node has files of its own, and a copy of the model:
# storage: {kind: bind, path: /mnt/shared}      # a folder that every machine has mounted

engine:
  name: transformers
  model: smollm2-135m           # or hub/name, a Hugging Face folder, a GGUF file
  pp: 2                         # pipeline parallel: the layers over this many ranks
  tp: 1                         # tensor parallel: every layer over this many ranks
"""


def imported(file: Path | str, stdin: str = "", **options: Any) -> tuple[ImportResult, list[str]]:
    """The result, and the notes that were told."""
    told: list[Event] = []
    made = import_inventory(
        ImportOptions(file=Path(file), **options), stdin=stdin, sink=told.append
    )
    return made, [event.text for event in told if isinstance(event, Note)]


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_an_inventory_as_a_whole(tmp_path: Path):
    file = written(tmp_path, "nodes.conf", SLURM)

    made, notes = imported(file, cluster="rack")

    assert notes == [
        f"{file}:1: what cannot be a node's name: GPU[01-02] is gpu[01-02] here. "
        "Fix: choose other names in the inventory, if you like; `host` says where each is",
        f"{file}: the cluster's network is taken to be 10.0.0.0/24, where all addresses lie. "
        "Fix: if it is another, give `--subnet`",
    ]
    assert made == ImportResult(
        source="slurm",
        cluster="rack",
        nodes=("gpu01", "gpu02"),
        groups={"p": ("gpu01",)},
        notes=tuple(notes),
        path=None,
        inventory=WHOLE,
    )


def test_it_is_written_where_that_is_asked(tmp_path: Path):
    out = tmp_path / "lab.yaml"

    made, notes = imported("-", "a slots=2\nb slots=2\n", subnet="10.0.0.0/24", out=out)

    assert (made.path, notes) == (str(out), [])
    assert out.read_text() == made.inventory
    assert [*load_inventory(out).nodes] == ["a", "b"]
    with pytest.raises(UsageError, match=r"exists\. Fix: choose another file, or add `--force`"):
        imported("-", "a slots=2\n", out=out)
    assert out.read_text() == made.inventory
    imported("-", "c slots=2\n", out=out, force=True)
    assert [*load_inventory(out).nodes] == ["c"]


def test_only_some_nodes():
    text = "[gpu]\ngpu[1:3]\n[cpu]\ncpu1\n"
    for only, names in (
        ("@gpu", ("gpu1", "gpu2", "gpu3")),
        ("@all!gpu2", ("gpu1", "gpu3", "cpu1")),
        ("gpu[2-3]", ("gpu2", "gpu3")),
    ):
        assert imported("-", text, subnet="10.0.0.0/24", only=only)[0].nodes == names
    with pytest.raises(UsageError, match=r"no group is called `gqu`\. Fix: did you mean `gpu`"):
        imported("-", text, subnet="10.0.0.0/24", only="@gqu")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "a slots=1\nb slots=1\n",
            {},
            "stdin does not tell the network on which the machines talk. "
            "Fix: add `--subnet`, such as `--subnet 10.0.0.0/24`",
        ),
        ("[g]\n", {}, "stdin names no machine. Fix: check that it is the right file"),
        (
            "gpu[1-2]\n",
            {"only": "gpu3", "subnet": "10.0.0.0/24"},
            "no node is called `gpu3`. Fix: did you mean `gpu2`? The nodes are gpu[1-2]",
        ),
    ],
)
def test_what_cannot_be(text: str, options: dict[str, Any], message: str):
    with pytest.raises(UsageError) as caught:
        imported("-", text, **options)
    assert str(caught.value) == message


def test_mistakes_are_told_at_once_and_nothing_is_written(tmp_path: Path):
    file = written(tmp_path, "hosts", "a slots=x\nb c\n-d\n")

    with pytest.raises(FileMistakes) as caught:
        imported(file, out=tmp_path / "lab.yaml", source="hostfile")

    assert [problem.partition(": ")[0] for problem in caught.value.problems] == [
        f"{file}:1",
        f"{file}:2",
        f"{file}:3",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["hosts"]


def test_no_secret_is_told_or_written(tmp_path: Path):
    text = """\
a ansible_password=S3CRET ansible_become_password='S3CRET' api_key=S3CRET
b ansible_ssh_common_args='-o ProxyCommand="sshpass -p S3CRET ssh -W %h:%p gate"'
[all:vars]
ansible_ssh_pass=S3CRET
vault_key_passphrase = S3CRET
"""
    made, notes = imported(written(tmp_path, "hosts", text), subnet="10.0.0.0/24")

    assert "S3CRET" not in made.inventory + "".join(notes)
    named = "|".join(f"{note.partition(': ')[2].partition(' is a secret')[0]}" for note in notes)
    assert named.split("|")[:3] == ["ansible_password", "ansible_become_password", "api_key"]
    assert named.split("|")[-2:] == ["ansible_ssh_pass", "vault_key_passphrase"]


def test_addresses_outside_the_subnet_are_left_out():
    made, notes = imported("-", SLURM, subnet="192.168.0.0/16", only="gpu02")

    assert '  gpu02: {host: "10.0.0.12"}\n' in made.inventory
    assert notes[-1] == (
        "stdin:1: the addresses of gpu02 are left out: they are not in 192.168.0.0/16, or "
        "another's. Fix: nothing, if the machines have others there: those are found"
    )


def test_a_dry_run_writes_nothing(tmp_path: Path):
    options = ImportOptions(file=Path("-"), out=tmp_path / "lab.yaml")
    made = import_inventory(options, stdin="a slots=1\n", sink=lambda _: None, dry_run=True)
    assert (made.path, list(tmp_path.iterdir())) == (None, [])


def test_a_file_with_an_odd_name(tmp_path: Path):
    file = written(tmp_path, "x\nprovider: local\n", "a slots=1\n")
    made, _ = imported(file)
    assert made.inventory.startswith("# Machines of x\\nprovider: local\\n, a host file of MPI.")


HOSTS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True)
USERS = st.from_regex(r"[a-z$`'\"#&][a-z$`'\"#&:{}]{0,6}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(hosts=st.lists(st.tuples(HOSTS, USERS, st.integers(1, 9)), min_size=1, max_size=9))
def test_every_host_file_is_taken_and_reads_back(
    tmp_path: Path, hosts: list[tuple[str, str, int]]
):
    """Each machine is there once, with its user and all its slots, whatever it is called."""
    text = "".join(f"{host} slots={slots} user=u{user}\n" for host, user, slots in hosts)

    made, _ = imported("-", text.replace("#", "x"), source="hostfile", subnet="10.0.0.0/24")

    cluster = load_inventory(written(tmp_path, "made.yaml", made.inventory)).resolve(
        base=tmp_path, local_home=tmp_path, local_storage=tmp_path
    )
    slots: dict[str, int] = {}
    users: dict[str, str] = {}
    for host, user, count in hosts:
        slots[host] = slots.get(host, 0) + count
        users.setdefault(host, f"u{user}".replace("#", "x"))
    machines = {node.machine.host: node for node in cluster.nodes if node.machine}
    assert {host: node.slots for host, node in machines.items()} == slots
    assert {host: node.machine and node.machine.user for host, node in machines.items()} == users
    assert len(cluster.nodes) == len(slots)


@settings(deadline=None)
@given(
    kind=st.sampled_from(["hostfile", "ssh-config", "ansible", "slurm"]),
    text=st.one_of(
        st.text(max_size=60),
        st.text("ab[]01:-,= \n#'\"@{}%", max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "[g]",
                    "[g:vars]",
                    "[g:children]",
                    "a",
                    "Host a",
                    "Match all",
                    "Port 1",
                    "all:",
                    " hosts:",
                    "  a:",
                    "NodeName=a[1-2]",
                    "NodeName=DEFAULT",
                    "Gres=gpu",
                    "\\",
                    "g",
                    "a=1",
                    "ProxyJump a",
                    "NODELIST",
                    "b 1 x",
                    "Include *",
                    "User",
                ]
            ),
            max_size=8,
        ).map("\n".join),
    ),
)
def test_no_text_is_a_fault(kind: str, text: str):
    """Whatever a file holds: an inventory that loads, or mistakes in words."""
    with contextlib.suppress(UsageError):
        assert imported("-", text, source=kind, subnet="10.0.0.0/24")[0].nodes
