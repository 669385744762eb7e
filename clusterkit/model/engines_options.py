"""The options of ``engines``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake


class EnginesOptions(Model):
    """List the engines on the nodes, show, verify, push or remove one."""

    action: Literal["ls", "show", "verify", "push", "rm"] = Field(
        description="ls, show, verify, push or rm", examples=["verify"]
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        description="The engine, or how its name begins",
        examples=["llama-70b-fp8-tp1-pp2"],
    )
    yes: bool = Field(default=False, description="Remove without asking")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.action in ("show", "push", "rm") and self.name is None:
            raise mistake(
                f"`{self.action}` needs an engine", "name one; `clusterkit engines` lists them"
            )
        if self.action == "ls" and self.name is not None:
            raise mistake("`ls` takes no name: it lists all", "see `clusterkit engines show`")
        return self
