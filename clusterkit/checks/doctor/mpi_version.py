"""Is it the same Open MPI everywhere? Daemons of two versions do not understand each other."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.checks.doctor.finding import Finding, same
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "Open MPI version"
_FIX = "give all nodes the same image, or install one version of Open MPI"


def find(seen: Seen) -> list[Finding]:
    """Different major versions fail, and so does none at all; other differences are a warning."""
    versions = {name: facts.mpi_version for name, facts in seen.facts.items()}
    lacking = tuple(name for name, version in versions.items() if version is None)
    found = []
    if lacking:
        fix = "install Open MPI 4.1 or 5, or use an image that has it"
        found.append(Finding("fail", lacking, "no Open MPI", fix))
    present = {name: version for name, version in versions.items() if version is not None}
    if not present:
        return found or [Finding("skip", seen.names, "no node answers")]
    exact = same({name: f"Open MPI {its}" for name, its in present.items()}, "", fix=_FIX)
    if len({version.partition(".")[0] for version in present.values()}) > 1:
        return [*found, *exact]
    return [*found, *(replace(each, state="warn" if each.fix else "pass") for each in exact)]
