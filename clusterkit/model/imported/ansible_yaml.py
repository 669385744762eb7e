"""Ansible inventories in their YAML form, and files of variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from clusterkit.model.imported.ansible_tree import (
    NotARange,
    Tree,
    Variable,
    Variables,
    expand_hosts,
)
from clusterkit.model.imported.found import Line, Remarks
from clusterkit.model.mistakes import Place, shown
from clusterkit.model.source import Source, read_yaml

_KEYS = ("hosts", "vars", "children")
_TAG = re.compile(r"(^|[\s:-])!(?:vault|unsafe|vault-encrypted)(?=\s)", re.MULTILINE)


def read_ansible_yaml(file: str, text: str, remarks: Remarks) -> Tree:
    """Every host, group and variable; mistakes are put into ``remarks``.

    Raises:
        FileMistakes: If it is no YAML at all.
    """
    source, tree = _source(file, text, remarks), Tree()
    if not isinstance(source.value, dict):
        what = f"an inventory is a mapping of groups, not {shown(source.value)}"
        remarks.mistake(Line(file, 1), what, "write `all: {hosts: {…}}`")
        return tree
    if "plugin" in source.value:
        what = "this is the configuration of an inventory plug-in, and names no hosts itself"
        fix = "let Ansible ask it: `ansible-inventory -i FILE --list --yaml | clusterkit import "
        line = Line(file, source.line(("plugin",)))
        remarks.mistake(line, what, fix + "--from ansible -`")
        return tree
    reader = _Reader(file, source, tree, remarks)
    for name, value in source.value.items():
        reader.group(name, value, (name,))
    return tree


def read_variables(file: str, text: str, remarks: Remarks) -> Variables:
    """The variables of a file of group_vars or host_vars."""
    if text.startswith("$ANSIBLE_VAULT"):
        what, fix = "the file is encrypted, and left out", "write what you need by hand"
        remarks.note(Line(file, 1), what, fix)
        return {}
    source = _source(file, text, remarks)
    if source.value is None:
        return {}
    if not isinstance(source.value, dict):
        what = f"variables are a mapping, not {shown(source.value)}"
        remarks.mistake(Line(file, 1), what, "write `name: value`")
        return {}
    return {
        key: Variable(value, Line(file, source.line((key,))))
        for key, value in source.value.items()
    }


def _source(file: str, text: str, remarks: Remarks) -> Source:
    """The values and their lines; Ansible's own tags are taken off, what they mark is text."""
    source = read_yaml(Path(file), _TAG.sub(r"\1", text))
    for line, mistake in source.mistakes:
        remarks.mistake(
            Line(file, line), str(mistake).removesuffix(f". Fix: {mistake.fix}"), mistake.fix
        )
    return source


class _Reader:
    """Goes through groups, which are within one another."""

    def __init__(self, file: str, source: Source, tree: Tree, remarks: Remarks) -> None:
        self._file, self._source, self._tree, self._remarks = file, source, tree, remarks

    def group(self, name: str, value: Any, place: Place) -> None:
        """Add one group and everything below it."""
        group = self._tree.group(name, self._line(place))
        for key, part in self._mapping(value, place).items():
            if key not in _KEYS:
                what = f"group {name} has the unknown key `{key}`"
                fix = f"use {', '.join(_KEYS)}"
                self._remarks.mistake(self._line((*place, key)), what, fix)
                continue
            within = (*place, key)
            for word, each in self._mapping(part, within).items():
                at = (*within, word)
                if key == "hosts":
                    self._hosts(word, each, name, at)
                elif key == "vars":
                    group.variables[word] = Variable(each, self._line(at))
                else:
                    group.children.setdefault(word, self._line(at))
                    self.group(word, each, at)

    def _hosts(self, pattern: str, value: Any, group: str, place: Place) -> None:
        try:
            names, port = expand_hosts(pattern)
        except NotARange as error:
            fix = "write gpu[01:10] or db-[a:f]"
            self._remarks.mistake(self._line(place), f"`{pattern}` {error}", fix)
            return
        variables = self._mapping(value, place)
        for name in names:
            own = self._tree.host(name, group, self._line(place), port)
            for key, each in variables.items():
                own[key] = Variable(each, self._line((*place, key)))

    def _mapping(self, value: Any, place: Place) -> dict[str, Any]:
        if value is None or isinstance(value, dict):
            return value or {}
        what = f"`{place[-1]}` must be a mapping, not {shown(value)}"
        fix = "write each name with a colon behind it: `gpu1:`"
        self._remarks.mistake(self._line(place), what, fix)
        return {}

    def _line(self, place: Place) -> Line:
        return Line(self._file, self._source.line(place))
