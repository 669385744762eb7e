"""`up` on machines that are reached by SSH: how it grows from 4 of them to 16."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.lab import CLUSTERKIT, PYTHON, Lab, lab
from bench.race import Heat, Row, Target, race, timed
from bench.ssh_machines import Machines, machines

_FEW, _MANY = 4, 16
_RUNS = 7
_INVENTORY = """\
cluster: {name}
provider: ssh
runtime: bare
ssh: {{user: root, key_file: "{key_file}"}}
nodes:
{nodes}
network: {{subnet: {subnet}}}
storage: {{kind: bind, path: /shared}}
python: {python}
"""


def up_ssh() -> list[Row]:
    """A cluster on bare machines, new and again; the work of one `up` is done on all at once."""
    with lab() as here, machines(here, _MANY) as lent:
        seconds = race({str(count): _up(here, lent, count) for count in (_FEW, _MANY)}, runs=_RUNS)
    few, many = seconds[str(_FEW)], seconds[str(_MANY)]
    peer = f"up, {_FEW} machines"
    return [
        Row(f"up, {_MANY} machines by SSH", peer, many["new"], few["new"], Target("ratio", 2.0)),
        Row(
            f"up again, {_MANY} machines by SSH",
            peer,
            many["again"],
            few["again"],
            Target("ratio"),
        ),
    ]


def _up(here: Lab, lent: Machines, count: int) -> Heat:
    env = {**here.env, "HOME": str(lent.home)}

    def heat() -> Mapping[str, float]:
        name = here.name(f"ssh{count}")
        file = _inventory(lent, name, count)
        try:
            argv = [CLUSTERKIT, "up", file, "--yes"]
            return {label: timed(argv, env=env) for label in ("new", "again")}
        finally:
            timed([CLUSTERKIT, "down", "-c", name, "--yes"], env=env)

    return heat


def _inventory(lent: Machines, name: str, count: int) -> Path:
    nodes = [
        f'  node{number:02}: {{host: "{address}", address: "{address}", slots: 1}}'
        for number, address in enumerate(lent.addresses[:count], start=1)
    ]
    file = lent.folder / f"{name}.yaml"
    file.write_text(
        _INVENTORY.format(
            name=name,
            key_file=lent.folder / "id",
            nodes="\n".join(nodes),
            subnet=lent.subnet,
            python=PYTHON,
        )
    )
    return file
