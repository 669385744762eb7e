"""Build the node images, each once for the same content, and print their names.

    python images/build.py [cpu] [mpi] [lab] [lab-mpi]

`clusterkit/node-cpu:dev` runs the transformers engine, `clusterkit/node-mpi:dev` MPI programs.
`node-lab` and `node-lab-mpi` are these two with what the faults of a lab need.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import base
import pip_settings

REPOSITORY = Path(__file__).resolve().parent.parent
DOCKERFILE = REPOSITORY / "images/node.Dockerfile"
LAB_DOCKERFILE = REPOSITORY / "images/lab.Dockerfile"
ENGINES = {"cpu": "transformers", "mpi": "none"}
LABS = {"lab": "cpu", "lab-mpi": "mpi"}
CONTENT_LABEL = "clusterkit.content"


def main() -> None:
    """Build what the command line names; everything where it names nothing."""
    wanted = sys.argv[1:] or list(ENGINES)
    if unknown := [word for word in wanted if word not in ENGINES | LABS]:
        sys.exit(f"{unknown[0]}: no such image. Fix: use {' or '.join(ENGINES | LABS)}.")
    if shutil.which("docker") is None:
        sys.exit("docker: not found. Fix: install Docker's client.")
    with one_build_at_a_time():
        from_image = base.base_image()
        for variant in wanted:
            name = node_image(LABS.get(variant, variant), from_image=from_image)
            if variant in LABS:
                name = lab_image(variant, from_image=name)
            sys.stdout.write(f"{name}\n")


@contextlib.contextmanager
def one_build_at_a_time() -> Iterator[None]:
    """Let two test runs of one user share a build rather than do it twice."""
    with Path(tempfile.gettempdir(), f"clusterkit-images-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def node_image(variant: str, *, from_image: str) -> str:
    """Return the name of the node image; build it unless the one here has the same content."""
    name = f"clusterkit/node-{variant}:dev"
    content = hashlib.sha256(DOCKERFILE.read_bytes())
    content.update((REPOSITORY / "constraints.txt").read_bytes())
    content.update(f"{ENGINES[variant]}\n{inspected(from_image, '{{.Id}}')}".encode())
    label = content.hexdigest()
    if has_content(name, label):
        return name
    started = time.monotonic()
    with served_wheels() as pages:
        arguments = node_arguments(variant, from_image=from_image, pages=pages)
        build(name, DOCKERFILE, arguments, label=label)
    sys.stderr.write(f"built {name} in {time.monotonic() - started:.0f} s\n")
    return name


def lab_image(variant: str, *, from_image: str) -> str:
    """Return the name of a lab's image; build it unless the one here has the same content."""
    name = f"clusterkit/node-{variant}:dev"
    content = hashlib.sha256(LAB_DOCKERFILE.read_bytes())
    content.update((REPOSITORY / "images/clock.c").read_bytes())
    content.update(f"{inspected(from_image, '{{.Id}}')}".encode())
    if not has_content(name, content.hexdigest()):
        build(name, LAB_DOCKERFILE, {"BASE": from_image}, label=content.hexdigest())
    return name


def has_content(name: str, label: str) -> bool:
    """Say whether the engine has an image that was built from just this."""
    return inspected(name, f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}}') == label


def inspected(image: str, template: str) -> str | None:
    """Return what the engine says of an image, or None where it has no such image."""
    argv = ["docker", "image", "inspect", "--format", template, image]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


@contextlib.contextmanager
def served_wheels() -> Iterator[tuple[str, ...]]:
    """Serve the wheel folders that pip uses on this machine, on loopback, to the build."""
    with contextlib.ExitStack() as stack:
        pages = []
        for folder in pip_settings.wheel_folders():
            handler = functools.partial(QuietHandler, directory=str(folder))
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            pages.append(f"http://127.0.0.1:{server.server_port}/")
        yield tuple(pages)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each on stderr."""

    def log_message(self, *_: object) -> None:  # noqa: D102
        return


def node_arguments(variant: str, *, from_image: str, pages: tuple[str, ...]) -> dict[str, str]:
    """Return the arguments of a node image's build."""
    arguments = {"BASE": from_image, "ENGINE": ENGINES[variant], "PIP_FIND_LINKS": " ".join(pages)}
    if any(next(folder.glob("torch-*.whl"), None) for folder in pip_settings.wheel_folders()):
        arguments["TORCH_INDEX"] = ""  # pip finds torch where this machine keeps it
    elif "TORCH_INDEX" in os.environ:
        arguments["TORCH_INDEX"] = os.environ["TORCH_INDEX"]
    return arguments


def build(name: str, dockerfile: Path, arguments: dict[str, str], *, label: str) -> None:
    """Run `docker build`, with its output on stderr."""
    words = [
        word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")
    ]
    # The build sees this machine's network, as pip does outside of it.
    argv = ["docker", "build", "--network", "host", "--file", str(dockerfile), "--tag", name]
    argv += ["--label", f"{CONTENT_LABEL}={label}", *words, str(REPOSITORY)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if done.returncode != 0:
        sys.exit(f"{name}: docker build ended with {done.returncode}. Fix: see its output above.")


if __name__ == "__main__":
    main()
