"""Key pairs that are being replaced, as values; ``state`` keeps how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from clusterkit.model.trust import KeyPair

Phase = Literal["beside", "switched", "withdrawn"]
"""Nodes learn the new keys; nodes use them and still know the old ones; the old ones go."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Key pairs that are being replaced; ``new`` and ``old`` are what there is of them now.

    ``folder`` is the cluster's folder on the controlling machine, in which ssh(1) finds the
    private keys, and what it is to take the nodes for.
    """

    names: tuple[str, ...]
    phase: Phase
    began_at: str
    folder: str = ""
    new: Mapping[str, KeyPair] = field(default_factory=dict[str, KeyPair], repr=False)
    old: Mapping[str, KeyPair] = field(default_factory=dict[str, KeyPair], repr=False)
