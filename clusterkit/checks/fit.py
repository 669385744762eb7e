"""Whether a model, split as asked, can run on a cluster: every reason why not, with what would."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clusterkit.checks.memory import Need, need_of
from clusterkit.errors import DoesNotFit
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.engine import EngineSettings
from clusterkit.model.mistakes import any_of
from clusterkit.model.models import ModelShape
from clusterkit.placement import Placement, Rank, place_stages, slots_of_each
from clusterkit.quantities import gib

REQUIRED_PACKAGES = ("torch", "transformers", "accelerate", "safetensors")
"""What a rank imports."""

SERVER_PACKAGES = ("starlette", "uvicorn", "prometheus_client", "pydantic")
"""What the first rank of a server imports besides."""

# Read from the configurations of transformers 5.20.2; an architecture that is in neither set is
# tried, and the rank says so where it has no plan.
_WITHOUT_TP = frozenset(
    {
        "BloomForCausalLM",
        "FalconForCausalLM",
        "GPT2LMHeadModel",
        "GPTBigCodeForCausalLM",
        "GPTJForCausalLM",
        "GPTNeoForCausalLM",
        "GptOssForCausalLM",
        "MambaForCausalLM",
        "MptForCausalLM",
        "NemotronForCausalLM",
        "OPTForCausalLM",
        "StableLmForCausalLM",
    }
)
_WITHOUT_PP = frozenset(
    {
        "BloomForCausalLM",
        "FalconForCausalLM",
        "GPT2LMHeadModel",
        "GPTBigCodeForCausalLM",
        "GPTJForCausalLM",
        "GPTNeoForCausalLM",
        "GPTNeoXForCausalLM",
        "MambaForCausalLM",
        "MptForCausalLM",
        "OPTForCausalLM",
        "PhiForCausalLM",
    }
)
_TEMPLATE_TOKENS = 256
_SPLIT_SINCE = (5, 16, 1)  # the first with pp_size in DistributedConfig
_TP_WITH_PP_SINCE, _TP_WITH_PP_BEFORE = (5, 18), (5, 21)


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to run: the model as it is split, and how long a text may become.

    ``prompt_bytes`` is the size of the longest prompt; a token is a byte or more. ``weights`` is
    how often a rank holds its weights.
    """

    model: str
    shape: ModelShape
    settings: EngineSettings
    max_tokens: int
    prompt_bytes: int = 0
    has_kv_cache: bool = True
    weights: int = 1
    packages: tuple[str, ...] = REQUIRED_PACKAGES

    @property
    def context(self) -> int:
        """The most tokens that prompt, template and completion can be together."""
        longest = self.prompt_bytes + _TEMPLATE_TOKENS + self.max_tokens
        return min(longest, self.shape.max_context)


def check_fit(job: Workload, cluster: Cluster, facts: Mapping[str, NodeFacts]) -> None:
    """Find everything that would only fail later. Nodes without facts are not judged by them.

    Raises:
        DoesNotFit: With one line for each problem.
    """
    problems = fit_problems(job, cluster, facts)
    used = {name: facts[name] for name in used_nodes(job.settings, cluster) if name in facts}
    problems += _version_problems(job, used)
    problems += package_problems(used, job.packages)
    if problems:
        raise DoesNotFit("\n".join(problems))


def used_nodes(settings: EngineSettings, cluster: Cluster) -> tuple[str, ...]:
    """The nodes that get ranks; all where there are too few slots."""
    if settings.world_size > cluster.slots:
        return tuple(node.name for node in cluster.members)
    return place_stages(cluster, tp=settings.tp, pp=settings.groups).nodes


