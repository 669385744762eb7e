"""What one node set says of its nodes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from clusterkit.model.base import Model
from clusterkit.model.container import IMAGE_PYTHON, ContainerSettings
from clusterkit.model.machine import Host, SshSettings
from clusterkit.model.mistakes import mistake
from clusterkit.model.node_sets import NotANodeSet, expand_numbers


def _gpus(given: Any) -> Any:
    if isinstance(given, int) and not isinstance(given, bool):
        fix = f'write [{given}] for that GPU, or a range such as "0-3"'
        raise mistake("must be a list of GPU numbers, not one number", fix)
    if isinstance(given, str):
        try:
            given = expand_numbers(given)
        except NotANodeSet as error:
            raise mistake(f"`{given}` {error}", 'write [0, 1] or "0-3"') from None
    return tuple(given) if isinstance(given, list) else given


def _each_once(gpus: tuple[int, ...]) -> tuple[int, ...]:
    for gpu in gpus:
        if gpus.count(gpu) > 1:
            raise mistake(f"GPU {gpu} is listed twice", "list each GPU once")
    return gpus


Gpus = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(_gpus),
    AfterValidator(_each_once),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "integer", "minimum": 0}},
                {"type": "string", "pattern": "^[0-9,/-]+$"},
            ]
        }
    ),
]
"""GPU numbers, as a list or as a range."""


class NodeSettings(Model):
    """What one node set says of its nodes; what it leaves out comes from ``defaults``."""

    host: Host | None = Field(
        default=None,
        description="ssh only: the machines, as ssh takes them; default: the nodes' names. A set "
        "as long as the node set",
        examples=["gpu[01-02].example.net"],
    )
    slots: int | None = Field(
        default=None,
        ge=1,
        description="How many ranks fit on each node; default: one for each GPU, else 1",
        examples=[2],
    )
    address: str | None = Field(
        default=None,
        min_length=1,
        description="Addresses on the cluster network: a set as long as the node set",
        examples=["192.168.123.[111-112]"],
    )
    gpus: Gpus | None = Field(
        default=None,
        description="The GPUs of the node's host that it may use; default: none",
        examples=[[0, 1], "0-7"],
    )
    python: str | None = Field(
        default=None,
        min_length=1,
        description="The Python that has the engine's packages; default: looked for",
        examples=[IMAGE_PYTHON],
    )
    container: ContainerSettings | None = Field(
        default=None,
        description="What is different about these nodes' containers",
        examples=[{"shm_size": "8g"}],
    )
    ssh: SshSettings | None = Field(
        default=None,
        description="What is different about how these machines are reached",
        examples=[{"user": "ubuntu"}],
    )

    def over(self, base: NodeSettings) -> NodeSettings:
        """These settings, and those of ``base`` where these say nothing."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        said = {name: value for name, value in said.items() if value is not None}
        if self.container and base.container:
            said["container"] = self.container.over(base.container)
        if self.ssh:
            said["ssh"] = self.ssh.over(base.ssh)
        return base.model_copy(update=said)

    @property
    def slot_count(self) -> int:
        """The slots of each node: those asked for, or one for each GPU, or one."""
        return self.slots or len(self.gpus or ()) or 1
