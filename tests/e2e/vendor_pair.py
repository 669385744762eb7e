"""The shipped playbooks and inventories, changed only in what a machine without GPUs must have.

Names, subnet, image and the folder of the host are the test's own. ``gpus`` goes, as Docker gives
none without NVIDIA's runtime; the nodes pretend to have as many, and keep their slots. So do the
limits, which a Docker engine inside of a container may not raise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.controller import REPOSITORY, Done
from tests.e2e.pair import Pair


@dataclass
class Vendor:
    """One cluster of nodes that pretend to have TensorRT-LLM; ``shared`` is their storage here."""

    pair: Pair
    shared: Path

    def inventory(self, name: str, image: str, **engine: Any) -> Path:
        """A shipped inventory; its layer is built on ``image``, ``engine`` changes settings."""
        given = yaml.safe_load((REPOSITORY / "inventories" / f"{name}.yaml").read_text())
        given["cluster"] = self.pair.name
        own, mine = given["network"]["subnet"], self.pair.subnet
        given["network"]["subnet"] = mine
        container = given["container"]
        container["image"] = f"clusterkit/{self.pair.name}"
        container["build"] |= {"context": str(REPOSITORY), "args": {"BASE": image}}
        del container["ulimits"]
        given["storage"]["source"] = str(self.shared)
        for node in given["nodes"].values():
            gpus = len(node.pop("gpus"))
            node |= {"slots": gpus, "container": {"env": {"STAND_IN_GPUS": str(gpus)}}}
            if "address" in node:
                node["address"] = node["address"].replace(own[:-5], mine[:-5])
        given["engine"] |= engine
        folder = self.pair.folder / "inventories"
        folder.mkdir(exist_ok=True)
        file = folder / f"{name}.yaml"
        file.write_text(json.dumps(given, indent=2))
        return file

    def describe(self, image: str, gpus: dict[str, int], **engine: Any) -> Path:
        """An inventory of this test's own: nodes with so many GPUs each, and one engine."""
        nodes = {
            name: {"slots": count, "container": {"env": {"STAND_IN_GPUS": str(count)}}}
            for name, count in gpus.items()
        }
        return self.pair.describe(
            nodes=nodes,
            container={"image": image, "shm_size": "64m"},
            storage={"kind": "bind", "source": str(self.shared), "path": "/TRTDir"},
            python="python3",
            engine={"name": "tensorrt-llm", **engine},
        )

    def infer(self, *prompts: str) -> dict[str, Any]:
        """What all ranks answer; the engine is built where there is none."""
        words = [word for prompt in prompts for word in ("--prompt", prompt)]
        return self.pair.answer("infer", *words, "--max-tokens", 200)

    def play(self, name: str, *words: object) -> Done:
        """Run a shipped playbook with the inventory of this test."""
        folder = self.pair.folder / "playbooks"
        folder.mkdir(exist_ok=True)
        book = folder / f"{name}.yaml"
        book.write_text((REPOSITORY / "playbooks" / f"{name}.yaml").read_text())
        return self.pair("play", book, *words)

    def engine_files(self) -> set[str]:
        """The names of what is published on the storage, without manifest and tokenizer."""
        folders = list((self.shared / "clusterkit/engines").glob("[!.]*"))
        assert len(folders) == 1, folders
        files = {path.name for path in folders[0].iterdir() if not path.name.startswith(".")}
        return files - {"tokenizer", "model.cache", "manifest.json"}
