"""Are the engine's packages the same everywhere?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, same
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "engine's packages"
_PACKAGES = ("torch", "transformers")
_FIX = "give all nodes the same image, or install one version of it"


def find(seen: Seen) -> list[Finding]:
    """A package that no node has is no difference."""
    if not seen.facts:
        return [Finding("skip", seen.names, "no node answers")]
    versions = {
        package: {name: facts.packages.get(package) for name, facts in seen.facts.items()}
        for package in _PACKAGES
    }
    odd = [
        each
        for package, its in versions.items()
        for each in same(
            {name: f"{package} {version or '(none)'}" for name, version in its.items()},
            package,
            fix=_FIX,
        )
        if each.state == "fail"
    ]
    if odd:
        return odd
    some = next(iter(seen.facts.values())).packages
    text = ", ".join(f"{name} {some[name]}" for name in _PACKAGES if name in some) or "none"
    return [Finding("pass", tuple(seen.facts), text)]
