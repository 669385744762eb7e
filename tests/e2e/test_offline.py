"""What needs no machine: dry runs, schemas, first inventories. Docker is out of reach here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.controller import Controller

INVENTORY = """\
cluster: offline
provider: docker
nodes:
  node[1-2]: {slots: 2}
network: {subnet: 10.64.0.0/24}
container: {image: "clusterkit/node-cpu", env: {HF_TOKEN: canary-7d1f, MODE: fast}}
storage: {kind: volume, path: /shared}
"""
PLAYBOOK = """\
- up: {file: offline.yaml}
- exec: {nodes: "@all", argv: [hostname]}
- mpi-hello:
- down:
"""
VERBS = {
    "plan": ("plan", "FILE"),
    "up": ("up", "FILE"),
    "down": ("down", "--inventory", "FILE"),
    "status": ("status", "--inventory", "FILE"),
    "mpi-hello": ("mpi-hello", "--inventory", "FILE"),
    "build": ("build", "--inventory", "FILE"),
    "infer": ("infer", "--inventory", "FILE", "--prompt", "x"),
    "models": ("models", "pull", "smollm2-135m"),
    "jobs": ("jobs", "--inventory", "FILE"),
    "logs": ("logs", "--inventory", "FILE"),
    "stop": ("stop", "--inventory", "FILE"),
    "exec": ("exec", "--inventory", "FILE", "@all", "true"),
    "cp": ("cp", "--inventory", "FILE", "FILE", "@all:/data/"),
    "ssh": ("ssh", "--inventory", "FILE", "node2"),
}


@pytest.fixture
def offline(clusterkit: Controller, tmp_path, monkeypatch) -> Controller:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    (tmp_path / "offline.yaml").write_text(INVENTORY)
    (tmp_path / "book.yaml").write_text(PLAYBOOK)
    return clusterkit


@pytest.mark.parametrize(("verb", "words"), VERBS.items(), ids=VERBS)
def test_a_dry_run_prints_steps_and_touches_nothing(offline, tmp_path, verb, words):
    file = str(tmp_path / "offline.yaml")
    argv = [file if word == "FILE" else word for word in words]

    done = offline(*argv, "--dry-run", "-o", "json")

    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer.keys(), answer["verb"]) == ({"verb", "steps"}, verb)
    assert len(answer["steps"]) > 0
    for step in answer["steps"]:
        assert step.keys() == {"node", "stage", "kind", "summary", "argv", "env"}
        assert step["node"] in ("localhost", "node1", "node2")
        assert step["kind"] in ("command", "put", "docker")
        assert all(isinstance(word, str) for word in step["argv"])
    assert "canary" not in done.stdout
    assert not (offline.home / "clusters").exists()


def test_a_dry_run_hides_secrets_and_nothing_else(offline, tmp_path):
    done = offline("up", tmp_path / "offline.yaml", "--dry-run", "-o", "json")

    made = [step for step in json.loads(done.stdout)["steps"] if step["argv"][0] == "create"]
    assert [step["env"] for step in made] == 2 * [{"HF_TOKEN": "***", "MODE": "fast"}]


def test_a_dry_run_of_a_playbook_is_that_of_its_verbs(offline, tmp_path):
    done = offline("play", tmp_path / "book.yaml", "--dry-run", "-o", "json")

    steps = json.loads(done.stdout)["steps"]
    inside = [result["verb"] for step in steps for result in step["results"]]
    assert (done.returncode, inside) == (0, ["up", "exec", "mpi-hello", "down"])


def test_every_schema_is_one(offline):
    names = offline("schema").stdout.split()
    assert {"inventory", "playbook", "dry-run", "up", "status", "infer"} <= set(names)
    for name in names:
        done = offline("schema", name)
        schema = json.loads(done.stdout)
        assert done.returncode == 0
        assert schema["type"] in ("object", "array")
        assert all(resolves(schema, ref) for ref in refs(schema)), name


def test_an_unknown_schema_names_the_known_ones(offline):
    names = offline("schema").stdout.split()

    done = offline("schema", "foo")

    assert (done.returncode, done.stdout) == (2, "")
    known = ", ".join(names)
    assert done.stderr == f"Error: schema `foo`: no such name.\nFix: use one of {known}\n"
    assert names[:2] == ["inventory", "playbook"]


def refs(part: object) -> Iterator[str]:
    """Every reference in a schema."""
    for key, value in part.items() if isinstance(part, dict) else ():
        if key == "$ref":
            yield value
        yield from refs(value)
    for value in part if isinstance(part, list) else ():
        yield from refs(value)


def resolves(schema: Mapping, ref: str) -> bool:
    assert ref.startswith("#/")
    for key in ref.removeprefix("#/").split("/"):
        if key not in schema:
            return False
        schema = schema[key]
    return True


@pytest.mark.parametrize("provider", ["local", "docker"])
def test_a_first_inventory_is_right(offline, tmp_path, provider):
    file = tmp_path / "first.yaml"

    made = offline("init", file, "--provider", provider)
    checked = offline("check", file, "-o", "json")

    assert (made.returncode, checked.returncode) == (0, 0), made.stderr + checked.stderr
    assert json.loads(checked.stdout)["provider"] == provider


def test_init_writes_over_nothing(offline, tmp_path):
    file = tmp_path / "offline.yaml"

    done = offline("init", file, "--provider", "docker")

    assert (done.returncode, done.stderr) == (
        2,
        f"Error: {file} exists.\nFix: choose another file, or add `--force`\n",
    )
    assert file.read_text() == INVENTORY
