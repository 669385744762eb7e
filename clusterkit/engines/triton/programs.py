"""What ranks run: a tritonserver each, or what asks the first of them."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.rank_input import input_file
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Listening
from clusterkit.engines.triton.devices import devices_env, must_tell, version_problems
from clusterkit.engines.triton.filling import mandatory, values_of
from clusterkit.engines.triton.words import (
    common_words,
    follower_words,
    leader_words,
    ports_of,
    word_problems,
)
from clusterkit.errors import DoesNotFit, UsageError
from clusterkit.model.job import RankProgram
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.triton_repository import ON_OTHERS, ON_RANK_0
from clusterkit.placement import Placement


def serve_program(
    settings: TritonSettings,
    placement: Placement,
    listening: Listening,
    python: str,
    payload_folder: str,
) -> RankProgram:
    """The payload that fills a repository and watches its server, on every rank.

    Raises:
        DoesNotFit: If words or ports cannot be meant so, or a placeholder would stay empty.
    """
    values = values_of(settings, placement)
    found = list(word_problems(settings, listening))
    found += version_problems(settings, placement)
    if settings.version is not None:
        needed = mandatory(Version(settings.version))
        lacks = sorted(set().union(*needed.values()) - values.keys())
        found += [f"nobody fills ${{{name}}}. Fix: engine.parameters" for name in lacks]
    if found:
        raise DoesNotFit("\n".join(found))
    others = {
        node: address
        for node, address in listening.addresses.items()
        if node in placement.nodes[1:] and address
    }
    content = {
        "url": listening.own_url,
        "grpc": listening.own_address(settings.grpc_port),
        "served": settings.served,
        "templates": settings.templates,
        "values": values,
        "tell_devices": must_tell(settings, placement),
        "others": others,
        "ports": list(ports_of(settings, listening).values()),
    }
    return RankProgram(
        argv=(
            *(python, payload_folder, "triton_serve", *common_words(settings)),
            *(ON_RANK_0, *leader_words(settings, listening)),
            *(ON_OTHERS, *follower_words()),
        ),
        env={"TOKENIZERS_PARALLELISM": "false", **devices_env(settings, placement)},
        files=input_file(content),
    )


def ask_program(
    settings: TritonSettings,
    request: GenerateRequest,
    python: str,
    payload_folder: str,
    server_folder: str,
) -> RankProgram:
    """What asks the server; ``server_folder`` has what the server told.

    Raises:
        UsageError: If Triton cannot be asked so.
    """
    if request.system is not None:
        raise UsageError(
            "Triton gets the prompt as it is: there is no chat template. Fix: leave out "
            "`--system`, or write it into the prompt"
        )
    if request.logits:
        raise UsageError("Triton's models give no logits. Fix: leave out `--logits`")
    content = {
        "server": f"{server_folder}/server.json",
        "model": settings.served,
        "prompts": request.prompts,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
    }
    return RankProgram(
        argv=(python, payload_folder, "triton_infer"),
        files=input_file(content),
    )
