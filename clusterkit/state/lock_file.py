"""The lock of a cluster on this machine: files in its folder, which go with the last of them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from clusterkit.state.files import make_folder, saying_why_not
from clusterkit.state.lock import Holder, holder_of
from clusterkit.state.lock_chain import ROOT, Entry

LOCK_FILE = "lock.json"


class FileLockStore:
    """Entries are files; their times are those that the file system gives them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.where = str(folder / LOCK_FILE)

    def first(self, name: str, holder: Holder) -> Holder:
        """A link appears whole or not at all, and only where there is none."""
        while True:
            # What is not found is gone again, as is a folder with its last lock.
            with suppress(FileNotFoundError), self._temporary(json.dumps(holder)) as mine:
                with suppress(FileExistsError):
                    os.link(mine, self._file(name))
                    return holder
                return holder_of(self._file(name).read_text(errors="replace"))

    def entries(self) -> Mapping[str, Entry]:
        """What the folder has now."""
        found: dict[str, Entry] = {}
        files: list[Path] = []
        with suppress(FileNotFoundError):  # the folder went while it was read
            files = list(self._folder.glob(f"{LOCK_FILE}*"))
        for file in files:
            with suppress(FileNotFoundError):
                text, beat_at = file.read_text(errors="replace"), file.stat().st_mtime
                name = file.name.removeprefix(LOCK_FILE).removeprefix(".") or ROOT
                found[name] = Entry(holder_of(text), beat_at)
        return found

    def now(self) -> float:
        """The time that a file gets now: a file server may have another clock than we."""
        while True:
            with suppress(FileNotFoundError), self._temporary("") as probe:
                return probe.stat().st_mtime

    def beat(self, name: str, holder: Holder) -> None:
        """Give the file the time of now."""
        del holder
        with saying_why_not(self._folder), suppress(FileNotFoundError):
            os.utime(self._file(name))

    def drop(self, names: Sequence[str]) -> None:
        """Remove the files; a cluster that never came up leaves no folder behind."""
        with saying_why_not(self._folder):
            for name in names:
                self._file(name).unlink(missing_ok=True)
        self._remove_if_empty()

    def _file(self, name: str) -> Path:
        return self._folder / (LOCK_FILE if name == ROOT else f"{LOCK_FILE}.{name}")

    @contextmanager
    def _temporary(self, text: str) -> Iterator[Path]:
        make_folder(self._folder.parent)
        mine = self._folder / f".{LOCK_FILE}.{secrets.token_hex(8)}"
        try:
            with _refusals_told(mine):
                with suppress(FileExistsError):  # which may be gone again the next moment
                    self._folder.mkdir(mode=0o700)
                mine.write_text(text)
            yield mine
        finally:
            mine.unlink(missing_ok=True)
            self._remove_if_empty()

    def _remove_if_empty(self) -> None:
        with suppress(OSError):
            self._folder.rmdir()


@contextmanager
def _refusals_told(file: Path) -> Iterator[None]:
    """As :func:`saying_why_not`, but what is not found is for the caller to try again."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        with saying_why_not(file):
            raise error