def fit_problems(job: Workload, cluster: Cluster, facts: Mapping[str, NodeFacts]) -> list[str]:
    """What the model, the slots and the memory do not allow, whichever engine runs it."""
    problems = list(_split_problems(job))
    if job.settings.world_size > cluster.slots:
        problems.append(_too_many_ranks(job.settings, cluster))
    else:
        placement = place_stages(cluster, tp=job.settings.tp, pp=job.settings.groups)
        if not problems:  # the estimate of a split that cannot be says nothing
            problems += _memory_problems(job, cluster, placement, facts)
        problems += _shared_gpu_problems(cluster, placement)
    return problems


def package_problems(
    facts: Mapping[str, NodeFacts], packages: tuple[str, ...] = REQUIRED_PACKAGES
) -> Iterator[str]:
    """What a rank imports, and its node does not have; or another version of it than others."""
    for name, node in facts.items():
        missing = [package for package in packages if package not in node.packages]
        if missing:
            yield (
                f"{name}: {node.python} has no {', '.join(missing)}. "
                f"Fix: `{node.python} -m pip install {' '.join(missing)}`"
            )
    yield from different_versions("transformers", facts)


def different_versions(package: str, facts: Mapping[str, NodeFacts]) -> Iterator[str]:
    """That the nodes which have ``package`` do not have the same."""
    versions: dict[str, list[str]] = {}
    for name, node in facts.items():
        if version := node.packages.get(package):
            versions.setdefault(version, []).append(name)
    if len(versions) > 1:
        have = "; ".join(f"{', '.join(names)} {version}" for version, names in versions.items())
        yield f"the nodes have different {package}: {have}. Fix: the same version on all"


def _split_problems(job: Workload) -> Iterator[str]:
    """What the model itself does not allow."""
    shape, tp, pp = job.shape, job.settings.tp, job.settings.pp
    if tp > 1 and shape.architecture in _WITHOUT_TP:
        yield f"{job.model}, a {shape.architecture}, has no tensor parallel plan. Fix: use tp 1"
    elif shape.heads % tp or shape.kv_heads % tp:
        common = math.gcd(shape.heads, shape.kv_heads)
        yield (
            f"tp={tp} does not divide {shape.heads} attention heads and {shape.kv_heads} KV heads "
            f"of {job.model}. Fix: use tp {any_of(_divisors(common))}"
        )
    if pp > 1 and shape.architecture in _WITHOUT_PP:
        yield f"{job.model}, a {shape.architecture}, cannot be split by layers. Fix: use pp 1"
    elif pp > shape.layers:
        yield (
            f"pp={pp} is more than the {shape.layers} layers of {job.model}. "
            f"Fix: use pp {shape.layers} or less"
        )
    if job.max_tokens >= shape.max_context:
        yield (
            f"max tokens is {job.max_tokens}; {job.model} can hold {shape.max_context} tokens, "
            f"prompt included. Fix: fewer `--max-tokens`"
        )


def _too_many_ranks(settings: EngineSettings, cluster: Cluster) -> str:
    sizes = [f"{name}={size}" for name, size in settings.split.items()]
    return (
        f"{' x '.join(sizes)} needs {settings.world_size} slots; cluster "
        f"{cluster.name} has {cluster.slots} ({slots_of_each(cluster)}). "
        f"Fix: a {' x '.join(settings.split)} of at most {cluster.slots}, or raise `slots`"
    )


def _shared_gpu_problems(cluster: Cluster, placement: Placement) -> Iterator[str]:
    """NCCL refuses two ranks of one job on one GPU."""
    if placement.world_size == 1:
        return
    for name, ranks in placement.by_node:
        gpus = cluster.node(name).gpus
        if gpus and len(ranks) > len(set(gpus)):
            yield (
                f"{name}: {len(ranks)} ranks would share {len(set(gpus))} GPU, which NCCL "
                "refuses. Fix: as many `slots` as `gpus`"
            )


def _version_problems(job: Workload, facts: Mapping[str, NodeFacts]) -> Iterator[str]:
    for name, node in facts.items():
        if version := node.packages.get("transformers"):
            yield from _version_problem(job.settings, name, version)


