"""Triton as an engine: one tritonserver for each rank of an engine; the first of them answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from clusterkit.engines.answers import Told, told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Listening
from clusterkit.engines.triton.checks import Looked, check_looks
from clusterkit.engines.triton.devices import devices_env, must_tell, version_problems
from clusterkit.engines.triton.filling import mandatory, values_of
from clusterkit.engines.triton.known_errors import explain
from clusterkit.engines.triton.words import (
    common_words,
    follower_words,
    leader_words,
    ports_of,
    word_problems,
)
from clusterkit.errors import DoesNotFit, UsageError
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.model_protocol import INPUT_VERSION
from clusterkit.payloads.triton_repository import ON_OTHERS, ON_RANK_0
from clusterkit.placement import Placement

NOTHING_TO_BUILD = (
    "engine.name: triton serves an engine that is there; nothing is built. Fix: "
    "`clusterkit serve`; or `engine: {name: tensorrt-llm, …}` to build one"
)


@dataclass(frozen=True, slots=True)
class Triton:
    """The engine ``triton``, with its settings."""

    settings: TritonSettings

    def check(
        self,
        request: GenerateRequest,
        shape: ModelShape,
        cluster: Cluster,
        facts: Mapping[str, NodeFacts],
    ) -> None:
        """Nothing: a server that runs says itself what it does not take."""

    def build(
        self, node: str, facts: NodeFacts, model: ModelFolder | None, placement: Placement
    ) -> EngineBuild | None:
        """Nothing is built.

        Raises:
            UsageError: Always.
        """
        raise UsageError(NOTHING_TO_BUILD)

    def program(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        request: GenerateRequest,
        placement: Placement,
    ) -> RankProgram:
        """What asks the server, on its own node; ``model_folder`` has what the server told.

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
            "version": INPUT_VERSION,
            "server": f"{model_folder}/server.json",
            "model": self.settings.served,
            "prompts": request.prompts,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed,
        }
        return RankProgram(
            argv=(python, payload_folder, "triton_infer"),
            files={"input.json": json.dumps(content, ensure_ascii=False).encode()},
        )

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
        return told(rank, row)

    def explain(self, log: str) -> str | None:
        """Cause and fix of a failure, from the log of the rank that failed first, if known."""
        return explain(log)

    def serves_built(self) -> bool:
        """False: the engine lies on the nodes."""
        return False

    def check_serve(
        self, shape: ModelShape | None, cluster: Cluster, facts: Mapping[str, NodeFacts]
    ) -> tuple[str, ...]:
        """Nothing to warn of before the nodes are looked at."""
        return ()

    def look_words(self, listening: Listening) -> tuple[str, ...]:
        """The words of the payload that looks at each node."""
        order = {
            "server": self.settings.server,
            "templates": self.settings.templates,
            "engine": self.settings.model,
            "tokenizer": self.settings.tokenizer_folder,
            "host": "0.0.0.0",  # noqa: S104 - whoever listens at any address is in the way
            "ports": list(ports_of(self.settings, listening).values()),
        }
        return ("triton_look", json.dumps(order))

    def check_looks(
        self, looks: Mapping[str, Mapping[str, Any]], placement: Placement, listening: Listening
    ) -> tuple[str, ...]:
        """What to warn of, from what that payload printed on every node.

        Raises:
            DoesNotFit: With one line for each problem.
        """
        return check_looks(Looked(self.settings, placement, listening, looks))

    def serve(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        placement: Placement,
        listening: Listening,
    ) -> RankProgram:
        """What every rank runs: the payload that fills a repository and watches its server.

        Raises:
            DoesNotFit: If words or ports cannot be meant so, or a placeholder would stay empty.
        """
        values = values_of(self.settings, placement)
        found = list(word_problems(self.settings, listening))
        found += version_problems(self.settings, placement)
        if self.settings.version is not None:
            needed = mandatory(Version(self.settings.version))
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
            "version": INPUT_VERSION,
            "url": listening.own_url,
            "grpc": listening.own_address(self.settings.grpc_port),
            "served": self.settings.served,
            "templates": self.settings.templates,
            "values": values,
            "tell_devices": must_tell(self.settings, placement),
            "others": others,
            "ports": list(ports_of(self.settings, listening).values()),
        }
        return RankProgram(
            argv=(
                *(python, payload_folder, "triton_serve", *common_words(self.settings)),
                *(ON_RANK_0, *leader_words(self.settings, listening)),
                *(ON_OTHERS, *follower_words()),
            ),
            env={"TOKENIZERS_PARALLELISM": "false", **devices_env(self.settings, placement)},
            files={"input.json": json.dumps(content, ensure_ascii=False).encode()},
        )
