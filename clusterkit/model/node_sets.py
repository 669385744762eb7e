"""Node sets, as ClusterShell writes them: ``node[1-3]``, ``@workers``, ``node[1-9]!node4``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException
from ClusterShell.NodeUtils import GroupResolver, GroupSource
from ClusterShell.RangeSet import RangeSet, RangeSetException

from clusterkit.errors import UsageError, did_you_mean
from clusterkit.model.cluster import Cluster

_MOST_NAMES = 10_000
_RANGE = re.compile(r"(\d+)-(\d+)")
_OPERATOR = re.compile(r"[,!&^](?![^\[\]]*\])")  # outside brackets


class NotANodeSet(ValueError):
    """The text cannot be expanded; the message says why, in a few words."""


def select(cluster: Cluster, words: str) -> tuple[str, ...]:
    """The nodes of a cluster that ``words`` mean, in the order of the inventory.

    Who is out is meant only where its name is written.

    Raises:
        UsageError: If ``words`` are no node set, name an unknown node, or mean no node at all.
    """
    names = [node.name for node in cluster.nodes]
    everyone = [node.name for node in cluster.present.nodes]
    return choose(words, names, cluster.groups, everyone)


def choose(
    words: str,
    names: Sequence[str],
    groups: Mapping[str, tuple[str, ...]],
    everyone: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """The ``names`` that ``words`` mean, in their order.

    ``@group``, ``@all`` and ``*`` are known; ``a,b`` joins, ``a!b`` takes out, ``a&b`` is what
    both have. ``everyone`` is whom the first two mean, if that is not all of ``names``.

    Raises:
        UsageError: As :func:`select`.
    """
    _check_terms(words, list(names), [*groups, "all"])
    lists = {name: ",".join(members) for name, members in groups.items()}
    present = ",".join(names if everyone is None else everyone)
    source = GroupSource("inventory", {**lists, "all": present}, present)
    try:
        chosen = set(NodeSet(words, resolver=GroupResolver(source)))
    except NodeSetException:
        raise UsageError(f"`{words}` cannot be read. {_SYNTAX}") from None
    if selected := tuple(name for name in names if name in chosen):
        return selected
    raise UsageError(f"`{words}` means no node. Fix: use some of {fold(names)}")


def fold(names: Iterable[str]) -> str:
    """The shortest form of a set of nodes: ``node[1-3]``."""
    return str(NodeSet.fromlist(list(names), resolver=RESOLVER_NOGROUP))


def expand(text: str) -> tuple[str, ...]:
    """All names of a plain node set (no groups, no operators but the comma), as written.

    Raises:
        NotANodeSet: If the text is anything else, or names more than ten thousand nodes.
    """
    if not all(_rises(numbers) for numbers in re.findall(r"\[([\d,/-]+)\]", text)):
        raise NotANodeSet("must rise inside its brackets")
    return _names(text)


def expand_numbers(text: str) -> tuple[int, ...]:
    """The numbers of ``0-3,6``.

    Raises:
        NotANodeSet: If the text is no range of whole numbers, or has more than ten thousand.
    """
    if not re.fullmatch(r"\d+(-\d+(/\d+)?)?(,\d+(-\d+(/\d+)?)?)*", text):
        raise NotANodeSet("is no range such as `0-3` or `0,2`")
    if not _rises(text):
        raise NotANodeSet("must rise")
    _check_size(text)
    try:
        return tuple(int(number) for number in RangeSet(text))
    except RangeSetException:
        raise NotANodeSet("is no range such as `0-3` or `0,2`") from None


def fold_numbers(numbers: Iterable[int]) -> str:
    """The shortest form of a set of numbers: ``0-3,6``."""
    return str(RangeSet(",".join(map(str, numbers))))


def _names(text: str) -> tuple[str, ...]:
    if not text.strip():
        raise NotANodeSet("is empty")
    if unknown := re.search(r"[!&^@*?\s]", text.strip()):
        raise NotANodeSet(f"has {unknown[0]!r}, which is for selecting among nodes that exist")
    _check_size(text)
    try:
        names = tuple(
            name
            for term in _OPERATOR.split(text.strip())
            for name in NodeSet(term, resolver=RESOLVER_NOGROUP)
        )
    except NodeSetException:
        raise NotANodeSet("cannot be read") from None
    if not names:  # commas alone
        raise NotANodeSet("is empty")
    return names


def _check_size(text: str) -> None:
    if any(int(last) - int(first) >= _MOST_NAMES for first, last in _RANGE.findall(text)):
        raise NotANodeSet(f"means more than {_MOST_NAMES} nodes")


def _rises(numbers: str) -> bool:
    """Whether ranges follow one another upwards: ClusterShell would sort them unasked.

    It takes shorter numbers first: 9 before 08.
    """
    starts = [(len(part), int(part)) for part in re.findall(r"(?:^|,)(\d+)", numbers)]
    return starts == sorted(starts)


_SYNTAX = "Fix: write for example `node1`, `node[1-3]`, `@workers` or `node[1-9]!node4`"


def _check_terms(words: str, names: list[str], groups: list[str]) -> None:
    """Refuse names that the cluster does not have, also where an operator would drop them."""
    if not words.strip():
        raise UsageError(f"the node set is empty. {_SYNTAX}")
    if re.search(r"\s", words):
        raise UsageError(f"`{words}` is not a node set: it has a space. Fix: join nodes by commas")
    for kind, term in _named(words):
        known = groups if kind == "group" else names
        if term not in known:
            raise UsageError(f"no {kind} is called `{term}`. Fix: {_fix(kind, term, known)}")


def _named(words: str) -> Iterator[tuple[str, str]]:
    """Each node or group that ``words`` name, without the patterns."""
    for term in _OPERATOR.split(words):
        if term.startswith("@"):
            if "*" not in term:
                yield "group", term[1:]
        elif not re.search(r"[*?]", term):
            try:
                yield from (("node", name) for name in _names(term))
            except NotANodeSet as error:
                raise UsageError(f"`{words}`: `{term}` {error}. {_SYNTAX}") from None


def _fix(kind: str, term: str, known: list[str]) -> str:
    have = f"he {kind}s are {_listed(kind, known)}"
    guess = did_you_mean(term, known, otherwise="")
    return f"{guess} T{have}" if guess else f"t{have}"


def _listed(kind: str, known: list[str]) -> str:
    return fold(known) if kind == "node" else ", ".join(f"@{name}" for name in known)
