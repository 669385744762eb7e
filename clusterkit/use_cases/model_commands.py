"""What building a model runs, as values: commands, the target's name, and the steps to print."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clusterkit.command import HOST, Command, Put, Step
from clusterkit.model.cluster import Cluster
from clusterkit.model.models import ModelOrigin, ModelSource, Wheel, model_source
from clusterkit.payloads.model_protocol import FORMAT
from clusterkit.quantities import size
from clusterkit.use_cases.model_fetch import hub_command, wheel_command


def first_build_steps(
    cluster: Cluster, *, python: str, payloads: str, cache: str, source: ModelOrigin
) -> tuple[Step, ...]:
    """The steps of a first build, to be printed: what only a look can tell is in <brackets>."""
    model = model_source(cluster.engine.model)
    head = cluster.head.name
    wheel = model.builtin.wheel if model.builtin and source == "pypi" else None
    sha256 = wheel.member_sha256 if wheel else "<sha256>"
    target = (
        target_of(cluster, model.name, wheel.member_sha256)
        if wheel
        else f"{_models(cluster)}/{model.name}-<digest>"
    )
    look = check_command(python, payloads, target)
    steps = [_step(head, f"look whether {model.name} is built; if so, that is all", look)]
    steps += _fetch_steps(model, f"{cache}/models/<temporary>", wheel)
    fetched = model.setting if model.kind == "path" else f"{cache}/models/{model.name}"
    if wheel:
        fetched += f"/{Path(wheel.member).name}"
    if cluster.storage.kind != "local":
        upload = f"{target}.<random>.upload/{Path(fetched).name}"
        steps.append(_step(head, f"bring {model.name} to the storage", Put(upload, b"")))
        fetched = upload
    convert = convert_command(python, payloads, fetched, target, name=model.name, sha256=sha256)
    summary = "convert to safetensors, and publish by one rename"
    if cluster.storage.kind == "local" and model.kind == "path":
        summary += "; a folder of safetensors is used where it is"
    return (*steps, _step(head, summary, convert))


def _fetch_steps(model: ModelSource, folder: str, wheel: Wheel | None) -> list[Step]:
    """What fetches a model to this machine; nothing does for a path."""
    if model.kind == "path":
        return []
    if wheel is not None:
        summary = f"fetch {model.name} ({size(wheel.size)}), unless it is here"
        return [_step(HOST, summary, wheel_command(wheel, folder))]
    name = model.builtin.hub if model.builtin else model.setting
    summary = f"fetch {name} from the hub, unless it is here"
    return [_step(HOST, summary, hub_command(name, folder))]


def target_of(cluster: Cluster, name: str, sha256: str) -> str:
    """The folder of a built model on the nodes: its name tells its source and its format."""
    key = hashlib.sha256(f"{FORMAT}\n{sha256}\n".encode()).hexdigest()
    return f"{_models(cluster)}/{name}-{key[:12]}"


def check_command(python: str, payloads: str, folder: str, *, verify: bool = False) -> Command:
    """Compare a built model with its manifest; that needs nothing but Python."""
    how = "--verify" if verify else "--check"
    return Command((python, "-I", "-S", payloads, "convert", how, folder))


def convert_command(
    python: str, payloads: str, source: str, target: str, *, name: str, sha256: str
) -> Command:
    """Convert and publish. It lives while its stdin is open."""
    options = ("--name", name, "--source-sha256", sha256)
    return _convert(python, payloads, source, target, *options)


def describe_command(python: str, payloads: str, folder: str) -> Command:
    """Tell what the model in a folder is; the folder stays as it is."""
    return _convert(python, payloads, "--describe", folder)


def _convert(python: str, payloads: str, *words: str) -> Command:
    return Command((python, payloads, "convert", *words))


def _models(cluster: Cluster) -> str:
    return f"{cluster.storage.path}/clusterkit/models"


def _step(node: str, summary: str, action: Command | Put) -> Step:
    return Step(node, summary, action, sign="+", stage="engine")
