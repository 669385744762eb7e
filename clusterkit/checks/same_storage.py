"""Prove that one path is the same file system on all nodes: what one writes, the others read.

Every node writes a file with a fresh nonce, then the head reads the files of all nodes and every
node reads the head's, then each removes its own. The nonce is new each time, so that no copy of
an earlier proof can pass for the storage itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterkit.command import Command, Result
from clusterkit.model.cluster import PROOF_FOLDER

# $1 is the storage, $2 the file in it, $3 the nonce. Where a folder that `up` makes is there, a
# user may write to that only. Nothing is made: where the path is missing, so is the storage.
_WRITE = """
for folder in "$1/clusterkit/.proof" "$1/clusterkit" "$1"; do
    [ -d "$folder" ] && break
done
printf "%s" "$3" >"$folder/$2"
"""
# $1 is the storage, $2 the nonce, the rest are files to be read. A name that was never looked for
# is asked of the server even where a client caches; more looks are for slower file systems.
_READ = """
storage=$1; nonce=$2; shift 2
for pause in 0 0.5 1; do
    sleep "$pause"
    for file do
        shift
        for folder in clusterkit/.proof clusterkit .; do
            seen=$(cat -- "$storage/$folder/$file" 2>/dev/null)
            [ "$seen" = "$nonce" ] && echo "seen $file" && continue 2
        done
        set -- "$@" "$file"
    done
    [ $# = 0 ] && exit
done
"""
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class StorageProof:
    """One proof: the head, the other nodes, the path of the storage and a nonce of this proof.

    ``nonce`` is a word of letters and digits that was never used before.
    """

    path: str
    head: str
    others: tuple[str, ...]
    nonce: str

    def write(self, node: str) -> Command:
        """What ``node`` runs first; the next round begins when all nodes have answered."""
        return _command("sh", "-c", _WRITE, "sh", self.path, self._file(node), self.nonce)

    def read(self, node: str) -> Command:
        """What ``node`` runs second: the head reads all files, every other node the head's."""
        wanted = self.others if node == self.head else (self.head,)
        return _command("sh", "-c", _READ, "sh", self.path, self.nonce, *map(self._file, wanted))

    def remove(self, node: str) -> Command:
        """What ``node`` runs last, whatever was seen."""
        folders = (f"{self.path}/clusterkit/{PROOF_FOLDER}", f"{self.path}/clusterkit", self.path)
        return _command("rm", "-f", "--", *(f"{each}/{self._file(node)}" for each in folders))

    def judge(
        self, written: Mapping[str, Result], read: Mapping[str, Result]
    ) -> tuple[NotShared, ...]:
        """What the answers of both rounds show; empty: all nodes share the storage.

        A node without an answer is left out: who asked it knows why it could not be reached.
        """
        sees = {
            (reader, writer): f"seen {self._file(writer)}" in result.stdout.splitlines()
            for reader, result in read.items()
            for writer, wrote in written.items()
            if wrote.ok and self.head in (reader, writer)
        }
        found = [self._of_one(node, written[node], sees) for node in written]
        return tuple(each for each in found if each is not None)

    def _of_one(
        self, node: str, written: Result, sees: Mapping[tuple[str, str], bool]
    ) -> NotShared | None:
        """What is wrong with one node; the same is told once, by what says most."""
        forth, back = sees.get((node, self.head)), sees.get((self.head, node))
        if node != self.head and forth is False and not back:
            why = (
                f"{self.path} is another than that of {self.head}: it lacks what {self.head} wrote"
            )
            return NotShared(node, why, f"give {node} the {_SAME}")
        if not written.ok:
            return NotShared(node, f"cannot write to {self.path}: {_reason(written)}", _WRITABLE)
        if node != self.head and (forth is False or back is False):
            who = (node, self.head) if forth is False else (self.head, node)
            why = (
                f"{self.path} is shared in one direction only: {who[0]} lacks what {who[1]} wrote"
            )
            return NotShared(node, why, f"give {node} the {_SAME}")
        return None

    def _file(self, node: str) -> str:
        return f".clusterkit-proof-{self.nonce}-{node}"


@dataclass(frozen=True, slots=True)
class NotShared:
    """One node whose storage is not the cluster's, why, and what to do about it."""

    node: str
    why: str
    fix: str


_WRITABLE = "correct `storage` in the inventory, or the owner of that path"
_SAME = "same mount as the others, or correct `storage` in the inventory"


def _command(*argv: str) -> Command:
    return Command(argv, timeout_s=_TIMEOUT_S)


def _reason(result: Result) -> str:
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit {result.exit_code}"
