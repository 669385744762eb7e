"""Mistakes in what runs on the nodes of an inventory: containers, storage, engine, Python."""

from __future__ import annotations

import pytest

from tests.unit.model.mistaken import changed, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

# what is put in place of what, and the message
CASES = {
    "docker without a network": (
        ("network: {subnet: 192.168.123.0/24}\n", ""),
        "pair.yaml:1: network: missing: provider docker needs it. "
        "Fix: add `network: {subnet: 192.168.123.0/24}`",
    ),
    "docker without an image": (
        ("container: {image: clusterkit/node-cpu}", "container: {shm_size: 1g}"),
        "pair.yaml:6: container.image: missing: node[1-2] would have no image. "
        "Fix: add `container: {image: clusterkit/node-cpu}`",
    ),
    "more ranks than slots": (
        ("engine: {pp: 2}", "engine:\n  model: smollm2-135m\n  pp: 2\n  tp: 3"),
        "pair.yaml:9: engine.pp: tp=3 with pp=2 needs 6 slots, and the nodes have 4. "
        "Fix: lower `tp` or `pp`, or raise `slots`",
    ),
    "a model that nobody knows": (
        ("engine: {pp: 2}", "engine: {model: smollm2-135}"),
        "pair.yaml:7: engine.model: no such model. Fix: did you mean `smollm2-135m`?",
    ),
    "an engine of a later version": (
        ("engine: {pp: 2}", "engine: {name: onnx}"),
        "pair.yaml:7: engine.name: must be tensorrt-llm, torch-tensorrt, transformers or triton, "
        "not `onnx`. "
        "Fix: use tensorrt-llm, torch-tensorrt, transformers or triton",
    ),
    "a version that is none": (
        ("engine: {pp: 2}", "engine: {name: tensorrt-llm, model: /m, version: v0.16}"),
        "pair.yaml:7: engine.version: `v0.16` is not written as it must be. "
        'Fix: write for example `version: "0.16.0"`',
    ),
    "an empty model": (
        ("engine: {pp: 2}", 'engine: {model: ""}'),
        "pair.yaml:7: engine.model: must not be empty. "
        "Fix: write for example `model: smollm2-135m`",
    ),
    "a port that is none": (
        ("{image: clusterkit/node-cpu}", '{image: x, ports: ["80"]}'),
        "pair.yaml:6: container.ports[0]: `80` is not a port. "
        'Fix: write "HOST:CONTAINER", each from 1 to 65535: "8000:8000"',
    ),
    "a port beyond all ports": (
        ("{image: clusterkit/node-cpu}", '{image: x, ports: ["80:65536"]}'),
        "pair.yaml:6: container.ports[0]: `80:65536` is not a port. "
        'Fix: write "HOST:CONTAINER", each from 1 to 65535: "8000:8000"',
    ),
    "a port of all nodes": (
        ("{slots: 2}", '{container: {ports: ["8000:80"]}}'),
        "pair.yaml:4: nodes.node[1-2].container.ports: node1 and node2 would both publish port "
        "8000 of the host. Fix: publish it on one node, in the `container` of that node",
    ),
    "a size that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, shm_size: 1 gig}"),
        "pair.yaml:6: container.shm_size: `1 gig` is not a size. "
        "Fix: write a number and a unit: `512m` or `1g`",
    ),
    "a number for a size": (
        ("{image: clusterkit/node-cpu}", "{image: x, shm_size: 1}"),
        'pair.yaml:6: container.shm_size: must be text, not `1`. Fix: put it in quotes: "1"',
    ),
    "an ipc that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, ipc: hots}"),
        "pair.yaml:6: container.ipc: must be host, private, shareable or none, not `hots`. "
        "Fix: did you mean `host`?",
    ),
    "a ulimit that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, ulimits: {memlok: -1}}"),
        "pair.yaml:6: container.ulimits.memlok: unknown key. Fix: did you mean `memlock`?",
    ),
    "a ulimit below all limits": (
        ("{image: clusterkit/node-cpu}", "{image: x, ulimits: {memlock: -2}}"),
        "pair.yaml:6: container.ulimits.memlock: must be at least -1, not `-2`. "
        'Fix: write for example `ulimits: {"memlock": -1, "stack": 67108864}`',
    ),
    "a number in the environment": (
        ("{image: clusterkit/node-cpu}", "{image: x, env: {OMP_NUM_THREADS: 2}}"),
        "pair.yaml:6: container.env.OMP_NUM_THREADS: must be text, not `2`. "
        'Fix: put it in quotes: "2"',
    ),
    "a line break in the environment": (
        ("{image: clusterkit/node-cpu}", r'{image: x, env: {A: "b\nc"}}'),
        "pair.yaml:6: container.env.A: has a line break. "
        "Fix: write one line; sshd passes no others on to ranks",
    ),
    "a variable that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, env: {A B: c}}"),
        "pair.yaml:6: container.env.A B: `A B` is not the name of a variable. "
        "Fix: use letters, digits and underscores, a letter first",
    ),
    "a mount in one word": (
        ("{image: clusterkit/node-cpu}", '{image: x, mounts: ["./a:/b"]}'),
        "pair.yaml:6: container.mounts[0]: must be a mapping, not `./a:/b`. "
        'Fix: write for example `mounts: [{"path": "/data", "source": "./data"}]`',
    ),
    "a mount at a relative path": (
        ("{image: clusterkit/node-cpu}", "{image: x, mounts: [{source: ./a, path: b}]}"),
        "pair.yaml:6: container.mounts[0].path: `b` is not absolute. "
        "Fix: begin it with /: it is a path on the nodes",
    ),
    "a mount over the storage": (
        ("{image: clusterkit/node-cpu}", "{image: x, mounts: [{source: ./a, path: /shared}]}"),
        "pair.yaml:6: container.mounts: /shared is taken by another mount or the storage. "
        "Fix: choose another `path`",
    ),
    "a build without its folder": (
        ("{image: clusterkit/node-cpu}", "{image: x, build: {dockerfile: y}}"),
        'pair.yaml:6: container.build.context: missing. Fix: add `context: ".."`',
    ),
    "a bind of nothing": (
        ("engine: {pp: 2}", "storage: {kind: bind}"),
        "pair.yaml:7: storage.source: missing: kind bind needs it. Fix: add `source: ./shared`",
    ),
    "a volume with a folder": (
        ("engine: {pp: 2}", "storage: {kind: volume, source: ./shared}"),
        "pair.yaml:7: storage.source: is for kind bind, and this one is volume. "
        "Fix: take it out, or set `kind: bind`",
    ),
    "local storage of containers": (
        ("engine: {pp: 2}", "storage: {kind: local}"),
        "pair.yaml:7: storage.kind: `local` is for provider local, and this one is docker. "
        "Fix: use `volume`, or `bind` with a `source`",
    ),
    "a Python beside the inventory": (
        ("engine: {pp: 2}", "python: ./venv/bin/python"),
        "pair.yaml:7: python: `./venv/bin/python` is not absolute. "
        "Fix: begin it with /: it is on the nodes",
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_containers_and_engines_that_cannot_be(change: tuple[str, str], expected: str):
    assert mistakes(changed(*change)) == expected
