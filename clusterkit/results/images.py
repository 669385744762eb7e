"""What ``images`` answers: what each machine has, and what was sent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model


class ImageOnNode(Model):
    """One image of the cluster on the machine of one node."""

    node: str
    image: str
    id: str | None = Field(description="Null: it is not there, or error says why nobody knows")
    digests: tuple[str, ...] = Field(default=(), description="Its names in registries")
    created: str | None = None
    size_bytes: int | None = None
    runs: str | None = Field(
        default=None, description="The id of the image from which the node's container was made"
    )
    error: str | None = Field(default=None, description="Why the machine could not be asked")


PushState = Literal["had it", "loaded", "failed"]


class PushedImage(Model):
    """What became of one machine that was to get an image."""

    node: str
    state: PushState
    before: str | None = Field(default=None, description="The id that the name had there before")
    after: str | None = Field(default=None, description="The id that it has now")
    sent_bytes: int = Field(default=0, description="As they went over the network")
    took_s: float = 0
    error: str | None = None


class Push(Model):
    """One image, sent to several machines at once."""

    image: str
    id: str
    size_bytes: int
    source: str = Field(description="`controller`, or the node that had it")
    nodes: tuple[PushedImage, ...]


class ImagesResult(Model):
    """``images`` is what a look saw; after a push it is empty, and ``push`` says all."""

    cluster: str
    images: tuple[ImageOnNode, ...] = ()
    push: Push | None = None
    took_s: float = Field(description="Seconds")
