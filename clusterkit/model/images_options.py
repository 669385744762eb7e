"""The options of ``images``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake

CONTROLLER = "controller"
"""What the machine on which clusterkit runs is called where an image comes from."""


class ImagesOptions(Model):
    """List the images on the cluster's machines, or send one to them."""

    action: Literal["ls", "push"] = Field(description="ls or push", examples=["push"])
    image: str | None = Field(
        default=None, min_length=1, description="The image", examples=["clusterkit/node-cpu:dev"]
    )
    nodes: str = Field(
        default="@all", min_length=1, description="Some nodes only", examples=["gpu[01-02]"]
    )
    source: str = Field(
        default=CONTROLLER,
        min_length=1,
        description="Who has the image: `controller`, which is this machine, or a node",
        examples=["gpu01"],
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.action == "push" and self.image is None:
            raise mistake("`push` needs an image", "name one, such as clusterkit/node-cpu:dev")
        if self.action == "push" and self.image is not None:
            _refuse_digest(self.image)
        return self


def _refuse_digest(image: str) -> None:
    """An engine that loads an image knows it by its tag only."""
    if "@" in image:
        raise mistake(
            f"`{image}` names a digest, which only a registry can give",
            "tag it where it is, and push the tag",
        )


def with_tag(image: str) -> str:
    """The image's whole name; without a tag, all tags of it would be saved."""
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"
