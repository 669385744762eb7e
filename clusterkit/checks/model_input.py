"""Judge a model's folder on a node before an engine is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clusterkit.facts import ModelFolder
from clusterkit.model.node_sets import fold


@dataclass(frozen=True, slots=True)
class ModelLook:
    """What was seen of a model's folder on a node.

    ``model`` is None where there is no config.json; without ``is_read`` its digest is empty, as
    nobody has read its files since they changed. ``shape`` is as in a manifest. ``missing`` are
    shards that an index names, and ``broken`` safetensors files that end early. ``unreadable``
    says why by what.
    """

    folder: str
    is_there: Literal["absent", "file", "folder"]
    tokenizer: str
    has_config: bool = False
    is_read: bool = False
    model: ModelFolder | None = None
    shape: Mapping[str, Any] | None = None
    weights: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    tokenizer_files: tuple[str, ...] = ()
    unreadable: Mapping[str, str] | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ModelLook:
        """What the payload `model_look` answered."""
        return cls(
            folder=row["folder"],
            is_there=row["is_there"],
            tokenizer=row["tokenizer"],
            has_config=row["has_config"],
            is_read=row["digest"] is not None,
            model=ModelFolder(
                folder=row["folder"],
                config=row["config"],
                files=row["files"],
                digest=row["digest"] or "",
                parameters=row["parameters"],
            )
            if row["config"] is not None
            else None,
            shape=row["shape"],
            weights=tuple(row["weights"]),
            missing=tuple(row["missing"]),
            broken=tuple(row["broken"]),
            tokenizer_files=tuple(row["tokenizer_files"]),
            unreadable=row["unreadable"],
        )


def model_problems(node: str, look: ModelLook) -> list[str]:
    """Everything that is wrong with it, each with where, what and a fix."""
    where = f"{node}: {look.folder}"
    if look.is_there == "absent":
        return [
            f"{where} does not exist. Fix: bring the model there, or correct `engine.model`, "
            "which is a path on the nodes"
        ]
    if look.is_there == "file":
        return [
            f"{where} is a file. Fix: set `engine.model` to the Hugging Face folder of the model"
        ]
    found = [
        f"{node}: {what} cannot be read: {why}. Fix: see who may read it, and that it is whole"
        for what, why in (look.unreadable or {}).items()
    ]
    if not look.has_config and look.folder not in (look.unreadable or {}):
        found.append(
            f"{where} has no config.json, so it is no Hugging Face model. Fix: set "
            "`engine.model` to the folder that has config.json, tokenizer and weights"
        )
    if look.missing:
        found.append(
            f"{where} lacks {_listed(look.missing)}, which its index names. Fix: fetch the model "
            "anew"
        )
    elif not look.weights:
        found.append(
            f"{where} has no weights (*.safetensors or *.bin). Fix: fetch the whole model"
        )
    if look.broken:
        found.append(
            f"{where}: {_listed(look.broken)} ends before its last tensor. Fix: fetch it anew"
        )
    if not look.tokenizer_files:
        found.append(
            f"{node}: {look.tokenizer} has no tokenizer (tokenizer.json, tokenizer.model, "
            "vocab.json, …). Fix: bring it there, or set `engine.tokenizer` to its folder"
        )
    return found


def _listed(names: tuple[str, ...]) -> str:
    """The names, shards folded: ``model-[00001-00030]-of-00030.safetensors``."""
    return fold(names) if len(names) > 3 else ", ".join(names)
