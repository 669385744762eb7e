"""Secrets in the environment, by the names of such, and in a prompt: nobody else reads them.

They are looked for in the command lines of all processes while verbs run, on the nodes and here,
and afterwards in every file of the nodes, the state, the logs, and the image.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.canary import CANARIES, Processes
from tests.e2e.controller import REPOSITORY, Controller, free_subnet, new_cluster_name
from tests.e2e.pair import Pair

ENV, TOKEN, PROMPT, OWN = CANARIES
PLAIN = "canary-plain-5e1f0c93"
"""In the environment, by a name that nobody takes for that of a secret."""
_SPLIT = ("--max-tokens", "4", "--pp", "2")
_SCRIPT = "import os\nassert os.environ['HF_TOKEN'] and os.environ['DB_PASSWORD']\n"
_FIND = """
for each in /var/lib/clusterkit /etc /root /home /tmp /var/tmp /run /dev/shm /shared; do
    grep -rlaF -e "$1" "$each" 2>/dev/null
done
true
"""


@pytest.fixture(scope="module")
def used(
    docker_host: docker.DockerClient, node_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pair, Processes]]:
    """A cluster with secrets, on which verbs have run while somebody watched all processes."""
    folder = tmp_path_factory.mktemp("canary")
    name = new_cluster_name()
    controller = Controller(folder / "home", docker_host, {name})
    controller.variables["HF_TOKEN"] = OWN
    controller.variables["CLUSTERKIT_CACHE"] = str(folder / "cache")
    with free_subnet(docker_host) as subnet:
        pair = Pair(name, subnet, node_image, folder, controller, docker_host)
        env = {"HF_TOKEN": TOKEN, "DB_PASSWORD": ENV, "GREETING": PLAIN}
        pair.describe(container={"image": node_image, "shm_size": "64m", "env": env})
        try:
            with Processes((*CANARIES, PLAIN)) as watch:
                use(pair)
            yield pair, watch
        finally:
            controller.close()


def use(pair: Pair) -> None:
    """Everything that a person does with a cluster; the prompt comes from a file."""
    model, prompts, script = (pair.folder / name for name in ("model", "prompts", "script.py"))
    program = REPOSITORY / "tests/gpu/random_llama.py"
    subprocess.run([sys.executable, program, model, "2", "512"], check=True, capture_output=True)
    prompts.write_text(json.dumps(f"Keep {PROMPT} to yourself"))
    script.write_text(_SCRIPT)
    for words in (
        ("up", pair.file, "--yes"),
        ("mpi-hello",),
        ("build", "--model", model),
        ("infer", "--raw", "--model", model, "--prompts", prompts, *_SPLIT),
        ("run", "--", script),
        ("exec", "@all", "--", "true"),
        ("status",),
        ("jobs",),
    ):
        done = pair(*words, timeout_s=300)
        assert done.returncode == 0, (words, done.stderr)


def test_no_command_line_told_them(used: tuple[Pair, Processes]) -> None:
    _, watch = used
    assert watch.seen > 100
    assert watch.told == set()


@pytest.mark.parametrize("secret", [*CANARIES, PLAIN])
def test_no_file_of_a_node_has_them_but_those_that_give_them(
    used: tuple[Pair, Processes], secret: str
) -> None:
    """sshd gives each login its environment, and a job's record has what was asked and
    answered, for `attach` and `logs`.

    Both are for the user alone under whom they were made: by the file, or by its folder.
    """
    pair, _ = used
    ours = {f"{pair.home}/sshd/environment.conf", f"{pair.home}/sshd/sshd_config"}
    of_job = {"asked.json", "rank-0.answers"}
    allowed = {ENV: ours, TOKEN: ours, PLAIN: ours, PROMPT: of_job, OWN: set()}[secret]
    for node in ("node1", "node2"):
        found = pair.inside(node, "sh", "-c", _FIND, "sh", secret).split()
        assert [file for file in found if {file, Path(file).name}.isdisjoint(allowed)] == []
        for file in found:
            folder = str(Path(file).parent.parent)  # of a job, where it is one
            modes = pair.inside(node, "stat", "-c", "%U %a", file, folder).splitlines()
            assert "root 600" in modes or "root 700" in modes


def test_no_file_of_the_state_or_the_cache_has_them(used: tuple[Pair, Processes]) -> None:
    pair, _ = used
    kept = [pair.controller.home, pair.folder / "cache"]
    files = [path for folder in kept for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [(path, secret) for path in files for secret in CANARIES if told(path, secret)] == []


def test_a_value_by_a_plain_name_is_in_the_record_of_what_was_applied_alone(
    used: tuple[Pair, Processes],
) -> None:
    """As the user wrote it in the inventory; who else has an account cannot read it."""
    pair, _ = used
    home = pair.controller.home
    files = [path for path in home.rglob("*") if path.is_file() and told(path, PLAIN)]
    assert files == [home / "clusters" / pair.name / "applied.json"]
    assert files[0].stat().st_mode & 0o777 == 0o600


def test_no_log_of_a_container_and_no_label_or_image_has_them(
    used: tuple[Pair, Processes],
) -> None:
    pair, _ = used
    image = pair.engine.images.get(pair.image)
    texts = [json.dumps([image.attrs, image.history()])]
    for node in ("node1", "node2"):
        box = pair.container(node)
        texts += [
            box.logs().decode(),
            json.dumps([box.labels, box.attrs["Args"], box.attrs["Path"]]),
        ]
    secrets = (*CANARIES, PLAIN)
    assert [secret for text in texts for secret in secrets if secret in text] == []


def test_no_verb_has_printed_those_of_the_environment(used: tuple[Pair, Processes]) -> None:
    pair, _ = used
    texts = [call.stdout + call.stderr for call in pair.controller.calls]
    assert [secret for text in texts for secret in (ENV, TOKEN, OWN) if secret in text] == []


def told(path: Path, secret: str) -> bool:
    return secret.encode() in path.read_bytes()
