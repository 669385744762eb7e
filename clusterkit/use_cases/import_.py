"""Make an inventory of machines from a list that another program has of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clusterkit.errors import UsageError
from clusterkit.events import Note, Sink
from clusterkit.model.import_options import Format, ImportOptions
from clusterkit.model.imported.ansible import files_beside, read_ansible
from clusterkit.model.imported.formats import TITLES, detect
from clusterkit.model.imported.found import Found, Remarks
from clusterkit.model.imported.hostfile import read_hostfile
from clusterkit.model.imported.nodes import Nodes, as_nodes, guessed_subnet, with_subnet
from clusterkit.model.imported.slurm import read_slurm
from clusterkit.model.imported.ssh_config import read_ssh_config
from clusterkit.model.load import load_inventory
from clusterkit.model.node_sets import choose
from clusterkit.model.source import read_text
from clusterkit.model.ssh_inventory import ssh_inventory
from clusterkit.results.import_ import ImportResult
from clusterkit.transports.ssh_config import look_up
from clusterkit.use_cases.init import write_inventory

STDIN = Path("-")


def import_inventory(
    options: ImportOptions, *, stdin: str, sink: Sink, dry_run: bool = False
) -> ImportResult:
    """Read a list of machines, and make an inventory of it; it is written where that is asked.

    A dry run writes nothing. ``stdin`` is read where the file is ``-``; ``sink`` is told what
    cannot be taken over.

    Raises:
        FileMistakes: With every mistake in the file.
        UsageError: If the file is none that is known, or does not tell the cluster's network.
    """
    file = "stdin" if options.file == STDIN else str(options.file)
    text = stdin if options.file == STDIN else read_text(options.file)
    kind, remarks = options.source or detect(file, text), Remarks()
    found = _read(kind, file, text, options.file, remarks)
    remarks.check()
    nodes = as_nodes(found, remarks)
    remarks.check()
    nodes = _chosen(nodes, options.only, file)
    subnet = options.subnet or guessed_subnet(nodes)
    if subnet:
        nodes = with_subnet(nodes, subnet, remarks)
    notes = [*remarks.texts(), *_subnet_notes(options.subnet, subnet, file, nodes)]
    for note in notes:
        sink(Note(note))
    if subnet is None and len(nodes.nodes) > 1:
        raise UsageError(
            f"{file} does not tell the network on which the machines talk. "
            "Fix: add `--subnet`, such as `--subnet 10.0.0.0/24`"
        )
    cluster = options.cluster or "lab"
    made = _inventory(nodes, cluster, subnet, kind, file)
    return ImportResult(
        source=kind,
        cluster=cluster,
        nodes=tuple(node.name for node in nodes.nodes),
        groups=dict(nodes.groups),
        notes=tuple(notes),
        path=None if dry_run else _written(made, options),
        inventory=made,
    )


def _read(kind: Format, file: str, text: str, path: Path, remarks: Remarks) -> Found:
    match kind:
        case "hostfile":
            return read_hostfile(file, text, remarks)
        case "ssh-config":
            included = None if path == STDIN else read_text
            return read_ssh_config(file, text, remarks, look_up, included)
        case "slurm":
            return read_slurm(file, text, remarks, None if path == STDIN else _beside(path))
        case "ansible":
            files = None if path == STDIN else files_beside(path, read_text)
            return read_ansible(file, text, remarks, files)


def _chosen(nodes: Nodes, only: str | None, file: str) -> Nodes:
    if not nodes.nodes:
        raise UsageError(f"{file} names no machine. Fix: check that it is the right file")
    if only is None:
        return nodes
    names = [node.name for node in nodes.nodes]
    return nodes.only(choose(only, names, nodes.groups))


def _subnet_notes(given: str | None, subnet: str | None, file: str, nodes: Nodes) -> list[str]:
    if given or subnet is None or len(nodes.nodes) < 2:
        return []
    what = f"the cluster's network is taken to be {subnet}, where all addresses lie"
    return [f"{file}: {what}. Fix: if it is another, give `--subnet`"]


def _inventory(nodes: Nodes, cluster: str, subnet: str | None, kind: Format, file: str) -> str:
    """The text, which is read once to see that it is right."""
    name = ascii(Path(file).name)[1:-1]
    text = ssh_inventory(
        nodes.nodes,
        cluster=cluster,
        subnet=subnet,
        head=[f"Machines of {name}, {TITLES[kind]}. Next: clusterkit up FILE"],
        groups=nodes.groups,
    )
    load_inventory(Path("inventory.yaml"), text)
    return text


def _written(text: str, options: ImportOptions) -> str | None:
    if options.out is None:
        return None
    return write_inventory(options.out, text, force=options.force).path


def _beside(path: Path) -> Callable[[str], str]:
    """Read the files that ``path`` names, as seen from its folder."""
    return lambda name: read_text(path.parent / name)
