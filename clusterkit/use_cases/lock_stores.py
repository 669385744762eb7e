"""Where the lock of a cluster lies: on its first host, where every operator of it looks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from clusterkit.command import HOST, Command, DockerCall, Result
from clusterkit.errors import ClusterkitError
from clusterkit.providers.docker.names import LOCK_LABEL, LOCKS_LABEL
from clusterkit.state.lock import Holder, holder_of
from clusterkit.state.lock_chain import ROOT, Entry, LockStore
from clusterkit.state.lock_file import FileLockStore
from clusterkit.transports.base import Transport
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, machine_of


class PlacedStore(LockStore, Protocol):
    """A store that can say where it is."""

    where: str


def store_of(session: Session, world: World) -> PlacedStore:
    """The kind of store that fits the first host."""
    match session.cluster.provider:
        case "docker":
            return VolumeLockStore(session, world)
        case "ssh":
            return MachineLockStore(session, world)
        case _:
            return FileLockStore(session.folder)


class VolumeLockStore:
    """Labelled volumes of a Docker engine.

    Making a volume that exists answers with the labels of the first one. Labels never change, so
    a sign of life is one more volume, made before the last one goes; its age is the engine's word.
    """

    def __init__(self, session: Session, world: World) -> None:
        self._world, self._cluster = world, session.cluster.name
        self._root = volume_of(session.cluster.name)
        self._beats = 0
        self.where = f"volume {self._root} of the Docker engine"

    def first(self, name: str, holder: Holder) -> Holder:
        """Make a volume with the holder as its label."""
        labels = {LOCK_LABEL: json.dumps(holder), LOCKS_LABEL: self._cluster}
        call = DockerCall("volume", self._volume(name), {"labels": labels})
        made = json.loads(self._world.engine(HOST).apply(call).check().stdout)
        return holder_of((made["labels"] or {}).get(LOCK_LABEL, ""))

    def entries(self) -> Mapping[str, Entry]:
        """The volumes of this lock; one without the cluster's label is that of another."""
        found = self._world.engine(HOST).volumes_named(self._root)
        return {
            name.removeprefix(self._root).removeprefix("-") or ROOT: Entry(
                holder_of(labels.get(LOCK_LABEL, "")), made_at
            )
            for name, (labels, made_at) in found.items()
            if name == self._root or labels.get(LOCKS_LABEL) == self._cluster
        }

    def now(self) -> float:
        """The engine's clock."""
        return self._world.engine(HOST).clock_s()

    def beat(self, name: str, holder: Holder) -> None:
        """Make the next volume, then remove the last one."""
        del name
        last, self._beats = self._beats, self._beats + 1
        self.first(f"beat-{holder['id']}-{self._beats}", holder)
        if last:
            self.drop([f"beat-{holder['id']}-{last}"])

    def drop(self, names: Sequence[str]) -> None:
        """Remove volumes."""
        for name in names:
            self._world.engine(HOST).apply(DockerCall("remove-volume", self._volume(name))).check()

    def _volume(self, name: str) -> str:
        return self._root if name == ROOT else f"{self._root}-{name}"


