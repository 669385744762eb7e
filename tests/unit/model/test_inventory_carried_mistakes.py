"""Mistakes in what an inventory of machines says of containers, and others of machines."""

from __future__ import annotations

import pytest

from tests.unit.model.mistaken import DOCKER, LOCAL, mistakes
from tests.unit.model.test_inventory_machine_mistakes import CARRIED, MACHINES, nodes

pytestmark = pytest.mark.usefixtures("in_folder")

BARE = (
    "is for `runtime: docker`, and here ranks run on the machines as they are. "
    "Fix: take it out, or set `runtime: docker`"
)
CONTAINERS = {
    "on bare machines": (MACHINES + "container: {image: x}\n", f"pair.yaml:6: container: {BARE}"),
    "of a bare machine": (
        nodes("container: {image: x}"),
        f"pair.yaml:4: nodes.gpu[01-02].container: {BARE}",
    ),
    "by default, on bare machines": (
        MACHINES + "runtime: bare\ndefaults: {container: {image: x}}\n",
        f"pair.yaml:7: defaults.container: {BARE}",
    ),
    "without an image": (
        CARRIED,
        "pair.yaml:1: container.image: missing: gpu[01-02] would have no image. "
        "Fix: add `container: {image: clusterkit/node-cpu}`",
    ),
    "in a network of Docker's": (
        CARRIED + "container: {image: x, network: bridge}\n",
        "pair.yaml:4: nodes.gpu[01-02].address: missing: gpu01 is in the network bridge. "
        "Fix: give it an address of that network, or take `network` out of `container`\n"
        "pair.yaml:4: nodes.gpu[01-02].address: missing: gpu02 is in the network bridge. "
        "Fix: give it an address of that network, or take `network` out of `container`",
    ),
    "ports on the machine's network": (
        CARRIED + "container: {image: x, ports: ['8000:80']}\n",
        "pair.yaml:7: container.ports: nothing is to publish: gpu[01-02] would have the network "
        "of the machine. Fix: take `ports` out, or set a `network`",
    ),
    "the port of the machine's sshd": (
        CARRIED + "container: {image: x}\nssh: {port: 2222}\n",
        "pair.yaml:7: container.ssh_port: sshd of the machine has port 2222 already: gpu[01-02]. "
        "Fix: choose another `ssh_port`",
    ),
    "another runtime": (
        MACHINES + "runtime: podman\n",
        "pair.yaml:6: runtime: must be bare or docker, not `podman`. Fix: use bare or docker",
    ),
}
DOCKERS = "is for provider ssh, and this one is docker. Fix: take"
OTHERS = {
    "docker": (
        DOCKER.replace("slots: 2", "host: 'gpu[1-2]', ssh: {user: z}")
        + "runtime: docker\nssh: {user: x}\ndefaults: {ssh: {user: y}}\n",
        f"pair.yaml:4: nodes.node[1-2].host: {DOCKERS} `host` out, or set `provider: ssh`\n"
        f"pair.yaml:4: nodes.node[1-2].ssh: {DOCKERS} `ssh` out, or set `provider: ssh`\n"
        f"pair.yaml:8: runtime: {DOCKERS} `runtime` out, or set `provider: ssh`\n"
        f"pair.yaml:9: ssh: {DOCKERS} `ssh` out, or set `provider: ssh`\n"
        f"pair.yaml:10: defaults.ssh: {DOCKERS} `ssh` out, or set `provider: ssh`",
    ),
    "local": (
        LOCAL + "runtime: bare\n",
        "pair.yaml:5: runtime: is for provider ssh, and this one is local. "
        "Fix: take `runtime` out, or set `provider: ssh`",
    ),
}
CASES = CONTAINERS | {f"provider {name}": case for name, case in OTHERS.items()}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_about_containers_or_providers(text: str, expected: str):
    assert mistakes(text) == expected
