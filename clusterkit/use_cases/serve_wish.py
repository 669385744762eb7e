"""What a server is asked to be: its engine with its limits, its split, and its time to end."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.engines.base import engine_of
from clusterkit.engines.serving import ServeLimits, ServingEngine, TakesLimits
from clusterkit.errors import UsageError
from clusterkit.model.mistakes import any_of
from clusterkit.model.options import typed
from clusterkit.model.serve_options import ServeOptions
from clusterkit.use_cases.api_keys import read_keys
from clusterkit.use_cases.session import Session, with_engine

_GRACE_S = 3.0
_LOOPBACK = ("127.", "localhost", "::1")


def with_wish(session: Session, options: ServeOptions) -> Session:
    """The cluster with the model and the split that the options ask for, for this run only.

    Raises:
        UsageError: If its engine compiles nothing.
    """
    asked = {"model": options.model, "tp": options.tp, "pp": options.pp}
    if options.tp is not None or options.pp is not None:
        asked |= {"tp": options.tp or 1, "pp": options.pp or 1}
    if options.compile == "auto" and not _is_ours(session):
        raise _not_ours(session, "compile")
    return with_engine(session, {**asked, "compile": options.compile})


def wished_limits(options: ServeOptions) -> ServeLimits:
    """The limits that the options ask for.

    Raises:
        UsageError: If the file of keys is not as it should be.
    """
    limits: dict[str, object] = {**options.limits}
    if options.api_key_file is not None:
        limits["api_keys_sha256"] = read_keys(options.api_key_file)
    if options.drain_s is not None:
        limits["drain_s"] = options.drain_s
    return replace(ServeLimits(), **limits)  # type: ignore[arg-type]


def serving(
    session: Session, options: ServeOptions, *, keys: tuple[str, ...] | None = None
) -> ServingEngine:
    """The engine, with the limits that the options ask for; ``keys`` in the place of the user's.

    Raises:
        UsageError: If it cannot serve, or knows no such limits.
    """
    engine = engine_of(session.cluster.engine)
    if not isinstance(engine, ServingEngine):
        raise UsageError(
            f"engine.name: engine {session.cluster.engine.name} of cluster "
            f"{session.cluster.name} cannot serve. Fix: `clusterkit infer`, or "
            "`engine: {name: transformers, …}` in the inventory"
        )
    if isinstance(engine, TakesLimits):
        limits = wished_limits(options)
        return engine.limited(limits if keys is None else replace(limits, api_keys_sha256=keys))
    given = [*options.limits]
    given += ["api_key_file"] if options.api_key_file is not None else []
    given += ["replicas"] if options.replicas > 1 else []
    if given:
        raise _not_ours(session, *given)
    return engine


def grace_s(session: Session, options: ServeOptions) -> float:
    """How long its ranks may go on once the job is to end: what is drained, and a little."""
    drain_s = options.drain_s
    if drain_s is None:
        drain_s = ServeLimits().drain_s if _is_ours(session) else 0.0
    return drain_s + _GRACE_S


def open_to_all(options: ServeOptions) -> str | None:
    """What to warn of where others than the head's own users can ask, and no key is wanted."""
    host = options.host
    if host is None or host.startswith(_LOOPBACK) or options.api_key_file is not None:
        return None
    return (
        f"`--host {host}`: whoever reaches the head can ask this server. `--api-key-file` asks "
        "for a key (engine transformers)"
    )


def _is_ours(session: Session) -> bool:
    return isinstance(engine_of(session.cluster.engine), TakesLimits)


def _not_ours(session: Session, *fields: str) -> UsageError:
    words = any_of([f"`{typed('serve', field)}`" for field in fields])
    name = session.cluster.engine.name
    return UsageError(
        f"{words}: the server of engine {name} is its vendor's, and has no such option here. "
        "Fix: leave it out, and see docs/serve.md for what it has; or engine transformers"
    )
