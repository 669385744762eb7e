"""What ``support`` answers: what is in the bundle, and what could not be collected."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class BundledFile(Model):
    """One file of the bundle."""

    name: str = Field(examples=["inventory.json"])
    size_bytes: int
    what: str = Field(description="What it holds")


class NotCollected(Model):
    """Something that belongs into the bundle and is not there."""

    name: str
    why: str


class SupportResult(Model):
    """A bundle for a report of a fault, with secrets masked."""

    cluster: str | None = Field(description="Null where there is none")
    file: str = Field(description="The bundle: a gzipped tar, for its owner only")
    size_bytes: int
    files: tuple[BundledFile, ...]
    missing: tuple[NotCollected, ...] = ()
    masked: tuple[str, ...] = Field(description="What is masked in every file")
    took_s: float = Field(description="Seconds")
