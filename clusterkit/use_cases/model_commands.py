"""What building a model runs, as values: commands, the target's name, and the steps to print."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterkit.command import HOST, Command, Put, Step
from clusterkit.model.cluster import Cluster
from clusterkit.model.models import ModelOrigin, ModelSource, Wheel, model_source
from clusterkit.model.node_sets import fold
from clusterkit.payloads.model_protocol import FORMAT
from clusterkit.quantities import size
from clusterkit.tasks.payload import payload_command
from clusterkit.use_cases.model_fetch import hub_command, wheel_command


@dataclass(frozen=True, slots=True)
class Receiver:
    """A node that keeps a copy of its own; ``payloads`` are those there."""

    name: str
    python: str
    payloads: str


def first_build_steps(
    cluster: Cluster,
    *,
    python: str,
    payloads: str,
    cache: str,
    source: ModelOrigin,
    receivers: Sequence[Receiver] = (),
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
        folder = f"{target}.<random>.upload"
        hold = hold_command(python, payloads, folder)
        steps.append(_step(head, "make a folder for it there, that goes with us", hold))
        upload = f"{folder}/{Path(fetched).name}"
        steps.append(_step(head, f"bring {model.name} to the storage", Put(upload, b"")))
        fetched = upload
    convert = convert_command(python, payloads, fetched, target, name=model.name, sha256=sha256)
    summary = "convert to safetensors, and publish by one rename"
    if cluster.storage.kind == "local" and model.kind == "path":
        summary += "; a folder of safetensors is used where it is"
    steps.append(_step(head, summary, convert))
    if receivers:
        config = f"{cluster.home_of(head)}/ssh/config"
        send = send_command(python, payloads, target, ssh_config=config, receivers=receivers)
        names = fold(receiver.name for receiver in receivers)
        steps.append(_step(head, f"copy it to those of {names} that lack it", send))
    return tuple(steps)


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
    return payload_command(python, payloads, "convert", how, folder)


def hold_command(python: str, payloads: str, folder: str) -> Command:
    """Have a folder for an upload there, for as long as the stdin of this is open."""
    return payload_command(python, payloads, "hold_upload", folder)


def convert_command(
    python: str, payloads: str, source: str, target: str, *, name: str, sha256: str
) -> Command:
    """Convert and publish. It lives while its stdin is open."""
    options = ("--name", name, "--source-sha256", sha256)
    return _convert(python, payloads, source, target, *options)


def send_command(
    python: str, payloads: str, folder: str, *, ssh_config: str, receivers: Sequence[Receiver]
) -> Command:
    """Copy a built model from the head to other nodes. It lives while its stdin is open."""
    rows = [asdict(receiver) for receiver in receivers]
    return payload_command(python, payloads, "send_model", folder, ssh_config, json.dumps(rows))


def describe_command(python: str, payloads: str, folder: str) -> Command:
    """Tell what the model in a folder is; the folder stays as it is."""
    return _convert(python, payloads, "--describe", folder)


def _convert(python: str, payloads: str, *words: str) -> Command:
    return Command((python, payloads, "convert", *words))


def _models(cluster: Cluster) -> str:
    return f"{cluster.storage.path}/clusterkit/models"


def _step(node: str, summary: str, action: Command | Put) -> Step:
    return Step(node, summary, action, sign="+", stage="engine")
