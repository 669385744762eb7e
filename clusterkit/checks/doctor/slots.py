"""Has every rank a GPU of its own, and is every GPU that was asked for there?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.seen import Seen
from clusterkit.model.cluster import Node

LOOKS_AT = "slots against GPUs"
_MISSING = "correct `gpus` in the inventory, or look why nvidia-smi does not show it"
_SHARED = "set `slots` to the number of GPUs: ranks that share one divide its memory"
_CORES = "set `slots` to at most the number of cores"


def find(seen: Seen) -> list[Finding]:
    """A GPU that is not there fails; ranks that share GPUs or cores are a warning."""
    missing = {node.name: text for node in seen.answering if (text := _missing(node, seen))}
    tight = {
        node.name: f"{node.slots} slots, {len(node.gpus)} GPUs"
        for node in seen.answering
        if node.gpus and node.slots > len(node.gpus) and node.name not in missing
    }
    cores = {
        node.name: f"{node.slots} slots, {seen.facts[node.name].cores} cores"
        for node in seen.answering
        if not node.gpus and node.name in seen.facts
        if node.slots > seen.facts[node.name].cores
    }
    rest = {
        node.name: f"{node.slots} slots, {len(node.gpus)} GPUs"
        for node in seen.answering
        if node.name not in {**missing, **tight, **cores}
    }
    return [
        *by_text("fail", missing, fix=_MISSING),
        *by_text("warn", tight, fix=_SHARED),
        *by_text("warn", cores, fix=_CORES),
        *by_text("pass", rest),
    ]


def _missing(node: Node, seen: Seen) -> str | None:
    facts = seen.facts.get(node.name)
    if facts is None or not node.gpus:
        return None
    there = {gpu.index for gpu in facts.gpus}
    absent = [index for index in node.devices if index not in there]
    if not absent:
        return None
    has = ", ".join(map(str, sorted(there))) or "none"
    return f"GPU {', '.join(map(str, absent))} asked for, but nvidia-smi shows {has}"
