"""`env` of image and inventory is what commands on nodes, and ranks, have in their environment."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.e2e.pair import Pair

ENV = {
    "PLAIN": "2",
    "EMPTY": "",
    "ODD": 'it\'s "b" \\ \\" # $(touch /pwned) %h\tünï',
    "OMPI_MCA_mpi_yield_when_idle": "1",
}


def test_what_env_says_arrives_word_for_word(described: Pair):
    described.describe(container={"image": described.image, "shm_size": "64m", "env": ENV})
    described.up()

    seen = described("exec", "-o", "json", "@all", "--", "printenv", "-0", *ENV)
    again = described.planned()
    hello = described("mpi-hello")

    words = "".join(f"{value}\0" for value in ENV.values())
    assert [node["stdout"] for node in json.loads(seen.stdout)["nodes"]] == [words, words]
    assert (again, hello.returncode) == ([], 0)
    assert described("exec", "@all", "--", "test", "!", "-e", "/pwned").returncode == 0


def test_what_the_image_says_arrives_too_and_the_inventory_wins(
    described: Pair, tensorrt_llm: Callable[[str], str]
):
    env = {"CUDA_HOME": "/elsewhere"}
    image = tensorrt_llm("0.16.0")
    described.describe(container={"image": image, "shm_size": "64m", "env": env})
    described.up()
    told = described.inside("node2", "printenv", "-0", "PATH", "LD_LIBRARY_PATH", "NOTE")

    names = ("PATH", "LD_LIBRARY_PATH", "NOTE", "CUDA_HOME", "HOME")
    seen = described("exec", "-o", "json", "node2", "--", "printenv", "-0", *names)

    assert json.loads(seen.stdout)["nodes"][0]["stdout"] == f"{told}/elsewhere\0/root\0"
