"""Choose the network of the ranks among those of the machines, or say why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterkit.checks.shared_networks import (
    SharedNetwork,
    guessed_network,
    network_within,
    places,
    shared_networks,
)
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.facts import MachineFacts


def choose_networks(
    seen: Mapping[str, MachineFacts], subnet: str | None
) -> tuple[tuple[SharedNetwork, ...], bool]:
    """The networks of all machines, the cluster's first, and whether that is a guess.

    Raises:
        ClusterkitError: If several machines have none, or not the one that was asked for.
    """
    _check_apart(seen)
    shared = shared_networks(seen)
    if subnet is not None:
        chosen = network_within(subnet, seen)
        if chosen is None or not chosen.is_apart:
            missing = [name for name in seen if network_within(subnet, {name: seen[name]}) is None]
            without = missing or list(seen)
            raise UsageError(
                f"--subnet: no own address in {subnet} on {', '.join(without)}: "
                f"{_addresses(seen, without)}. Fix: choose a network of all machines"
            )
        return (chosen, *(each for each in shared if each.subnet != subnet)), False
    if shared or len(seen) < 2:
        return shared, False
    guess = guessed_network(seen)
    if guess is None or not guess.is_apart:
        raise ClusterkitError(
            f"these machines share no network: {_addresses(seen, seen)}. "
            "Fix: name one that holds an address of each with `--subnet`"
        )
    return (guess,), True


def _check_apart(seen: Mapping[str, MachineFacts]) -> None:
    """Refuse one machine under two names: it would have twice the ranks."""
    names: dict[frozenset[str], str] = {}
    for name, facts in seen.items():
        addresses = frozenset(place.address for _, place in places(facts))
        other = names.setdefault(addresses, name) if addresses else name
        if other != name:
            raise UsageError(
                f"HOSTS: {other} and {name} are one machine, with the addresses "
                f"{', '.join(sorted(addresses))}. Fix: name it once"
            )


def _addresses(seen: Mapping[str, MachineFacts], names: Iterable[str]) -> str:
    """Where machines are, for a message."""
    has = {name: [place.address for _, place in places(seen[name])] for name in names}
    return "; ".join(f"{name} has {', '.join(each) or 'none'}" for name, each in has.items())
