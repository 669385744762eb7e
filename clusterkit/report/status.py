"""``status``: what is true now."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from clusterkit.quantities import duration, size
from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, GOOD, NOTHING, Block, Blocks, cell, grid, table
from clusterkit.results.status import (
    ModelStatus,
    NodeStatus,
    ReplicaStatus,
    SeenGpu,
    ServerStatus,
    StatusResult,
)


def status_text(status: StatusResult, *, wide: bool = False) -> Blocks:
    """A summary, a row a node, and what is wrong; ``wide`` adds versions, cores and machines."""
    problems = [(node.name, line) for node in status.nodes for line in _wrong(node)]
    if status.storage and status.storage.problem:
        problems.append(("storage", status.storage.problem))
    wrong = grid("left", "left")
    for where, what in problems:
        wrong.add_row(Text(f"! {where}", BAD), what)
    blocks: list[Block] = [_summary(status), "", _nodes(status, wide)]
    if wide and any(node.machine for node in status.nodes):
        blocks += ["", _machines(status)]
    return [*blocks, "", wrong] if problems else blocks


def _summary(status: StatusResult) -> Table:
    up = sum(node.state == "up" for node in status.nodes)
    lines = grid("left", "left")
    lines.add_row(
        Text("cluster", "bold"),
        f"{status.cluster} ({status.provider}): {up} of {len(status.nodes)} nodes up, "
        f"seen in {duration(status.took_s)}",
    )
    if storage := status.storage:
        free = "" if storage.free_bytes is None else f", {size(storage.free_bytes)} free"
        source = f" {storage.source} at" if storage.source else ""
        lines.add_row(Text("storage", "bold"), f"{storage.kind}{source} {storage.path}{free}")
    if status.model:
        lines.add_row(Text("model", "bold"), f"{status.model.name}: {_model_state(status.model)}")
    lines.add_row(Text("jobs", "bold"), _jobs(status) or "none running")
    for server in status.servers:
        lines.add_row(Text("server", "bold"), _server(server))
        for replica in server.replicas:
            lines.add_row("", _replica(replica))
    return lines


def _server(server: ServerStatus) -> Text:
    """``serve-7f3a2c: smollm2-135m at http://…, ready``; else why not, and which rank."""
    what = f"{server.job}: {server.model or 'a model'}"
    if server.url:
        what += f" at {server.url}"
        what += " (by `clusterkit proxy`)" if server.via == "proxy" else ""
    if server.ready:
        load = "" if server.running is None else f": {server.running} running"
        load += f", {server.queued} waiting" if server.queued else ""
        return Text.assemble(f"{what}, ", ("ready", GOOD), load)
    state = server.state if server.url is None else "not ready"
    rank = "" if server.failed_rank is None else f"rank {server.failed_rank}"
    rank += f" on {server.failed_node}" if rank and server.failed_node else ""
    why = server.why or ""
    if rank and rank not in why:
        why = f"{rank}: {why}"
    return Text.assemble(f"{what}, ", (state, BAD), f": {why}" if why else "")


def _replica(replica: ReplicaStatus) -> Text:
    """``replica 1 on node2: ready``; else why not."""
    where = f"  replica {replica.name} on {fold(replica.nodes)}, "
    if replica.ready:
        return Text.assemble(where, ("ready", GOOD))
    is_out = replica.ready is False
    state = "out" if is_out else replica.state
    why = f": {replica.why}" if replica.why else ""
    return Text.assemble(where, (state, BAD if is_out else ""), why)


def _jobs(status: StatusResult) -> str:
    """The jobs that have not ended, with what they do if that is not running."""
    states = ((job, status.job_states.get(job, "running")) for job in status.jobs_running)
    return ", ".join(job if state == "running" else f"{job} ({state})" for job, state in states)


def _model_state(model: ModelStatus) -> str:
    """``ready``; where copies differ, what each node has: ``ready on n1, absent on n[2-3]``."""
    states = model.nodes or {}
    if len(set(states.values())) < 2:
        return model.state
    nodes: dict[str, list[str]] = {}
    for node, state in states.items():
        nodes.setdefault(state, []).append(node)
    return ", ".join(f"{state} on {fold(names)}" for state, names in nodes.items())


def _nodes(status: StatusResult, wide: bool) -> Table:
    has_spares = any(_place(node) for node in status.nodes)
    columns = ["NODE", "STATE", *(["PLACE"] if has_spares else [])]
    columns += ["ADDRESS", "SLOTS", "GPUS", "MEMORY FREE"]
    if wide:
        columns += ["OF", "CORES", "MPI", "PYTHON", "PACKAGES"]
    numbers = ["SLOTS", "MEMORY FREE", "OF", "CORES"]
    rows = table(*columns, right=numbers, whole=["NODE", "STATE", "ADDRESS", "MPI", "PYTHON"])
    for node in status.nodes:
        packages = ", ".join(f"{name} {version}" for name, version in node.packages.items())
        more = [_size(node.memory_bytes), cell(node.cores), cell(node.mpi_version)]
        more += [cell(node.python_version), cell(packages)]
        rows.add_row(
            node.name,
            Text(node.state, GOOD if node.state == "up" else BAD),
            *([cell(_place(node))] if has_spares else []),
            cell(node.address),
            str(node.slots),
            _gpus(node.gpus),
            _size(node.memory_available_bytes),
            *(more if wide else []),
        )
    return rows


def _place(node: NodeStatus) -> str:
    """Empty where it has its own place."""
    if node.stands_for:
        return f"of {node.stands_for}"
    return "" if node.standing == "member" else node.standing


def _machines(status: StatusResult) -> Table:
    """What the table of the nodes does not say."""
    from clusterkit.report.machines import MORE, machines_table  # only wide pays for it

    rows = [(node.name, node.machine, node.address) for node in status.nodes if node.machine]
    return machines_table("NODE", rows, columns=MORE)


def _wrong(node: NodeStatus) -> list[str]:
    why = [node.why] if node.why else []
    return why + list(node.problems)


def _gpus(gpus: tuple[SeenGpu, ...]) -> str:
    """``2 x H200``; of several kinds, each."""
    names: dict[str, int] = {}
    for gpu in gpus:
        names[gpu.name] = names.get(gpu.name, 0) + 1
    return ", ".join(f"{count} x {name}" for name, count in names.items()) or NOTHING


def _size(count: int | None) -> str:
    return NOTHING if count is None else size(count)
