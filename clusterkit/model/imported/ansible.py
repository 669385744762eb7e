"""Ansible inventories: which variables hold for which host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from clusterkit.model.imported.ansible_access import found_host
from clusterkit.model.imported.ansible_ini import read_ini
from clusterkit.model.imported.ansible_tree import Tree, Variables
from clusterkit.model.imported.ansible_yaml import read_ansible_yaml, read_variables
from clusterkit.model.imported.found import Found, Remarks

VariableFiles = Callable[[str, str], Sequence[tuple[str, str]]]
"""Paths and texts of a folder (group_vars or host_vars) for one name."""

_SUFFIXES = (".yml", ".yaml", ".json")
_EVERY = ("all", "ungrouped")


def read_ansible(
    file: str, text: str, remarks: Remarks, files: VariableFiles | None = None
) -> Found:
    """Every host with the variables that hold for it, and every group.

    ``files`` gives what lies in group_vars and host_vars beside the inventory.
    """
    tree = (read_ansible_yaml if is_yaml(file, text) else read_ini)(file, text, remarks)
    for name in tree.circles():
        line = tree.groups[name].line
        remarks.mistake(line, f"group {name} is within itself", "take it out of its children")
    of_groups, of_hosts = (
        {name: _joined(files(folder, name), remarks) for name in names} if files else {}
        for folder, names in (("group_vars", ["all", *tree.groups]), ("host_vars", tree.hosts))
    )
    if remarks.mistakes:
        return Found(())
    hosts = [
        found_host(name, tree.hosts[name], variables, remarks)
        for name, variables in _effective(tree, of_groups, of_hosts).items()
    ]
    kept = [host for host in hosts if host is not None]
    names = {host.name for host in kept}
    groups = {
        group: tuple(name for name in tree.members(group) if name in names)
        for group in tree.groups
        if group not in _EVERY
    }
    for group, members in groups.items():
        if not members:
            remarks.note(tree.groups[group].line, f"group {group} is empty", "nothing")
    return Found(tuple(kept), {group: members for group, members in groups.items() if members})


def is_yaml(file: str, text: str) -> bool:
    """Whether an inventory is YAML; the INI form has sections or words behind a host."""
    if Path(file).suffix in _SUFFIXES:
        return True
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return first == "---" or first.startswith("{") or bool(re.fullmatch(r"[\w.-]+:", first))


def _joined(files: Sequence[tuple[str, str]], remarks: Remarks) -> Variables:
    joined: Variables = {}
    for path, text in files:
        joined |= read_variables(path, text, remarks)
    return joined


def _effective(
    tree: Tree, of_groups: Mapping[str, Variables], of_hosts: Mapping[str, Variables]
) -> dict[str, Variables]:
    """The variables of each host: files win over the inventory, inner groups over outer ones."""
    layers = tree.layers()
    members = {group: set(tree.members(group)) for group in layers}
    effective: dict[str, Variables] = {}
    for host in tree.hosts:
        around = [g for g in layers if g == "all" or host in members[g]]
        parts: chain[Variables] = chain(
            (tree.groups[group].variables for group in around),
            (of_groups.get(group, {}) for group in ["all", *(g for g in around if g != "all")]),
            (tree.variables[host], of_hosts.get(host, {})),
        )
        effective[host] = {}
        for part in parts:
            effective[host] |= part
    return effective


def files_beside(file: Path, read: Callable[[Path], str]) -> VariableFiles:
    """What lies beside an inventory, as Ansible looks for it: the first of NAME, NAME.yml, …."""

    def files(folder: str, name: str) -> list[tuple[str, str]]:
        if "/" in name or name.startswith("."):
            return []
        places = (file.parent / folder / f"{name}{suffix}" for suffix in ("", *_SUFFIXES))
        place = next((place for place in places if place.exists()), None)
        found = [] if place is None else _inside(place) if place.is_dir() else [place]
        return [(str(path), read(path)) for path in found]

    return files


def _inside(folder: Path) -> list[Path]:
    """The files of a folder and of those below it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    named = [path for path in found if path.suffix in ("", *_SUFFIXES)]
    return [path for path in named if not path.name.startswith(".")]
