"""What building an engine runs, as values: folders, commands, and the steps to print."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clusterkit.command import Command, Put, Step
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.model.cluster import Cluster
from clusterkit.payloads.model_protocol import MANIFEST
from clusterkit.tasks.payload import payload_command, payload_folder
from clusterkit.use_cases.model_commands import check_command

_RANDOM = "<random>"


@dataclass(frozen=True, slots=True)
class BuildPaths:
    """Where one build lies on the building node. ``log`` and ``order`` stay until `down`."""

    target: str
    order: str
    log: str

    @classmethod
    def of(cls, cluster: Cluster, build: EngineBuild, *, is_known: bool = True) -> BuildPaths:
        """``is_known``: the model was looked at, so the key is whole."""
        name = f"{build.name}-{key_digest(build.key)[:12] if is_known else '<digest>'}"
        own = f"{cluster.home_of(cluster.head.name)}/builds"
        return cls(f"{engines_folder(cluster)}/{name}", f"{own}/{name}.json", f"{own}/{name}.log")


def engines_folder(cluster: Cluster) -> str:
    """The folder of all engines on the nodes' storage."""
    return f"{cluster.storage.path}/clusterkit/engines"


def key_digest(key: Mapping[str, Any]) -> str:
    """The sha256 of a build's key, in hex."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def another_build(manifest: Mapping[str, Any], build: EngineBuild) -> str:
    """How an engine's manifest shows that it came of another build; empty: it is of this one.

    Names tell builds apart, so that happens where somebody copied or edited a folder.
    """
    found = dict(manifest.get("engine") or {}).get("key")
    if not isinstance(found, dict):
        return f"its {MANIFEST} does not say of which"
    wanted = json.loads(json.dumps(build.key))
    differ = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    told = [
        f"{name} is {json.dumps(found.get(name))}, not {json.dumps(wanted.get(name))}"
        for name in differ
        if name != "stages"
    ]
    if differ:
        return "; ".join(told or ["its programs had other words"])
    unnamed = [name for name in build.needed_files if name not in manifest["files"]]
    return f"its {MANIFEST} does not name {', '.join(unnamed)}" if unnamed else ""


def look_command(
    cluster: Cluster, python: str, folder: str, *, tokenizer: str, remembered_only: bool = False
) -> Command:
    """Look at a model's folder on the head. It lives while its stdin is open.

    ``remembered_only``: read no weights; the digest is that of an earlier look, if any.
    """
    head = cluster.head.name
    record = f"{cluster.home_of(head)}/builds/models.json"
    flags = ("--remembered-only",) if remembered_only else ()
    words = (folder, "--tokenizer", tokenizer, "--record", record, *flags)
    return payload_command(python, payload_folder(cluster.home_of(head)), "model_look", *words)


def build_command(cluster: Cluster, python: str, order: str) -> Command:
    """Run the stages of a build on the head. It lives while its stdin is open."""
    payloads = payload_folder(cluster.home_of(cluster.head.name))
    return payload_command(python, payloads, "build_engine", order)


def engines_command(
    cluster: Cluster, node: str, python: str, action: str, name: str | None
) -> Command:
    """Ask a node for its engines, or have it remove one."""
    words = (action, engines_folder(cluster), *([name] if name else []))
    return payload_command(python, payload_folder(cluster.home_of(node)), "engines", *words)


def order_of(
    build: EngineBuild,
    paths: BuildPaths,
    *,
    shape: Mapping[str, Any],
    engine: Mapping[str, Any],
    verify: bool = False,
) -> bytes:
    """What the payload `build_engine` must know; ``engine`` goes into the manifest."""
    row = {
        "version": 1,
        "name": build.name,
        "target": paths.target,
        "log": paths.log,
        "verify": verify,
        "stages": [asdict(stage) for stage in build.stages],
        "rank_files": build.rank_files,
        "common_files": build.common_files,
        "tokenizer": build.tokenizer,
        "room_bytes": (build.size_bytes or 0) + (build.work_bytes or 0),
        "shape": dict(shape),
        "engine": {
            "key": dict(build.key),
            "rank_files": build.rank_files,
            "common_files": build.common_files,
            **engine,
        },
    }
    return json.dumps(row, indent=1).encode()


def first_build_steps(
    cluster: Cluster, build: EngineBuild, *, python: str, model: str, tokenizer: str
) -> tuple[Step, ...]:
    """The steps of a first build, to be printed: what only a look can tell is in <brackets>."""
    head = cluster.head.name
    paths = BuildPaths.of(cluster, build, is_known=False)
    work = f"{paths.target}.{_RANDOM}.part"
    payloads = payload_folder(cluster.home_of(head))
    look = look_command(cluster, python, model, tokenizer=tokenizer)
    check = check_command(python, payloads, paths.target)
    stages = [
        _step(head, _summary(stage.name, stage.cwd), Command(stage.words(work), env=stage.env))
        for stage in build.stages
    ]
    publish = "run the programs above, add the tokenizer, and publish by one rename"
    return (
        _step(head, f"look at the model in {model}", look),
        _step(head, f"look whether {build.name} is built; if so, that is all", check),
        *stages,
        _step(head, "say what to build", Put(paths.order, b"")),
        _step(head, publish, build_command(cluster, python, paths.order)),
    )


def _summary(stage: str, cwd: str | None) -> str:
    return f"{stage}, in {cwd}" if cwd else stage


def _step(node: str, summary: str, action: Command | Put) -> Step:
    return Step(node, summary, action, sign="+", stage="engine")
