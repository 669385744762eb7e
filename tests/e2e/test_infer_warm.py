"""`infer` has a server that runs answer, where it can, and says what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.controller import Controller, Done
from tests.e2e.local_cluster import describe_local
from tests.e2e.model_servers import free_port, serve_job, told
from tests.e2e.running_job import within

KEY = "a-key-that-is-long-enough"
LOADED = "--max-tokens=1", "--raw", "-p=Hello"


@pytest.fixture
def local(clusterkit: Controller, tmp_path: Path, cluster_name: str) -> Controller:
    """A person with a cluster of this machine, where no model is: what is loaded fails."""
    file = describe_local(tmp_path, cluster_name)
    file.write_text(file.read_text() + "engine: {model: /nowhere/parrot}\n")
    done = clusterkit("up", file, "--yes")
    assert done.returncode == 0, done.stderr
    return clusterkit


def loads(done: Done) -> bool:
    """Whether the model was to be loaded for the run, which is not there."""
    return done.returncode == 2 and "Error: /nowhere/parrot: there is no such" in done.stderr


def test_prompts_are_answered_at_once_and_in_order(local: Controller):
    job, url = serve_job(local)
    prompts = local("infer", "-p", "busy", "-p", "count 4", "--max-tokens", "3", "--system", "hm")
    as_json = local("infer", "-p", "count 2", "-o", "json", "--seed", "7", "--temperature", "0.5")
    raw = local("infer", "--raw", "-p", "count 2")

    note = f"Note: server {job} has parrot loaded, and answers; `--cold` loads it for this run\n"
    assert prompts.stdout == ("> busy\nbusy! [2 messages, system hm]\n\n> count 4\n0 1 2 \n"), (
        prompts.stderr
    )
    assert prompts.stderr.startswith(note)
    assert raw.stdout == "0 1 \n"
    result: dict[str, Any] = json.loads(as_json.stdout)
    (answer,) = result.pop("answers")
    assert answer["first_token_s"] > 0
    assert {name: value for name, value in answer.items() if not name.endswith("_s")} == {
        "prompt": "count 2",
        "prompt_text": None,
        "text": "0 1 ",
        "token_ids": None,
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "finish_reason": "stop",
        "prompt_logits": [],
    }
    assert (result["job"], result["server"], result["seed"]) == (job, url, 7)
    assert (result["load_s"], result["dtype"], result["dp"]) == (None, "float32", 1)
    assert [(rank["rank"], rank["node"], rank["memory_bytes"]) for rank in result["ranks"]] == [
        (0, "localhost", 10),
        (1, "localhost", 11),
    ]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--cold",), None),
        (("--tp", "2"), "`--tp 2`, and it has tp=1 pp=1"),
        (("--retries", "1"), "`--retries` needs a job of one's own"),
        (("--detach", "--restart", "1"), "`--detach` and `--restart` need jobs of one's own"),
        (("--logits", "3"), "`--logits` needs a job of one's own"),
        (("--launcher", "torchrun"), "`--launcher` needs a job of one's own"),
        (("--model", "./other"), "it serves /nowhere/parrot"),
    ],
)
def test_what_a_server_cannot_do_loads_the_model(
    local: Controller, words: tuple[str, ...], why: str | None
):
    job, _ = serve_job(local)
    done = local("infer", "-p", "hello", *words)

    note = f"Note: server {job} is not asked: {why}. The model is loaded for this run\n"
    assert done.returncode == 2
    assert ("there is no such file" in done.stderr, done.stdout) == (True, "")
    assert (note in done.stderr) if why else ("Note" not in done.stderr)


def test_a_server_with_a_key_is_asked_with_it(local: Controller, tmp_path: Path):
    job, _ = serve_job(local, KEY)
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)

    without = local("infer", "-p", "hello")
    with_it = local("infer", "-p", "hello", "--api-key-file", file)

    assert loads(without)
    assert f"Note: server {job} is not asked: " in without.stderr
    assert "wrong key (`--api-key-file FILE`, with a key of this server)" in without.stderr
    assert with_it.stdout == "hello! [1 messages, system None]\n"
    assert KEY not in "".join(call.stderr for call in local.calls)


def test_an_answer_that_fails_is_an_error_and_leaves_no_place_taken(local: Controller):
    _, url = serve_job(local)
    late = local("infer", "-p", "slowly", "--timeout", "1")
    long = local("infer", "-p", "hello", "-p", "too long")
    failed = local("infer", "-p", "fail")
    within(5, lambda: told(url, "/left")["left"] >= 1)
    dead = local("infer", "-p", "die")
    after = local("infer", "-p", "hello")

    assert (late.returncode, long.returncode, failed.returncode, dead.returncode) == (124, 2, 1, 4)
    assert f"Error: {url}: no whole answer within 1 s.\nFix: give it longer" in late.stderr
    assert f"Error: prompt 2: {url}: the prompt has 3000 tokens and 8 may follow" in long.stderr
    assert f"Error: {url}: rank 1 on node2 is gone.\n" in failed.stderr
    assert "; `--cold` loads the model for this run\n" in failed.stderr
    assert f"Error: {url} broke off in the middle.\n" in dead.stderr
    assert loads(after)
    assert "Note" not in after.stderr


def test_the_real_server_gives_the_tokens_of_a_run_of_ones_own(
    clusterkit: Controller, tmp_path: Path, cluster_name: str
):
    """Two ranks of a pipeline; chat and raw text, several prompts in one batch."""
    assert clusterkit("up", describe_local(tmp_path, cluster_name), "--yes").returncode == 0
    served = clusterkit("serve", "--pp", "2", "--port", free_port(), "--detach", "-o", "json")
    assert served.returncode == 0, served.stderr
    server = json.loads(served.stdout)
    asked = [*(word for prompt in PROMPTS for word in ("-p", prompt)), "--max-tokens", "12"]
    answers = {
        (kind, *words): json.loads(clusterkit("infer", *asked, *words, *kind, "-o", "json").stdout)
        for kind in ((), ("--cold", "--pp", "2"))
        for words in ((), ("--raw",))
    }
    chat = clusterkit("chat", "--temperature", "0", "--max-tokens", "12", stdin=f"{PROMPTS[0]}\n")
    stopped = clusterkit("stop")

    warm, cold = ([], [])
    for (kind, *_), result in answers.items():
        (cold if kind else warm).append(result)
    assert [result["server"] for result in warm + cold] == [server["url"]] * 2 + [None] * 2
    assert tokens_of(warm) == tokens_of(cold)
    assert chat.stdout == warm[0]["answers"][0]["text"] + "\n"
    assert stopped.returncode == 0


PROMPTS = ("What is the capital of France?", "Count to five.", "é")


def tokens_of(results: list[dict[str, Any]]) -> list[Any]:
    names = ("text", "token_ids", "prompt_tokens", "completion_tokens", "finish_reason")
    return [[each[name] for name in names] for result in results for each in result["answers"]]
