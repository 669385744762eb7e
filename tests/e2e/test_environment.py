"""`env` of the inventory is what commands on nodes, and ranks, have in their environment."""

from __future__ import annotations

import json

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
