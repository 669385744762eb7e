"""The options of ``play``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake


class PlayOptions(Model):
    """Run a playbook."""

    file: Path = Field(description="The playbook", examples=["playbook.yaml"])
    given: tuple[str, ...] = Field(
        default=(),
        description="Values of its inputs, each NAME=VALUE",
        examples=[["examples=/models/examples"]],
    )

    @property
    def inputs(self) -> dict[str, str]:
        """The values by the names of their inputs."""
        return {name: value for name, _, value in (word.partition("=") for word in self.given)}

    @model_validator(mode="after")
    def _check(self) -> Self:
        for word in self.given:
            if "=" not in word.lstrip("="):
                raise mistake(f"`{word}` in `given` has no value", "write NAME=VALUE")
        names = [word.partition("=")[0] for word in self.given]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise mistake(f"`given` has {' and '.join(twice)} twice", "leave one of them out")
        return self
