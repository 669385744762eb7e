"""What the machines of a cluster told at the last contact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clusterkit.model.contact import Contact
from clusterkit.model.machine import Login
from clusterkit.state.files import write


def pins_file(folder: Path) -> Path:
    """The host keys of machines that were accepted at first contact."""
    return folder / "pinned_hosts"


def pinned_lines(folder: Path) -> set[str]:
    """The lines of that file: a host and its key; none where nothing was pinned."""
    try:
        return set(pins_file(folder).read_text().splitlines())
    except FileNotFoundError:
        return set()


def save_contacts(folder: Path, contacts: Mapping[str, Contact]) -> None:
    """Keep what does not change from one verb to the next."""
    rows = {node: asdict(contact) for node, contact in contacts.items()}
    write(folder / "contacts.json", json.dumps(rows, indent=2).encode())


def load_contacts(folder: Path) -> dict[str, Contact]:
    """What was kept, by node; nothing where there is nothing that this version can read."""
    try:
        rows = json.loads((folder / "contacts.json").read_bytes())
        return {node: contact_of(row) for node, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def contact_of(row: dict[str, Any]) -> Contact:
    """One contact, as JSON has it."""
    login = row["login"]
    return Contact(
        home=row["home"],
        uid=row["uid"],
        login=Login(login["user"], login["port"], tuple(login["host_keys"])),
        addresses=tuple(row["addresses"]),
        has_rdma=row["has_rdma"],
    )
