"""Ansible inventories in their INI form."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

from clusterkit.model.imported.ansible_tree import NotARange, Tree, Variable, expand_hosts
from clusterkit.model.imported.found import Line, Remarks

_SECTION = re.compile(r"\[([^:\]]+)(?::(\w+))?\]\s*(?:#.*)?")
_KINDS = (None, "vars", "children")
_SECTION_FIX = "write `[group]`, `[group:vars]` or `[group:children]`"


def read_ini(file: str, text: str, remarks: Remarks) -> Tree:
    """Every host, group and variable; mistakes are put into ``remarks``."""
    tree, group, kind = Tree(), "ungrouped", None
    for number, content in enumerate(text.splitlines(), 1):
        line, content = Line(file, number), content.strip()
        if not content or content[0] in "#;":
            continue
        if content[0] == "[" and (content.endswith("]") or _SECTION.fullmatch(content)):
            section = _SECTION.fullmatch(content)
            if section is None or section[2] not in _KINDS:
                remarks.mistake(line, f"`{content}` is no section", _SECTION_FIX)
                kind = "unknown"
                continue
            group, kind = section[1].strip(), section[2]
            tree.group(group, line)
        elif kind is None:
            _hosts(content, group, line, tree, remarks)
        elif kind == "children":
            child = content.partition("#")[0].split()[0]
            tree.groups[group].children.setdefault(child, line)
        elif kind == "vars":
            _group_variable(content, group, line, tree, remarks)
    for group_of in list(tree.groups.values()):
        for child, line in group_of.children.items():
            if child not in tree.groups:
                fix = f"write a section [{child}], or take the line out"
                remarks.mistake(line, f"there is no group {child}", fix)
    return tree


def _hosts(content: str, group: str, line: Line, tree: Tree, remarks: Remarks) -> None:
    try:
        pattern, *words = shlex.split(content, comments=True)
    except ValueError:
        remarks.mistake(line, "a quote is not closed", "close it")
        return
    try:
        names, port = expand_hosts(pattern)
    except NotARange as error:
        remarks.mistake(line, f"`{pattern}` {error}", "write gpu[01:10] or db-[a:f]")
        return
    if not all(re.match(r"[^=\s]+=", word) for word in words):  # a word may be a secret's end
        fix = "write `host name=value`, with quotes around spaces"
        remarks.mistake(line, "there is a word that is no variable", fix)
    for name in names:
        own = tree.host(name, group, line, port)
        for word in words:
            key, given, value = word.partition("=")
            if given:
                own[key] = Variable(_literal(value), line)


def _group_variable(content: str, group: str, line: Line, tree: Tree, remarks: Remarks) -> None:
    key, given, value = content.partition("=")
    if not given or not key.strip():
        remarks.mistake(line, "the line is no variable", "write name=value")
        return
    tree.groups[group].variables[key.strip()] = Variable(_literal(value.strip()), line)


def _literal(text: str) -> Any:
    """A value as Ansible reads it: a Python literal where it is one, else text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
