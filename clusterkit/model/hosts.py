"""Machines as the command line names them: node sets, as ssh takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from clusterkit.errors import UsageError
from clusterkit.model.base import HIGHEST_PORT
from clusterkit.model.machine import Machine
from clusterkit.model.node_sets import NotANodeSet, expand

_WORD = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?P<hosts>[^@:\s]+)(?::(?P<port>\d{1,5}))?")
_SYNTAX = "Fix: write `gpu1`, `gpu[01-04].example.net` or `user@host:port`"


def machines(words: Iterable[str], common: Machine) -> tuple[Machine, ...]:
    """Every machine once, in order; what a word does not say of it, ``common`` does.

    Raises:
        UsageError: With one line for each word that names no machines.
    """
    found: dict[str, Machine] = {}
    problems: list[str] = []
    for word in words:
        try:
            found.update({str(each): each for each in _of_word(word, common)})
        except NotANodeSet as error:
            problems.append(f"HOSTS: `{word}` {error}. {_SYNTAX}")
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(found.values())


def _of_word(word: str, common: Machine) -> list[Machine]:
    parts = _WORD.fullmatch(word)
    if parts is None or word.startswith("-"):
        raise NotANodeSet("names no machine")
    port = int(parts["port"]) if parts["port"] else common.port
    if port is not None and not 1 <= port <= HIGHEST_PORT:
        raise NotANodeSet(f"has a port that is not from 1 to {HIGHEST_PORT}")
    user = parts["user"] or common.user
    return [replace(common, host=host, user=user, port=port) for host in expand(parts["hosts"])]
