"""Place the model on the cluster's storage, converted once, so that every rank can load it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError, JobFailed
from clusterkit.events import Note, Progress, Sink, Stream
from clusterkit.model.cluster import Cluster
from clusterkit.model.models import ModelOrigin, ModelShape, model_source
from clusterkit.payloads.model_protocol import DIFFERS, MANIFEST
from clusterkit.transports.base import Process, Transport
from clusterkit.use_cases.model_cache import FetchedModel, pull
from clusterkit.use_cases.model_commands import (
    check_command,
    convert_command,
    describe_command,
    hold_command,
    target_of,
)

_LINES = 8
_GRACE_S = 10.0
_KILLED = 137


@dataclass(frozen=True, slots=True)
class Builder:
    """What building needs besides the cluster.

    ``look`` runs a command that changes nothing; ``python`` and ``payloads`` are the head's
    interpreter and the folder of payloads there; ``cache`` and ``here`` are this machine's.
    """

    transport: Callable[[str], Transport]
    look: Callable[[str, Command], Result]
    here: Transport
    cache: Path
    python: str
    payloads: str
    sink: Sink


@dataclass(frozen=True, slots=True)
class BuiltModel:
    """A model on the cluster's storage. ``changed`` is False if it was there already."""

    name: str
    folder: str
    shape: ModelShape
    digest: str
    size_bytes: int
    changed: bool


def place_model(
    cluster: Cluster,
    builder: Builder,
    *,
    source: ModelOrigin = "pypi",
    verify: bool = False,
) -> BuiltModel:
    """Look whether the model is there and whole; if not, fetch, bring and convert it.

    ``verify`` reads all of its files there; else their sizes are compared.

    Raises:
        UsageError: If there is no such model.
        ClusterkitError: If it cannot be fetched or converted.
    """
    head = builder.transport(cluster.head.name)
    setting = cluster.engine.model
    builtin, looked = model_source(setting).builtin, ""
    if builtin is not None and source == "pypi":
        # Its digest is known, so it need not be here to know whether it is there.
        looked = target_of(cluster, builtin.name, builtin.wheel.member_sha256)
        if manifest := look_at_files(builder, head.node, looked, verify=verify):
            return _built(looked, manifest, changed=False)
    fetched = pull(
        setting,
        cache=builder.cache,
        transport=builder.here,
        sink=builder.sink,
        source=source,
        verify=verify,
    )
    if cluster.storage.kind == "local" and fetched.kind == "folder" and _is_ready(fetched.path):
        return _in_place(builder, head, fetched)
    target = target_of(cluster, fetched.name, fetched.sha256)
    if target != looked and (manifest := look_at_files(builder, head.node, target, verify=verify)):
        return _built(target, manifest, changed=False)
    _bring_and_convert(cluster, builder, head, fetched, target)
    manifest = look_at_files(builder, head.node, target, verify=False)
    if manifest is None:
        raise JobFailed(
            f"{head.node}: {target} was converted, and is not whole there. Fix: see that nothing "
            "else writes or removes files there, and run `clusterkit build` again"
        )
    return _built(target, manifest, changed=True)


def look_at_files(
    builder: Builder, head: str, target: str, *, verify: bool
) -> dict[str, Any] | None:
    """The manifest of what was built in ``target``; None: it is not there, or not whole."""
    command = check_command(builder.python, builder.payloads, target, verify=verify)
    result = builder.look(head, command)
    if result.exit_code == DIFFERS:
        problems = json.loads(result.stdout)["problems"]
        if problems != [f"{target}/{MANIFEST} is missing"]:
            told = "; ".join(problems)
            builder.sink(Note(f"{target} is damaged, and is built anew: {told}", head))
        return None
    manifest: dict[str, Any] = json.loads(result.check().stdout)["manifest"]
    return manifest


