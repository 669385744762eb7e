"""Ask a machine what must be known before anything can be placed on it: it needs sh, no more."""

from __future__ import annotations

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.model.contact import Contact
from clusterkit.model.machine import Login

# /proc/net/fib_trie lists the addresses of all interfaces, and needs no program that may be
# missing: an address is followed by "/32 host LOCAL".
_ASK = """
printf "%s\\n" "$HOME"
id -u
if test -d /dev/infiniband; then echo rdma; else echo plain; fi
cat /proc/net/fib_trie
"""
_LEAF = "|-- "
_OWN = "/32 host LOCAL"


def ask() -> Command:
    """The question; it changes nothing."""
    return Command(("sh", "-c", _ASK), timeout_s=30)


def read(answer: Result, login: Login) -> Contact:
    """The contact that a machine's answer means.

    Raises:
        ClusterkitError: If the answer is not the one that was asked for.
    """
    home, uid, rdma, trie = [*answer.check().stdout.split("\n", 3), "", "", ""][:4]
    if not home.startswith("/") or not uid.isdigit() or rdma not in ("rdma", "plain"):
        said = answer.stdout.strip().partition("\n")[0]
        raise ClusterkitError(
            f"{answer.node}: its shell answers with something else than was asked: `{said}`. "
            "Fix: have the shell's startup files print nothing when there is no terminal"
        )
    return Contact(home, int(uid), login, _addresses(trie), has_rdma=rdma == "rdma")


def _addresses(trie: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    leaf = ""
    for line in trie.splitlines():
        text = line.strip()
        if text.startswith(_LEAF):
            leaf = text.removeprefix(_LEAF)
        elif text == _OWN and not leaf.startswith("127."):
            found[leaf] = None
    return tuple(found)
