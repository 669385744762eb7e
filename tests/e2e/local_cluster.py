"""A cluster on this machine: no root, no Docker."""

from __future__ import annotations

from pathlib import Path


def describe_local(folder: Path, name: str) -> Path:
    """Write the inventory of one node with two slots; its models lie in ``folder`` as well."""
    file = folder / "local.yaml"
    file.write_text(
        f"cluster: {name}\nprovider: local\nnodes: {{localhost: {{slots: 2}}}}\n"
        f"storage: {{kind: local, path: {folder / 'models'}}}\n"
    )
    return file
