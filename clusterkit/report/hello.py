"""``mpi-hello``: the rank map, checked."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import counted, duration, limit
from clusterkit.report.tables import BAD, GOOD, Blocks, cell, table
from clusterkit.results.hello import HelloRank, HelloResult


def hello_text(hello: HelloResult, *, wide: bool = False) -> Blocks:
    """A row a rank, with a mark and, where it is wrong, the reason; ``wide`` adds the network."""
    columns = ["RANK", "NODE", "LOCAL", "DEVICE", "PID", "PLACED"]
    if wide:
        columns[2:2] = ["HOSTNAME"]
        columns[-1:-1] = ["NETWORK", "MEMLOCK"]
    rows = table(*columns, right=["RANK", "LOCAL", "PID"], whole=["NODE"])
    for rank in hello.ranks:
        values = [str(rank.rank), cell(rank.node), cell(rank.local_rank), cell(rank.device)]
        if wide:
            values.insert(2, cell(rank.hostname))
        values.append(cell(rank.pid))
        if wide:
            values += [_network(rank), _memlock(rank)]
        rows.add_row(*values, _mark(rank))
    problems = [Text.assemble(("! ", BAD), problem) for problem in hello.problems]
    right = sum(rank.ok for rank in hello.ranks)
    world = counted(len(hello.ranks), "rank")
    verdict = f"{world} in place" if hello.ok else f"{right} of {world} in place"
    parts = [f"Open MPI {hello.mpi_version}"] if hello.mpi_version else []
    tail = " · ".join(["", *parts, duration(hello.took_s)])
    line = Text.assemble((verdict, GOOD if hello.ok else BAD), tail)
    return [rows, "", *problems, line]


def _network(rank: HelloRank) -> str:
    return cell(", ".join(f"{way.interface} {way.address}" for way in rank.ways))


def _memlock(rank: HelloRank) -> str:
    if rank.node is None:
        return cell(None)
    return limit(rank.memlock_bytes)


def _mark(rank: HelloRank) -> Text:
    if rank.ok:
        return Text("ok", GOOD)
    return Text.assemble(("WRONG", BAD), f": {rank.why or f'placed on {rank.planned_node}'}")
