"""The ``container:`` section: what docker nodes are made from."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from clusterkit.model.base import HIGHEST_PORT, Model
from clusterkit.model.cluster import Build, Container, Mount
from clusterkit.model.mistakes import mistake

IMAGE_PYTHON = "/opt/clusterkit/bin/python"
"""The Python of the images that ``images/node.Dockerfile`` makes."""

CONTAINER_SSH_PORT = 2222
"""Where sshd listens in a container that has its machine's network."""

_PORT = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise mistake(f"`{path}` is not absolute", "begin it with /: it is a path on the nodes")
    return path


def size_text(text: str) -> str:
    """A size as Docker writes it."""
    if not re.fullmatch(r"[1-9][0-9]*[bkmg]", text, re.IGNORECASE):
        raise mistake(f"`{text}` is not a size", "write a number and a unit: `512m` or `1g`")
    return text


def _port(text: str) -> str:
    parts = _PORT.fullmatch(text)
    if parts is None or not all(1 <= int(part) <= HIGHEST_PORT for part in parts.groups()):
        fix = 'write "HOST:CONTAINER", each from 1 to 65535: "8000:8000"'
        raise mistake(f"`{text}` is not a port", fix)
    return text


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        fix = "use letters, digits and underscores, a letter first"
        raise mistake(f"`{name}` is not the name of a variable", fix)
    return name


def _line(text: str) -> str:
    if any(character in text for character in "\n\r\0"):
        raise mistake("has a line break", "write one line; sshd passes no others on to ranks")
    return text


Environment = dict[
    Annotated[str, AfterValidator(_variable)], Annotated[str, AfterValidator(_line)]
]
"""Variables that reach containers, logins and ranks alike."""

NodePath = Annotated[str, AfterValidator(_absolute)]
"""An absolute path on the nodes."""

Ulimit = Literal[
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
    "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
]  # fmt: skip


class BuildSettings(Model):
    """How to build the node image; without it, the image is used as it is, or pulled."""

    context: str = Field(
        min_length=1, description="The folder that the Dockerfile sees", examples=[".."]
    )
    dockerfile: str = Field(
        default="Dockerfile",
        min_length=1,
        description="The Dockerfile, relative to the context",
        examples=["images/node.Dockerfile"],
    )
    args: dict[str, str] = Field(
        default={}, description="Build arguments", examples=[{"BASE": "debian:bookworm-slim"}]
    )
    network: str | None = Field(
        default=None,
        description="The network of the build's RUN lines: `host` uses that of this machine",
        examples=["host"],
    )

    def resolve(self, base: Path) -> Build:
        """The build with absolute paths."""
        context = absolute(self.context, base)
        dockerfile = absolute(self.dockerfile, Path(context))
        return Build(context, dockerfile, dict(self.args), self.network)


class MountSettings(Model):
    """A folder of the Docker host that the nodes see."""

    source: str = Field(min_length=1, description="The folder on the host", examples=["./data"])
    path: NodePath = Field(description="Where the nodes see it", examples=["/data"])
    read_only: bool = Field(default=False, description="Nodes may not write", examples=[True])


class ContainerSettings(Model):
    """What each node's container is made from; a node may say otherwise in part."""

    image: str | None = Field(
        default=None,
        min_length=1,
        description="The image, with sshd, Open MPI and Python in it",
        examples=["clusterkit/node-cpu"],
    )
    build: BuildSettings | None = Field(
        default=None,
        description="Build the image, instead of pulling it",
        examples=[{"context": "..", "dockerfile": "images/node.Dockerfile"}],
    )
    env: Environment = Field(
        default={}, description="Environment of the nodes", examples=[{"OMP_NUM_THREADS": "2"}]
    )
    mounts: tuple[MountSettings, ...] | None = Field(
        default=None,
        description="Folders of the host",
        examples=[[{"source": "./data", "path": "/data"}]],
    )
    ports: tuple[Annotated[str, AfterValidator(_port)], ...] | None = Field(
        default=None, description="Published ports, HOST:CONTAINER", examples=[["8000:8000"]]
    )
    shm_size: Annotated[str, AfterValidator(size_text)] | None = Field(
        default=None,
        description="Size of /dev/shm, through which the ranks of a node talk",
        examples=["1g"],
    )
    ipc: Literal["host", "private", "shareable", "none"] | None = Field(
        default=None, description="IPC namespace; GPU containers want host", examples=["host"]
    )
    network: str | None = Field(
        default=None,
        min_length=1,
        description="ssh only: `host` (default), or a network of Docker on every machine through "
        "which containers of different machines reach each other",
        examples=["host"],
    )
    ssh_port: int | None = Field(
        default=None,
        ge=1,
        le=HIGHEST_PORT,
        description="ssh only: where sshd listens in the container; default: 2222",
        examples=[2222],
    )
    ulimits: dict[Ulimit, Annotated[int, Field(ge=-1)]] = Field(
        default={},
        description="Limits, soft = hard; -1 is unlimited",
        examples=[{"memlock": -1, "stack": 67108864}],
    )

    rdma: bool | None = Field(
        default=None,
        description="ssh only: whether containers with their machine's network get its "
        "/dev/infiniband; default: where there is one",
        examples=[True],
    )
    devices: tuple[NodePath, ...] | None = Field(
        default=None,
        description="Devices of the host, or folders of them, as RDMA needs",
        examples=[["/dev/infiniband"]],
    )

    def over(self, base: Self) -> Self:
        """These settings, and those of ``base`` where these say nothing.

        ``env`` and ``ulimits`` are joined name by name; all others are taken whole.
        """
        said = {name: getattr(self, name) for name in self.model_fields_set}
        joined = {
            name: {**getattr(base, name), **value} if isinstance(value, dict) else value
            for name, value in said.items()
            if value is not None
        }
        if "image" in joined:
            joined.setdefault("build", None)  # another image is not built from base's Dockerfile
        return base.model_copy(update=joined)

    def resolve(self, base: Path) -> Container:
        """The container with absolute paths."""
        return Container(
            image=self.image or "",
            build=self.build.resolve(base) if self.build else None,
            env=dict(self.env),
            mounts=tuple(
                Mount(absolute(mount.source, base), mount.path, mount.read_only)
                for mount in self.mounts or ()
            ),
            ports=self.ports or (),
            shm_size=self.shm_size,
            ipc=self.ipc,
            network=self.network or "host",
            rdma=self.rdma is not False,
            ulimits={str(name): limit for name, limit in self.ulimits.items()},
            devices=self.devices or (),
        )


def absolute(path: str, base: Path) -> str:
    """``path`` as seen from the folder ``base``; links stay as they are."""
    return os.path.normpath(base / os.path.expanduser(path))  # noqa: PTH111 - no error for ~nobody
