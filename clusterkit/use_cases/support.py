"""Collect what a report of a fault needs, without what must not leave the machine."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from clusterkit.command import Step, shown
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.events import Note, Sink
from clusterkit.executor import on_each
from clusterkit.model.jobs_options import LogsOptions
from clusterkit.model.load import load_inventory
from clusterkit.model.options import SupportOptions
from clusterkit.model.redaction import MASKED, Redactor, secret_values
from clusterkit.results.support import BundledFile, NotCollected, SupportResult
from clusterkit.state import clusters
from clusterkit.state.files import write
from clusterkit.state.folders import cluster_folder
from clusterkit.use_cases.jobs import jobs_steps, logs_steps
from clusterkit.use_cases.session import Session, Which, find
from clusterkit.use_cases.status import status_steps
from clusterkit.use_cases.support_parts import Part, parts

_README = "README.txt"


def support(which: Which, options: SupportOptions, *, sink: Sink) -> SupportResult:
    """Look at everything at once, mask, and write one file; what cannot be seen is told.

    A cluster whose record is damaged, and none at all, are worth a bundle too.

    Raises:
        UsageError: If the file is there already.
    """
    began = time.monotonic()
    session, why = _session(which)
    name = session.cluster.name if session else which.name or clusters.current()
    target = (options.out or Path(_usual_name(name))).absolute()
    if target.exists() and not options.force:
        raise UsageError(f"{target} is there already. Fix: choose another `--out`, or `--force`")
    folder = _folder(session, name)
    wanted = parts(session, folder)
    sink(Note(f"looking at {', '.join(part.name for part in wanted)}"))
    answers = _collect(wanted)
    if why:
        answers = {"cluster": why, **answers}
    texts, missing = _masked(answers, Redactor(tuple(_secrets(session)), str(Path.home())))
    about = {part.name: part.what for part in wanted}
    texts = {_README: _read_me(about, texts, missing), **texts}
    packed = _pack(texts)
    write(target, packed)
    return SupportResult(
        cluster=name,
        file=str(target),
        size_bytes=len(packed),
        files=tuple(
            BundledFile(
                name=name,
                size_bytes=len(text.encode()),
                what=about.get(name, "what is in here, what is missing, what is masked"),
            )
            for name, text in texts.items()
        ),
        missing=tuple(NotCollected(name=name, why=why) for name, why in missing.items()),
        masked=MASKED,
        took_s=time.monotonic() - began,
    )


def support_steps(which: Which) -> list[Step]:
    """What would be asked of the nodes."""
    session = find(which)
    return [*status_steps(session), *jobs_steps(session), *logs_steps(session, LogsOptions())[-1:]]


def _session(which: Which) -> tuple[Session | None, ClusterkitError | None]:
    """The cluster that is meant, or why none can be told."""
    try:
        return find(which), None
    except ClusterkitError as error:
        return None, error


def _folder(session: Session | None, name: str | None) -> Path | None:
    """What this user's state has of the cluster, be it damaged."""
    folder = session.folder if session else cluster_folder(name) if name else None
    return folder if folder is not None and folder.exists() else None


def _usual_name(cluster: str | None) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"clusterkit-support-{cluster or 'none'}-{stamp}.tar.gz"


def _collect(wanted: Iterable[Part]) -> Mapping[str, str | ClusterkitError]:
    """Every part at once: what a dead node holds up, it holds up once."""
    by_name = {part.name: part for part in wanted}

    def collect(name: str) -> str:
        try:
            return by_name[name].collect()
        except ClusterkitError:
            raise
        except FileNotFoundError as error:
            raise ClusterkitError("there is none") from error
        except Exception as error:  # a part that is broken says so, and spoils no other
            raise ClusterkitError(f"{type(error).__name__}: {error}") from error

    return on_each(by_name, collect)


def _masked(
    answers: Mapping[str, str | ClusterkitError], redact: Redactor
) -> tuple[dict[str, str], dict[str, str]]:
    """The parts, and why others are missing; nothing leaves here as it came."""
    texts = {name: redact(text) for name, text in answers.items() if isinstance(text, str)}
    missing = {name: redact(str(why)) for name, why in answers.items() if name not in texts}
    return texts, missing


def _secrets(session: Session | None) -> Iterator[str]:
    """Every value that must not be told: of the inventory as it is now, and of this process."""
    named = shown(os.environ)
    yield from (value for name, value in os.environ.items() if named[name] != value)
    if session is None:
        return
    for node in session.cluster.nodes:
        if node.container:
            yield from node.container.env.values()
            yield from node.container.build.args.values() if node.container.build else ()
    applied = clusters.recall(session.cluster.name)
    if applied is None:
        return
    yield from secret_values(applied.inventory)
    try:
        yield from secret_values(load_inventory(applied.file).model_dump(mode="json"))
    except (ClusterkitError, OSError):  # it is masked by what it looks like all the same
        return


def _read_me(
    about: Mapping[str, str], texts: Mapping[str, str], missing: Mapping[str, str]
) -> str:
    lines = ["A bundle for a report of a fault, made by `clusterkit support`.", ""]
    lines += ["In here:", *(f"  {name}: {about[name]}" for name in texts), ""]
    if missing:
        lines += ["Not collected:", *(f"  {name}: {why}" for name, why in missing.items()), ""]
    lines += ["Masked, in every file:", *(f"  - {what}" for what in MASKED), ""]
    lines += ["No private key, no prompt and no answer of a model is collected."]
    return "\n".join([*lines, "Names and addresses of machines are in here.", ""])


def _pack(texts: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with gzip.open(packed, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name, text in texts.items():
            content = text.encode()
            member = tarfile.TarInfo(f"clusterkit-support/{name}")
            member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
