"""Where a server is, as its node and as this machine see it; and the tunnels between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Self

from clusterkit.engines.base import engine_of
from clusterkit.engines.serving import Listening, ServingEngine
from clusterkit.errors import UsageError
from clusterkit.jobs import list_jobs
from clusterkit.model.engine import EngineSettings
from clusterkit.results.serve import Via
from clusterkit.transports.base import Link
from clusterkit.transports.tunnel import HERE, answers_at, open_tunnel
from clusterkit.transports.world import World
from clusterkit.use_cases.jobs import job_nodes
from clusterkit.use_cases.session import Session, open_world

_REACHED_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Served:
    """One server. ``own`` is its address on its node, ``network`` one for others, if any.

    ``ports`` are those that it answers on: ``http``, ``grpc``, ``metrics``.
    """

    node: str
    own: str
    network: str | None
    ports: Mapping[str, int]
    ready_path: str
    metrics_path: str

    @classmethod
    def of(cls, settings: EngineSettings, node: str, listening: Listening) -> Self:
        """The server of an engine that listens there."""
        engine = engine_of(settings)
        assert isinstance(engine, ServingEngine)  # noqa: S101 - it is about to serve
        doors = engine.doors()
        others = {"grpc": doors.grpc_port, "metrics": doors.metrics_port}
        return cls(
            node=node,
            own=listening.own_host,
            network=None if listening.is_loopback else listening.reached_at,
            ports={"http": listening.port, **{name: at for name, at in others.items() if at}},
            ready_path=doors.ready_path,
            metrics_path=doors.metrics_path,
        )

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """What :meth:`as_json` wrote."""
        return cls(**row)

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return {**asdict(self), "ports": dict(self.ports)}


@dataclass(frozen=True, slots=True)
class Reached:
    """How a server is reached from this machine; ``proxy``: only while that verb runs."""

    url: str
    grpc: str | None
    metrics: str
    via: Via


def seen_at(served: Served, address: str, via: Via, ports: Mapping[str, int]) -> Reached:
    """The server at an address, where ``ports`` may be others than its own."""
    host = f"[{address}]" if ":" in address else address
    return Reached(
        url=f"http://{host}:{ports['http']}",
        grpc=f"{host}:{ports['grpc']}" if "grpc" in ports else None,
        metrics=f"http://{host}:{ports.get('metrics', ports['http'])}{served.metrics_path}",
        via=via,
    )


def from_here(session: Session, served: Served) -> Reached:
    """How the server is reached, or would be by `proxy`; nothing is opened."""
    if session.cluster.provider == "local":
        return seen_at(served, served.network or served.own, "network", served.ports)
    if served.network and answers_at(served.network, served.ports["http"], _REACHED_WITHIN_S):
        return seen_at(served, served.network, "network", served.ports)
    return seen_at(served, HERE, "proxy", served.ports)


@contextmanager
def tunnelled(session: Session, served: Served, *, port: int | None = None) -> Iterator[Reached]:
    """A tunnel to each of its ports, on a connection of its own; ``port``: this one exactly.

    A port that is taken here is led to by another; a server on this machine keeps its own, also
    while it loads.

    Raises:
        UsageError: If ``port`` cannot be had.
    """
    is_here = session.cluster.provider == "local"
    if is_here and port in served.ports.values():
        raise UsageError(
            f"port {port} of this machine is the server's own. Fix: another `--port`, or none"
        )
    with ExitStack() as stack:
        world = stack.enter_context(open_world(session))
        ports = {}
        for name, number in served.ports.items():
            exactly = name == "http" and port is not None
            tunnel = open_tunnel(
                partial(connect, world, served, number),
                port if exactly and port else 0 if is_here else number,
                exactly=exactly,
            )
            ports[name] = stack.enter_context(tunnel).port
        yield seen_at(served, HERE, "tunnel", ports)


def refuse_taken(session: Session, world: World, served: Served) -> None:
    """Refuse a port on which another listens, before a model is loaded for nothing.

    Raises:
        UsageError: With who that is, where it is a server of this cluster.
    """
    for port in served.ports.values():
        try:
            connect(world, served, port).close()
        except OSError:  # nobody listens
            continue
        rows = list_jobs(job_nodes(session), world.transport)
        jobs = [row.id for row in rows if row.verb == "serve" and row.is_open]
        who = f" (`clusterkit jobs` has {', '.join(jobs)})" if jobs else ""
        end = f"`clusterkit stop {jobs[0]}`, or " if jobs else ""
        raise UsageError(
            f"{served.node}: port {port} of {served.own} is taken{who}. Fix: {end}another port"
        )


def connect(world: World, served: Served, port: int) -> Link:
    """A connection to one of its ports."""
    return world.transport(served.node).connect(served.own, port)
