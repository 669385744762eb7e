"""Scripts of the user's over three containers that differ, by mpirun and by torchrun."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.pair import TRIO, Pair

LAUNCHERS = ("mpirun", "torchrun")
SUM = """\
import json, os, sys
import torch, torch.distributed as dist

dist.init_process_group("gloo")
total = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(total)
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GLOO_SOCKET_IFNAME")
seen = {name: os.environ[name] for name in names}
seen["master"] = os.environ["MASTER_ADDR"]
seen["agents"] = os.environ.get("TORCHELASTIC_RUN_ID") is not None
print(json.dumps({**seen, "sum": total.item(), "python": sys.executable}))
dist.destroy_process_group()
"""
WORDS = """\
import json, os, sys

if os.environ["RANK"] == "0":
    print(json.dumps([sys.argv, os.environ["RANK"]]))
"""
ODD = ("", "--", "-x", "--ranks=9", "it's", '"$(touch /pwned)"', "a\nb", "*", "ünï", "\\")


def placed(*nodes: str) -> list[tuple[str, int, int]]:
    """The node, local rank and local world size of each rank that fills these nodes."""
    return [(node, local, TRIO[node]) for node in nodes for local in range(TRIO[node])]


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize(
    ("words", "places"),
    [
        ((), placed("node1", "node2", "node3")),
        (("--nodes", "node[1-2]"), placed("node1", "node2")),
        (("--nodes", "node[2-3]"), placed("node2", "node3")),  # the head has none
        (("--per-node", "1"), [("node1", 0, 1), ("node2", 0, 1), ("node3", 0, 1)]),
        (("--ranks", "1"), [("node1", 0, 1)]),
    ],
    ids=["all", "some", "without-the-head", "one-each", "one"],
)
def test_ranks_find_one_another(
    trio: Pair,
    tmp_path: Path,
    launcher: str,
    words: tuple[str, ...],
    places: list[tuple[str, int, int]],
) -> None:
    script = tmp_path / "sum.py"
    script.write_text(SUM)

    done = trio("run", "-o", "json", "--launcher", launcher, *words, script)

    assert done.returncode == 0, done.stderr
    ranks = json.loads(done.stdout)["ranks"]
    assert [(rank["rank"], rank["node"], rank["local_rank"]) for rank in ranks] == [
        (number, node, local) for number, (node, local, _) in enumerate(places)
    ]
    head = int(places[0][0].removeprefix("node"))
    assert [json.loads(rank["stdout"]) for rank in ranks] == [
        {
            "RANK": str(number),
            "WORLD_SIZE": str(len(places)),
            "LOCAL_RANK": str(local),
            "LOCAL_WORLD_SIZE": str(size),
            "GLOO_SOCKET_IFNAME": "lo" if len(places) == 1 else "eth0",
            "master": trio.address(head),
            "agents": launcher == "torchrun",
            "sum": len(places) * (len(places) + 1) / 2,
            "python": "/opt/clusterkit/bin/python",
        }
        for number, (_, local, size) in enumerate(places)
    ]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_words_and_names_arrive_as_they_are(trio: Pair, tmp_path: Path, launcher: str) -> None:
    name = '-it\'s $(x)\n"ünï".py'
    script = tmp_path / name
    script.write_text(WORDS)

    done = trio("run", "--launcher", launcher, "--ranks", "1", "--", script, *ODD)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[f"./{name}", *ODD], "0"]
    summary = rf"run-\w{{6}} · 1 rank on node1 · {launcher} · [\d.]+ s\n"
    assert re.fullmatch(summary, done.stderr)


def test_several_ranks_lead_their_lines_and_go_into_logs(trio: Pair, tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import os, sys\nprint('out', os.environ['RANK'])\nprint('err', file=sys.stderr)\n"
    )

    done = trio("run", "--nodes", "node[2-3]", script)

    assert sorted(done.stdout.splitlines()) == [f"rank {r}   | out {r}" for r in range(3)]
    *lines, summary = done.stderr.splitlines()
    assert sorted(lines) == [f"rank {r}   | err" for r in range(3)]
    job = summary.partition(" ")[0]
    logged = trio("logs", job, "--rank", "2").stdout
    assert sorted(logged.splitlines()) == ["err", "out 2"]


def test_a_module_travels_or_lies_beside_the_script_on_the_storage(
    trio: Pair, tmp_path: Path
) -> None:
    script, module = tmp_path / "main.py", tmp_path / "words_of_mine.py"
    script.write_text("import words_of_mine\n\nprint(words_of_mine.HELLO)\n")
    module.write_text("HELLO = 'hello'\n")

    alone = trio("run", "--ranks", "1", script)
    together = trio("run", "--ranks", "1", "--file", module, script)
    assert trio("cp", script, module, "node1:/shared/").returncode == 0
    there = trio("run", "--ranks", "1", "--nodes", "node3", "/shared/main.py")

    assert alone.returncode == 1
    assert alone.stderr.endswith(f"\nFix: let the module travel too: `--file {module}`\n")
    assert [(done.returncode, done.stdout) for done in (together, there)] == [(0, "hello\n")] * 2


def test_what_is_not_on_every_node_is_said_before_anything_starts(trio: Pair) -> None:
    trio.inside("node1", "sh", "-c", "mkdir -p /opt/mine && echo 1 >/opt/mine/a.py")

    done = trio("run", "/opt/mine/a.py")

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "Error: node[2-3]: there is no file /opt/mine/a.py.\nFix: copy it there (`clusterkit cp "
        "FILE node[2-3]:/opt/mine/a.py`), or give the path of a file here\n",
    )


def test_more_ranks_than_slots_are_refused(trio: Pair) -> None:
    many, each = trio("run", "-n", "6", "/shared/a.py"), trio("run", "--per-node", "2", "/a.py")

    assert [(done.returncode, done.stderr) for done in (many, each)] == [
        (
            2,
            f"Error: 6 ranks do not fit in cluster {trio.name}: it has 5 slots "
            "(node1 2, node2 1, node3 2).\nFix: ask for at most 5 ranks, or raise `slots`\n",
        ),
        (
            2,
            f"Error: 2 ranks on each node do not fit in cluster {trio.name}: there are fewer "
            "slots on some (node2 1).\nFix: ask for at most 1 per node, choose other nodes with "
            "`--nodes`, or raise `slots`\n",
        ),
    ]
