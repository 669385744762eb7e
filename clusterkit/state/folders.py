"""Where clusterkit keeps things on the controlling machine."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """What must not be lost: clusters and keys; ``CLUSTERKIT_HOME`` overrides the usual place."""
    home = os.environ.get("CLUSTERKIT_HOME")
    if home:
        return Path(home).absolute()
    import platformdirs  # most starts can do without

    return platformdirs.user_state_path("clusterkit")


def cache_folder() -> Path:
    """What can be fetched again: models; ``CLUSTERKIT_CACHE`` overrides the usual place."""
    cache = os.environ.get("CLUSTERKIT_CACHE")
    if cache:
        return Path(cache).absolute()
    home = os.environ.get("CLUSTERKIT_HOME")
    if home:
        return Path(home).absolute() / "cache"
    import platformdirs

    return platformdirs.user_cache_path("clusterkit")


def cluster_folder(name: str) -> Path:
    """Everything about one cluster, mode 700."""
    return state_folder() / "clusters" / name
