"""What ``keys`` answers: every key of a cluster, what is really there, and what was replaced."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.plan import AppliedStep

KeyKind = Literal["operator", "head", "host"]
KeyState = Literal["same", "rotating", "differs", "missing", "unknown"]


class ShownKey(Model):
    """One key pair. Only public halves are looked at, and only their fingerprints are told."""

    key: KeyKind
    node: str | None = Field(default=None, description="Whose key it is; null: the operator's")
    fingerprint: str | None = Field(description="SHA256, as `ssh-keygen -l` prints it")
    made_at: str | None = Field(default=None, description="UTC, in ISO 8601")
    age_s: float | None = Field(default=None, description="Seconds since it was made")
    path: str = Field(description="Where the private half lies, on the node or on this machine")
    state: KeyState = Field(
        description="Whether what was seen is this key; rotating: it is the other of the two that "
        "count while this one is being replaced"
    )
    seen: tuple[str, ...] = Field(
        default=(), description="The fingerprints that were seen, where they are others"
    )
    why: str | None = Field(default=None, description="What is wrong, or could not be seen")


class PendingRotation(Model):
    """A rotation that is not at its end; running `keys rotate` again finishes it."""

    keys: tuple[str, ...]
    phase: str = Field(description="beside, switched or withdrawn")
    began_at: str


class RotatedKey(Model):
    """One key pair that was replaced; the old one was seen refused everywhere."""

    key: str = Field(examples=["operator", "host-node1"])
    old: str | None = Field(description="Fingerprint")
    new: str = Field(description="Fingerprint")


class KeysResult(Model):
    """The keys of a cluster, looked up."""

    cluster: str
    keys: tuple[ShownKey, ...]
    rotation: PendingRotation | None = None
    rotated: tuple[RotatedKey, ...] = ()
    steps: tuple[AppliedStep, ...] = Field(default=(), description="What the rotation applied")
    took_s: float = Field(description="Seconds")
