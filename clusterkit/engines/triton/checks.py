"""What would only fail when all servers start, found in what the nodes told before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.engines.serving import Listening
from clusterkit.engines.triton.engine_checks import engine_problems
from clusterkit.engines.triton.filling import unknown_parameters, values_of
from clusterkit.engines.triton.words import ports_of
from clusterkit.errors import DoesNotFit
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.triton_repository import (
    RUNS_ENGINE,
    field,
    fill,
    placeholders,
    problems,
)
from clusterkit.placement import Placement
from clusterkit.quantities import counted

Look = Mapping[str, Any]
"""What `triton_look` printed on one node."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What every node told, the one of rank 0 first, and what is wanted there."""

    settings: TritonSettings
    placement: Placement
    listening: Listening
    looks: Mapping[str, Look]

    @property
    def leader(self) -> str:
        """The node that will answer."""
        return self.placement.nodes[0]


def check_looks(looked: Looked) -> tuple[str, ...]:
    """What to warn of.

    Raises:
        DoesNotFit: With one line for each problem.
    """
    if found := list(_problems(looked)):
        raise DoesNotFit("\n".join(dict.fromkeys(found)))
    return tuple(_warnings(looked))


def _problems(looked: Looked) -> Iterator[str]:
    yield from _missing(looked)
    yield from _ports(looked)
    yield from _repository(looked)
    yield from _engines(looked)
    yield from _equal(looked)


def _missing(looked: Looked) -> Iterator[str]:
    settings = looked.settings
    for node, look in looked.looks.items():
        if not look["has_server"]:
            yield (
                f"{node}: there is no program {settings.server}. Fix: an image with Triton, or "
                "engine.server: where it is"
            )
        if not look["templates"]:
            yield (
                f"{node}: {settings.templates} has no templates. Fix: engine.templates: the "
                "folder inflight_batcher_llm of the backend's release on this node"
            )
        if look["engine"] is None:
            yield (
                f"{node}: {settings.model} is no engine: there is no config.json that can be "
                "read. Fix: bring it there, as `clusterkit engines push` does"
            )
        if not look["tokenizer"]:
            yield (
                f"{node}: there is no tokenizer in {settings.tokenizer_folder}. Fix: bring it "
                "there, or engine.tokenizer: where it is"
            )


def _ports(looked: Looked) -> Iterator[str]:
    """On all nodes: that the others refuse connections is what proves one server of all ranks."""
    named = {port: name for name, port in ports_of(looked.settings, looked.listening).items()}
    for node, look in looked.looks.items():
        servers = [f"tritonserver, pid {each['pid']}{_of_job(each)}" for each in look["servers"]]
        for port in look["taken"]:
            who = f" ({'; '.join(servers)})" if servers else ""
            jobs = [f"`clusterkit stop {each['job']}`" for each in look["servers"] if each["job"]]
            end = " and ".join(dict.fromkeys(jobs)) or "end what listens there"
            yield f"{node}: port {port} is taken{who}. Fix: {end}, or another {named[port]}"


def _of_job(server: Mapping[str, Any]) -> str:
    return f" of job {server['job']}" if server["job"] else ""


def _repository(looked: Looked) -> Iterator[str]:
    values = values_of(looked.settings, looked.placement)
    asked: set[str] = set()
    for node, look in looked.looks.items():
        if not look["templates"]:
            continue
        for problem in problems(look["templates"], look["files"], values):
            yield f"{node}: {looked.settings.templates}: {problem}"
        if node == looked.leader and looked.settings.served not in look["templates"]:
            have = ", ".join(sorted(look["templates"]))
            served = looked.settings.served
            yield f"engine.served: no template is of `{served}`. Fix: one of {have}"
        for text in look["templates"].values():
            asked |= placeholders(text)
        filled = fill(look["templates"].get(RUNS_ENGINE, ""), values)
        yield from _decoupled(looked.settings, field(filled, "decoupled"))
    if asked:
        yield from unknown_parameters(looked.settings, frozenset(asked))


def _decoupled(settings: TritonSettings, said: str | None) -> Iterator[str]:
    is_decoupled = (said or "false").lower() in ("true", "t", "1")
    if is_decoupled != settings.decoupled:
        yield (
            f"engine.decoupled is {str(settings.decoupled).lower()}, and the template of "
            f"{RUNS_ENGINE} says {said or 'nothing, which is false'}. Fix: make them agree: "
            "clients are chosen by it"
        )


def _engines(looked: Looked) -> Iterator[str]:
    for node, _ in looked.placement.by_node:
        yield from engine_problems(looked.settings, looked.placement, node, looked.looks[node])


def _equal(looked: Looked) -> Iterator[str]:
    """What ranks read must be the same on every node: they would fail, or answer nonsense."""
    first = looked.looks[looked.leader]
    kinds = (
        ("engine.model", looked.settings.model, _engine_digest),
        ("engine.tokenizer", looked.settings.tokenizer_folder, lambda look: look["tokenizer"]),
        ("engine.templates", looked.settings.templates, lambda look: look["templates"]),
        ("engine.templates", looked.settings.templates, lambda look: look["files"]),
    )
    for name, path, of in kinds:
        differ = [
            node for node, look in looked.looks.items() if of(look) and of(look) != of(first)
        ]
        if differ and of(first):
            yield (
                f"{name}: {path} is not the same on {looked.leader} and {', '.join(differ)}. "
                f"Fix: the one of {looked.leader} there"
            )


def _engine_digest(look: Look) -> Any:
    return look["engine"] and look["engine"]["digest"]


def _warnings(looked: Looked) -> Iterator[str]:
    for node, look in looked.looks.items():
        for server in look["servers"]:
            yield (
                f"{node}: another tritonserver runs there: pid {server['pid']}{_of_job(server)}"
            )
        if regions := look["stale_regions"]:
            count = counted(len(regions), "region")
            yield (
                f"{node}: a server that was killed left {count} of shared "
                f"memory: /dev/shm/{regions[0]}{' and others' if len(regions) > 1 else ''}. "
                "Fix: remove them"
            )