def _is_ready(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def _in_place(builder: Builder, head: Transport, fetched: FetchedModel) -> BuiltModel:
    """A folder of this machine that ranks can load as it is."""
    folder = str(fetched.path)
    command = describe_command(builder.python, builder.payloads, folder)
    row = json.loads(head.run(command).check().stdout)
    return BuiltModel(
        name=fetched.name,
        folder=folder,
        shape=ModelShape.of(row["shape"]),
        digest=fetched.sha256,
        size_bytes=sum(path.stat().st_size for path in fetched.path.iterdir() if _is_wanted(path)),
        changed=False,
    )


def _bring_and_convert(
    cluster: Cluster, builder: Builder, head: Transport, fetched: FetchedModel, target: str
) -> None:
    if cluster.storage.kind == "local":
        _convert(builder, head, fetched, str(fetched.path), target)
        return
    upload = f"{target}.{secrets.token_hex(4)}.upload"
    # What is uploaded goes with this process, however that ends.
    holding = head.start(hold_command(builder.python, builder.payloads, upload), _unheard)
    try:
        source = _upload(builder, head, fetched, upload)
        _convert(builder, head, fetched, source, target)
    finally:
        holding.close_stdin()
        _remove_upload(cluster, builder, holding, upload)


def _upload(builder: Builder, head: Transport, fetched: FetchedModel, upload: str) -> str:
    """Copy the fetched files into ``upload``; returns the path there."""
    files = [fetched.path]
    if fetched.kind == "folder":
        files = sorted(path for path in fetched.path.iterdir() if _is_wanted(path))
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        builder.sink(Progress(head.node, f"copying {fetched.name}", done, total))
        head.upload(file, f"{upload}/{file.name}")
        done += file.stat().st_size
    builder.sink(Progress(head.node, f"copying {fetched.name}", done, total))
    return f"{upload}/{fetched.path.name}" if fetched.kind == "gguf" else upload


def _remove_upload(cluster: Cluster, builder: Builder, holding: Process, folder: str) -> None:
    """Have it removed by who holds it; where the head is gone, by another that shares its storage.

    Who is gone is told before others are asked: they may be gone as well, which takes time.
    """
    head, *others = [node.name for node in cluster.nodes]
    asked = [head]
    try:
        if holding.wait(_GRACE_S) == 0:
            return
    except TimeoutError:
        pass
    except ClusterkitError:
        asked = others if cluster.storage.is_shared else []
        builder.sink(Note("its connection was lost; what was brought is removed", head))
    for node in asked:
        with contextlib.suppress(ClusterkitError):
            builder.transport(node).run(Command(("rm", "-rf", "--", folder))).check()
            return


def _unheard(stream: Stream, line: str) -> None:
    """Whatever keeps it from making the folder keeps the first file from it as well."""


def _is_wanted(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _convert(
    builder: Builder, head: Transport, fetched: FetchedModel, source: str, target: str
) -> None:
    """Run the conversion; Ctrl-C, or the end of this process, ends it there."""
    stages = {"read": 1, "copy": 1, "write": 2, "checksum": 3}
    errors: list[str] = []
    log: list[str] = []

    def take(stream: Stream, line: str) -> None:
        row = json_event(line) if stream == "stdout" else None
        if row is None:
            log.append(line)
        elif row["event"] == "error":
            errors.append(row["message"])
        elif row["event"] == "progress":
            done = stages[row["stage"]] - 1
            builder.sink(Progress(head.node, f"converting {fetched.name}", done, 3))

    command = convert_command(
        builder.python,
        builder.payloads,
        source,
        target,
        name=fetched.name,
        sha256=fetched.sha256,
    )
    code = wait(head.start(command, take))
    if code != 0:
        told = "\n".join(errors or [*log[-_LINES:], _unexplained(code)])
        raise ClusterkitError(f"{head.node}: {fetched.name} cannot be converted: {told}")


def _unexplained(code: int) -> str:
    if code == _KILLED:
        return "it was killed. Fix: more memory for the head, most likely, or a smaller model"
    return (
        f"it ended with {code}. Fix: mend what the lines above name, if any, and run "
        "`clusterkit build` again"
    )


def wait(process: Process) -> int:
    """The exit code; whatever ends the waiting ends the process as well."""
    try:
        return process.wait()
    finally:
        # Its lifeline: where it still runs, it cleans up and ends.
        process.close_stdin()
        with contextlib.suppress(TimeoutError):
            process.wait(_GRACE_S)


def json_event(line: str) -> dict[str, Any] | None:
    """What a line of a payload tells; None: it is a word of some library."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "event" in row else None


def _built(target: str, manifest: dict[str, Any], *, changed: bool) -> BuiltModel:
    files = manifest["files"]
    return BuiltModel(
        name=manifest["name"],
        folder=target,
        shape=ModelShape.of(manifest["shape"]),
        digest=digest_of(files),
        size_bytes=sum(file["size"] for file in files.values()),
        changed=changed,
    )


def digest_of(files: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of the digests in a manifest: it changes with any file."""
    text = "".join(f"{files[name]['sha256']} {name}\n" for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()
