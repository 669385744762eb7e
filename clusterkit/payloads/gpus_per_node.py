"""Tell the ranks of this node how many GPUs it has, in the way that their TensorRT-LLM hears."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Refused

HOOK = Path(__file__).parent / "gpus_per_node_hook"
_KEY = "gpus_per_node"


def prepare(
    at_run: str, engine_folder: str, folder: str, env: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """The engine's folder to use, and what the rank's environment needs besides.

    ``at_run`` is ``none``, ``shim`` (an import hook) or ``config`` (a folder with a config.json
    of this node's). ``folder`` is the job's on this node; ``env`` is the rank's environment.
    All ranks of a node may do this at once.

    Raises:
        Refused: If nobody tells how many ranks the node has, or the engine has no place for it.
    """
    if at_run == "none":
        return engine_folder, {}
    number = ranks_here(env)
    if at_run == "shim":
        return engine_folder, hook(number, env)
    return view(Path(engine_folder), Path(folder), number), {}


def ranks_here(env: dict[str, str]) -> int:
    """How many ranks this node has, which is how many GPUs they use."""
    told = env.get("LOCAL_WORLD_SIZE") or env.get("OMPI_COMM_WORLD_LOCAL_SIZE") or ""
    if not told.isdigit() or int(told) < 1:
        raise Refused(
            "nobody tells how many ranks this node has: LOCAL_WORLD_SIZE is not set. "
            "Fix: start ranks with `clusterkit infer` or `clusterkit serve`, which set it"
        )
    return int(told)


def hook(number: int, env: dict[str, str]) -> dict[str, str]:
    """The variables with which Python mends TensorRT-LLM as it imports it."""
    path = os.pathsep.join(filter(None, [str(HOOK), env.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "CLUSTERKIT_GPUS_PER_NODE": str(number)}


def view(engine: Path, folder: Path, number: int) -> str:
    """A folder with the engine's files and the config.json of this node; the engine's if it fits.

    The published engine stays as it is, and may lie on storage that is read-only, or that nodes
    with other numbers share.
    """
    config = engine / "config.json"
    described = json.loads(config.read_text(encoding="utf-8"))
    mapping = described.get("pretrained_config", {}).get("mapping")
    if not isinstance(mapping, dict):
        raise Refused(
            f"{config} has no pretrained_config.mapping: the engine is older than TensorRT-LLM "
            "0.8. Fix: build it with the installed version"
        )
    if mapping.get(_KEY) == number:
        return str(engine)
    mapping[_KEY] = number
    made = folder / f"engine-{_KEY}-{number}"
    if not made.exists():
        _make(made, engine, described)
    return str(made)


def _make(made: Path, engine: Path, config: dict[str, Any]) -> None:
    """Fill a folder of our own and give it its name at once: another rank may have been first."""
    work = Path(tempfile.mkdtemp(prefix=f".{made.name}.", dir=made.parent))
    try:
        for entry in sorted(engine.resolve().iterdir()):
            if entry.name != "config.json":
                (work / entry.name).symlink_to(entry)
        (work / "config.json").write_text(json.dumps(config, indent=4), encoding="utf-8")
        work.chmod(0o755)
        work.rename(made)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        if not made.exists():
            raise
