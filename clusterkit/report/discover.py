"""``discover``: the machines as a table, their networks, and where the inventory lies."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import speed
from clusterkit.report.machines import ALL, LIMITS, machines_table
from clusterkit.report.tables import BAD, Block, Blocks, grid
from clusterkit.results.discover import DiscoverResult, SeenNetwork


def discover_text(found: DiscoverResult, *, wide: bool = False) -> Blocks:
    """One row a machine, then the networks; ``wide`` adds the system, the user and the limits."""
    columns = (*ALL, *LIMITS) if wide else ALL
    addresses = found.networks[0].addresses if found.networks else {}
    rows = [
        (machine.host, machine.facts, addresses.get(machine.host))
        for machine in found.machines
        if machine.facts
    ]
    blocks: list[Block] = [machines_table("MACHINE", rows, columns=columns)] if rows else []
    unreadable = [
        (machine.host, f"{name}: {why}")
        for machine in found.machines
        if machine.facts
        for name, why in machine.facts.unreadable.items()
    ]
    notes = grid("left", "left")
    for number, each in enumerate(found.networks):
        notes.add_row(Text("also shared" if number else "network", "bold"), _network(each))
    for key in found.pinned:
        notes.add_row(Text("trusted now", "bold"), f"{key.host}: {key.fingerprint}")
    for where, what in unreadable:
        notes.add_row(Text(f"! {where}", BAD), what)
    if notes.row_count:
        blocks += ["", notes]
    if found.path:
        blocks += ["", f"Wrote {found.path}.", f"Next: clusterkit up {found.path}"]
    return blocks


def _network(network: SeenNetwork) -> str:
    words = [network.subnet, speed(network.speed_mbps), "RDMA" if network.rdma else ""]
    return ", ".join(filter(None, words))
