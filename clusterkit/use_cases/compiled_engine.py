"""What is asked of an engine whose ranks compile for themselves, before the model is placed."""

from __future__ import annotations

from clusterkit.model.engine import EngineSettings
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.session import Session, with_engine


def with_installed_version(session: Session, facts: Facts) -> Session:
    """The cluster with the version of torch_tensorrt that the head has, if it is wanted.

    Raises:
        UsageError: If the inventory says another.
    """
    settings, head = session.cluster.engine, session.cluster.head.name
    if not isinstance(settings, TorchTensorRtSettings) or settings.backend != "torch_tensorrt":
        return session
    from clusterkit.engines.torch_tensorrt.versions import TORCH_TENSORRT

    has = TORCH_TENSORRT.installed(settings.version, head, facts[head])
    return with_engine(session, {"version": str(has)}) if has else session


def notes_of(settings: EngineSettings) -> tuple[str, ...]:
    """What the user hears of settings that this version of the engine no longer has."""
    if not isinstance(settings, TorchTensorRtSettings) or settings.version is None:
        return ()
    from clusterkit.engines.torch_tensorrt.options import dropped_settings
    from clusterkit.engines.torch_tensorrt.versions import TORCH_TENSORRT

    return dropped_settings(settings, TORCH_TENSORRT.parse(settings.version))


def refuse_nodes(session: Session, facts: Facts) -> None:
    """Refuse settings and nodes that cannot go together, whatever the model is.

    Raises:
        DoesNotFit: With one line for each problem.
    """
    settings = session.cluster.engine
    if isinstance(settings, TorchTensorRtSettings):
        from clusterkit.engines.torch_tensorrt.checks import check_run

        check_run(settings, None, session.cluster, facts)