# In all of them $1 is the lock's file below the user's home folder.
# $2 is the ending of an entry, $3 its text. A link appears whole or not at all, and only where
# there is none. The folder goes with the last lock in it, which may be at any moment: then it is
# made again.
_FIRST = """
file="$HOME/$1$2"
mine="$HOME/$1-$$"
trap 'rm -f -- "$mine"; rmdir -- "${file%/*}" 2>/dev/null' EXIT
for again in 1 2 3 4 5 6 7 8 9; do
    why=$({ mkdir -p -m 700 -- "${file%/*}" && printf '%s' "$3" >"$mine"; } 2>&1) || continue
    why=$(ln -- "$mine" "$file" 2>&1)
    cat -- "$file" 2>/dev/null && exit
done
echo "$why" >&2
exit 1
"""
_ENTRIES = """
for file in "$HOME/$1" "$HOME/$1".*; do
    at=$(stat -c %Y -- "$file" 2>/dev/null) && text=$(cat -- "$file" 2>/dev/null) || continue
    echo "$at ${file#"$HOME/$1"} $(printf '%s' "$text" | tr -d '\\n')"
done
"""
# The time that a file gets now: a file server may have another clock than the machine.
_NOW = """
probe="$HOME/$1-$$"
trap 'rm -f -- "$probe"; rmdir -- "${probe%/*}" 2>/dev/null' EXIT
for again in 1 2 3 4 5 6 7 8 9; do
    mkdir -p -m 700 -- "${probe%/*}" && printf "" >"$probe" && stat -c %Y -- "$probe" && exit
done 2>/dev/null
exit 1
"""
_BEAT = 'touch -c -- "$HOME/$1$2"'
_DROP = """
file="$HOME/$1"
shift
for ending; do rm -f -- "$file$ending" || exit; done
rmdir -- "${file%/*}" 2>/dev/null
true
"""


class MachineLockStore:
    """Files on the head, in the login's own home folder.

    Signs of life have a connection of their own, opened for the first one: an sshd may have the
    sessions of one connection take turns, and a step may take longer than a lock lives.
    """

    def __init__(
        self, session: Session, world: World, connect: Callable[[], Transport] | None = None
    ) -> None:
        self._world, self._session = world, session
        self._connect = connect or self._another
        self._own: Transport | None = None
        self._head = session.cluster.head.name
        self._file = _file_of(session)
        self.where = f"~/{self._file} on {self._head}"

    def first(self, name: str, holder: Holder) -> Holder:
        """Link a file to its name."""
        answer = self._script(_FIRST, _ending(name), json.dumps(holder, sort_keys=True))
        if not answer.ok:
            why = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ClusterkitError(
                f"{self._head}: the lock ~/{self._file} cannot be written: "
                f"{why.rpartition(': ')[2]}. Fix: let the user write in the home folder there, "
                "and see that it has free space"
            )
        return holder_of(answer.stdout)

    def entries(self) -> Mapping[str, Entry]:
        """The files, with their times."""
        found: dict[str, Entry] = {}
        for line in self._run(machine_look(self._session)).check().stdout.splitlines():
            at, ending, text = [*line.split(" ", 2), "", ""][:3]
            found[ending.removeprefix(".") or ROOT] = Entry(holder_of(text), float(at))
        return found

    def now(self) -> float:
        """The clock of the head's home folder."""
        return float(self._script(_NOW).check().stdout)

    def beat(self, name: str, holder: Holder) -> None:
        """Give the file the time of now."""
        del holder
        self._own = self._own or self._connect()
        self._script(_BEAT, _ending(name)).check()

    def drop(self, names: Sequence[str]) -> None:
        """Remove the files, and their folder with the last one."""
        self._script(_DROP, *map(_ending, names)).check()
        if self._own is not None:
            self._own.close()

    def _script(self, text: str, *words: str) -> Result:
        return self._run(_command(text, self._file, *words))

    def _run(self, command: Command) -> Result:
        return (self._own or self._world.machine(self._head)).run(command)

    def _another(self) -> Transport:
        machine = self._session.cluster.head.machine
        assert machine is not None  # noqa: S101 - nodes of this provider are machines
        return machine_of(self._head, machine, self._session.folder)


def _ending(name: str) -> str:
    return "" if name == ROOT else f".{name}"


def volume_of(cluster: str) -> str:
    """The name of the first volume of a cluster's lock."""
    return f"clusterkit-{cluster}-lock"


def machine_look(session: Session) -> Command:
    """What asks the head for the entries."""
    return _command(_ENTRIES, _file_of(session))


def _file_of(session: Session) -> str:
    return f".clusterkit/{session.cluster.name}.lock"


def _command(script: str, *words: str) -> Command:
    return Command(("sh", "-c", script, "sh", *words), timeout_s=30)
