"""The files of tensorrt_llm that are patched: what each is now, how it is changed and put back.

A file that was patched has its original beside it, and what it must look like follows from that
original and the number: so a file that was changed since is recognised, and never touched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from clusterkit.payloads.fix_places import lines_marked, patched

ORIGINAL = ".clusterkit-original"
_PARTS = (("mapping.py", "mapping"), ("runtime/model_runner_cpp.py", "runner"))
_LOOKED_FOR = "`gpus_per_node=8` in the constructor of a class `Mapping` or `MappingBase`"


class Refused(Exception):
    """Why nothing was touched."""


class Part(NamedTuple):
    """One file as it is now. ``original`` is what it was before us, ``number`` what we wrote.

    ``state`` is ``original``, ``patched``, ``changed`` or ``nothing to patch``.
    """

    path: Path
    kind: str
    state: str
    lines: list[int]
    number: int | None = None
    original: bytes = b""

    def row(self) -> dict[str, object]:
        """What is told of it."""
        told = {"path": str(self.path), "state": self.state, "lines": self.lines}
        return {**told, "gpus_per_node": self.number}


def parts(package: Path) -> list[Part]:
    """Every file that has, or would have, another number."""
    found = [part_of(package / name, kind) for name, kind in _PARTS if (package / name).exists()]
    if not found or found[0].kind != "mapping":
        raise Refused(f"{package} has no mapping.py. Fix: give the package's folder as PATH")
    return found


def part_of(path: Path, kind: str) -> Part:
    """Compare a file with its original, where it has one."""
    source = path.read_bytes()
    lines, numbers = lines_marked(source)
    kept = Path(f"{path}{ORIGINAL}")
    try:
        original = kept.read_bytes() if kept.exists() else source
        if source != original or numbers:
            number = numbers[0] if numbers else None
            is_ours = number is not None and patched(original, kind, number) == source
            return Part(path, kind, "patched" if is_ours else "changed", lines, number, original)
        would_be = patched(source, kind, 1)
    except ValueError as why:
        raise Refused(f"{path}: {why}. Nothing was touched. Fix: mend it by hand") from None
    if would_be is None:
        return Part(path, kind, "nothing to patch", [], original=source)
    return Part(path, kind, "original", lines_marked(would_be)[0], original=source)


def apply(found: list[Part], number: int) -> None:
    """Write the number into all files, or into none."""
    _refuse_changed(found)
    if found[0].state == "nothing to patch":
        raise Refused(
            f"{found[0].path} has not what was looked for: {_LOOKED_FOR}. Nothing was touched. "
            "Fix: mend it by hand, or report this version"
        )
    for part in found:
        if part.state != "nothing to patch" and part.number != number:
            edited = patched(part.original, part.kind, number)
            _keep(part.path)
            _write(part.path, edited or part.original)


def revert(found: list[Part]) -> None:
    """Put every original back, which is the very file that was there."""
    _refuse_changed(found)
    for part in found:
        kept = Path(f"{part.path}{ORIGINAL}")
        if not kept.exists():
            continue
        if kept.samefile(part.path):  # an apply was ended before it wrote: rename does nothing
            kept.unlink()
        else:
            kept.replace(part.path)


def _refuse_changed(found: list[Part]) -> None:
    for part in found:
        if part.path.is_symlink():
            raise Refused(
                f"{part.path} is a symbolic link: others may use what it leads to. Nothing was "
                "touched. Fix: give the real package's folder as PATH"
            )
        kept = Path(f"{part.path}{ORIGINAL}")
        if part.state == "changed":
            fix = (
                f"remove {kept} if the file is as you want it, or move it over the file"
                if kept.exists()
                else "install the package again: its original is not there any more"
            )
            raise Refused(
                f"{part.path} was changed since it was patched. Nothing was touched. Fix: {fix}"
            )


def _keep(path: Path) -> None:
    """The original beside the file: a second name of it where that can be had, else a copy."""
    kept = Path(f"{path}{ORIGINAL}")
    if kept.exists():
        return
    try:
        os.link(path, kept)
    except OSError:
        work = _beside(path)
        shutil.copy2(path, work)
        work.replace(kept)


def _write(path: Path, content: bytes) -> None:
    """Replace the file at once, with the same mode and owner."""
    had = path.stat()
    work = _beside(path)
    try:
        work.write_bytes(content)
        work.chmod(had.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(work, had.st_uid, had.st_gid)
        work.replace(path)
    except BaseException:
        work.unlink()
        raise


def _beside(path: Path) -> Path:
    """A file of our own in the same folder."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    return Path(name)