def _version_problem(settings: EngineSettings, node: str, version: str) -> Iterator[str]:
    number = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if settings.world_size > 1 and number < _SPLIT_SINCE:
        yield (
            f"{node}: transformers {version} cannot split a model this way. "
            "Fix: 5.18 to 5.20 there"
        )
    elif (
        settings.tp > 1
        and settings.pp > 1
        and not _TP_WITH_PP_SINCE <= number < _TP_WITH_PP_BEFORE
    ):
        yield (
            f"{node}: tp with pp works on transformers 5.18 to 5.20, and {version} is there. "
            f"Fix: one of these, or tp or pp alone"
        )


def _memory_problems(
    job: Workload, cluster: Cluster, placement: Placement, facts: Mapping[str, NodeFacts]
) -> Iterator[str]:
    for name, ranks in placement.by_node:
        if name in facts:
            yield from _node_memory_problem(job, cluster.node(name), ranks, facts[name])


def _node_memory_problem(
    job: Workload, node: Node, ranks: tuple[Rank, ...], facts: NodeFacts
) -> Iterator[str]:
    """Each GPU must hold its rank; a node without GPUs holds all of its ranks in its memory."""
    on_gpu = bool(node.gpus)
    need = _need(job, job.settings, on_gpu=on_gpu)
    if on_gpu:
        have = min((gpu.memory_bytes for gpu in facts.gpus), default=None)
        if have is not None and need.bytes > have:
            yield (
                f"{node.name}: a rank needs about {gib(need.bytes)} ({_parts(job, need)}) and its "
                f"GPU has {gib(have)}. Fix: {_more_parts(job, have, ranks=1, on_gpu=True)}"
            )
        return
    total, have = need.bytes * len(ranks), facts.memory_available_bytes
    if total > have:
        count = f"{len(ranks)} ranks need" if len(ranks) > 1 else "a rank needs"
        yield (
            f"{node.name}: {count} about {gib(total)} (each {_parts(job, need)}) and {gib(have)} "
            f"is available. Fix: {_more_parts(job, have, ranks=len(ranks), on_gpu=False)}"
        )


def _need(job: Workload, settings: EngineSettings, *, on_gpu: bool) -> Need:
    need = need_of(job.shape, settings, context=job.context, on_gpu=on_gpu)
    kv_cache = need.kv_cache if job.has_kv_cache else 0
    return Need(need.weights * job.weights, kv_cache, need.runtime)


def _more_parts(job: Workload, have: int, *, ranks: int, on_gpu: bool) -> str:
    """The fewest parts of the model that would fit, with as many ranks a node as now."""
    for name, parts in _finer_splits(job):
        settings = job.settings.model_copy(update={name: parts})
        if _need(job, settings, on_gpu=on_gpu).bytes * ranks <= have:
            where = "GPUs" if on_gpu else "nodes"
            return f"{name} {parts} over more {where}, a smaller model, or fewer tokens"
    return "a smaller model, fewer tokens, or more memory"


def _finer_splits(job: Workload) -> Iterator[tuple[str, int]]:
    """More stages; where layers are not split, more tensor parallel parts."""
    settings, shape = job.settings, job.shape
    if "pp" in settings.split:
        yield from (("pp", parts) for parts in range(settings.pp + 1, shape.layers + 1))
    elif shape.architecture not in _WITHOUT_TP:
        common = math.gcd(shape.heads, shape.kv_heads)
        yield from (("tp", int(each)) for each in _divisors(common) if int(each) > settings.tp)


def _parts(job: Workload, need: Need) -> str:
    weights = f"{job.weights} x {gib(need.weights // job.weights)}"
    parts = ["weights " + weights.removeprefix("1 x ")]
    parts += [f"KV cache {gib(need.kv_cache)}"] if job.has_kv_cache else []
    return ", ".join([*parts, f"runtime {gib(need.runtime)}"])


def _divisors(number: int) -> list[str]:
    return [str(divisor) for divisor in range(1, number + 1) if number % divisor == 0]
