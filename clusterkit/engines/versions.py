"""Which version of an engine's package is meant: the installed one, or the inventory's."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from clusterkit.errors import UsageError
from clusterkit.facts import NodeFacts

Release = tuple[int, int]
"""``(0, 8)``: what is new in 0.8.0."""


@dataclass(frozen=True, slots=True)
class Software:
    """One package as people call it, and as Python does. ``oldest_is`` says why that is oldest."""

    name: str
    package: str
    oldest: Version
    oldest_is: str
    example: str

    def parse(self, text: str) -> Version:
        """``0.16.0``, ``1.3.0rc20`` and the like, in their order.

        Raises:
            UsageError: If it is no version, or older than any that is known.
        """
        try:
            version = Version(text)
        except InvalidVersion:
            raise UsageError(
                f"engine.version: `{text}` is no version of {self.name}. "
                f"Fix: one such as {self.example}"
            ) from None
        if version.release < self.oldest.release:
            raise UsageError(
                f"engine.version: {self.name} {text} is older than {self.oldest}, "
                f"{self.oldest_is}. Fix: a newer one"
            )
        return version

    def installed(self, wanted: str | None, node: str, facts: NodeFacts) -> Version | None:
        """The version that a node has, if any.

        Raises:
            UsageError: If the inventory says another.
        """
        text = facts.packages.get(self.package)
        if text is None:
            return None
        has = self.parse(text)
        if wanted and has != self.parse(wanted):
            raise UsageError(
                f"{node}: {self.name} {text} is installed, and engine.version is {wanted}. "
                "Fix: correct engine.version, or leave it out"
            )
        return has


def since(version: Version, release: Release) -> bool:
    """Whether a version is that release or newer; its candidates and builds count as itself."""
    return version.release >= release


def in_words(release: Release) -> str:
    """``0.8.0``: the first version of a release."""
    return f"{release[0]}.{release[1]}.0"
