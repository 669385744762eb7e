"""Write a first inventory."""

from __future__ import annotations

import tempfile
from pathlib import Path

from clusterkit.errors import UsageError
from clusterkit.model.describe_options import InitOptions
from clusterkit.model.init import EDIT, first_inventory
from clusterkit.model.load import load_inventory
from clusterkit.results.init import InitResult


def inventory_text(options: InitOptions) -> str:
    """The text for what was asked, with a default for what was not.

    Raises:
        UsageError: If machines are asked for and none is named.
    """
    provider = options.provider or "local"
    if provider == "ssh" and not options.hosts:
        raise UsageError("no machines. Fix: name them with `--host`, once for each")
    return first_inventory(
        provider,
        cluster=options.cluster or "lab",
        nodes=options.nodes,
        slots=options.slots,
        gpus_per_node=options.gpus_per_node,
        subnet=options.subnet,
        build_context=folder_with("images/node.Dockerfile"),
        model=options.model,
        hosts=options.hosts,
    )


def folder_with(dockerfile: str) -> str | None:
    """The folder from which a Dockerfile of ours makes images, where clusterkit has one."""
    root = Path(__file__).parents[2]
    return str(root) if (root / dockerfile).is_file() else None


def write_inventory(file: Path, text: str, *, force: bool) -> InitResult:
    """Write ``text`` if it is a right inventory, and never over another file unasked."""
    check_target(file, force=force)
    inventory = load_inventory(file, text)
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".clusterkit-") as folder:
            draft = Path(folder) / file.name
            draft.write_bytes(text.encode())
            draft.replace(file)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{file} cannot be written: {why}. Fix: choose another file") from error
    return InitResult(
        path=str(file),
        cluster=inventory.cluster,
        provider=inventory.provider,
        edit="network.subnet" if EDIT in text else None,
        next=f"clusterkit up {file}",
    )


def check_target(file: Path, *, force: bool) -> None:
    """Refuse a place where no inventory can be written, or not without being asked."""
    if file.exists() and not force:
        raise UsageError(f"{file} exists. Fix: choose another file, or add `--force`")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is no folder. Fix: make it first, or choose another file")
