"""Chat in a real terminal, and without one, with a stand-in that speaks OpenAI's routes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.chat_terminal import terminal
from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local
from tests.e2e.model_servers import serve_job, stand_in, told
from tests.e2e.running_job import within

KEY = "a-key-that-is-long-enough"


@pytest.fixture
def local(clusterkit: Controller, tmp_path: Path, cluster_name: str) -> Controller:
    """A person with a cluster of this machine."""
    done = clusterkit("up", describe_local(tmp_path, cluster_name), "--yes")
    assert done.returncode == 0, done.stderr
    return clusterkit


def test_a_person_talks_and_leaves(clusterkit: Controller, tmp_path: Path):
    with stand_in() as url, terminal(clusterkit, tmp_path, "chat", "--url", url) as screen:
        screen.shows(
            f"parrot at {url}",
            "Enter sends; Alt-Enter, or \\ at the end of a line, begins another line",
            "/help shows the commands, Ctrl-D leaves",
            "",
            ">",
        )
        screen.type("hello", "Enter")
        screen.shows("> hello", "hello! [1 messages, system None]")
        screen.type(
            "/system be kind", "Enter", "one\\", "Enter", "two", "M-Enter", "three", "Enter"
        )
        screen.shows(
            "> one", ". two", ". three", "one", "two", "three! [4 messages, system be kind]"
        )
        screen.type("/reset", "Enter", "again", "Enter")
        screen.shows("again! [2 messages, system be kind]")
        screen.type("/stats", "Enter")
        screen.shows("question       prompt tokens  tokens  tokens/s  first token  end")
        screen.type("/help", "Enter", "/hlep", "Enter")
        screen.shows("no command `/hlep`. Fix: did you mean `/help`?; `//` begins a text with a")
        screen.type("C-d")
        screen.shows("exit code 0")

        with terminal(clusterkit, tmp_path, "chat", "--url", url) as later:
            later.shows("/help shows")
            later.type("Up", "Up", "Up", "Up")
            later.shows("> again")
            later.type("C-c")
            later.type("C-c")
            later.shows("Ctrl-D or /quit leaves the chat")
            later.type("/quit", "Enter")
            later.shows("exit code 0")

    history = clusterkit.home / "chat" / "history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "+hello\n" in history.read_text()


def test_ctrl_c_stops_the_answer_and_frees_its_place(clusterkit: Controller, tmp_path: Path):
    chat = ("chat", "--no-history", "--max-tokens", "2", "--url")
    with stand_in() as url, terminal(clusterkit, tmp_path, *chat, url) as screen:
        screen.shows("/help shows")
        screen.type("slowly", "Enter")
        screen.shows("on and on and")
        assert told(url, "/left")["left"] == 0
        screen.type("C-c")
        screen.shows("(stopped)", "", ">")
        within(5, lambda: told(url, "/left")["left"] == 1)
        screen.type("count 3", "Enter")
        screen.shows("0 1", "(cut off after 2 tokens: as long as an answer may be)")
        screen.type("again", "Enter")
        screen.shows("again! [5 messages,")
        screen.type("C-d")
        screen.shows("exit code 0")

    assert not (clusterkit.home / "chat").exists()


def test_a_chat_outlives_its_server(local: Controller, tmp_path: Path):
    first, url = serve_job(local)
    with terminal(local, tmp_path, "chat") as screen:
        screen.shows(f"parrot at {url}, job {first}")
        screen.type("fail", "Enter")
        screen.shows(
            f"Error: {url}: rank 1 on node2 is gone.", "Fix: see `clusterkit logs` of its"
        )
        screen.type("too long", "Enter")
        screen.shows(f"Error: {url}: the prompt has 3000 tokens and 8 may follow; the context is")
        screen.type("hello", "Enter")
        screen.shows("hello! [1 messages, system None]")
        shown = json.loads(local("jobs", "show", "-o", "json").stdout)["server"]
        assert (shown["url"], shown["ready"], shown["why"]) == (url, True, None)
        assert f"smollm2-135m at {url}, ready" in local("jobs", "show").stdout
        screen.type("die", "Enter")
        screen.shows(f"Error: server {first} has ended: rank 0 on localhost exited with 1: {{")
        screen.shows(f"Fix: `clusterkit serve --detach` starts one; see `clusterkit logs {first}`")
        screen.type("hello?", "Enter")
        screen.shows("Error: no server runs on cluster", within_s=10)
        second, other = serve_job(local)
        screen.type("back?", "Enter")
        screen.shows("back?! [3 messages, system None]", f"(from parrot at {other} from now on)")
        screen.type("C-d")
        screen.shows("exit code 0")
    assert local("stop", second).returncode == 0


def test_without_a_terminal_each_line_is_answered(clusterkit: Controller, tmp_path: Path):
    key = tmp_path / "key"
    key.write_text(f"# ours\n{KEY}\n")
    key.chmod(0o600)
    typed = "hello\n\n/system be kind\none\\\ntwo\n/quit\nnever\n"
    with stand_in(KEY) as url:
        chat = ("chat", "--url", f"{url}/v1", "--api-key-file", key)
        plain = clusterkit(*chat, stdin=typed)
        as_json = clusterkit(*chat, "-o", "json", stdin="count 2\n")
        failed = clusterkit(*chat, stdin="fail\nhello\n")
        unknown = clusterkit(*chat, stdin="/hlep\n")
        other = clusterkit(*chat, "--model", "gpt", stdin="hi\n")
        keyless = clusterkit("chat", "--url", url, stdin="hi\n")

    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout == (
        "hello! [1 messages, system None]\none\ntwo! [4 messages, system be kind]\n"
    )
    told = json.loads(as_json.stdout)
    (turn,) = told.pop("turns")
    assert told == {"url": url, "job": None, "model": "parrot"}
    times = [turn.pop("first_token_s"), turn.pop("token_s")]
    assert min(times) > 0
    assert turn == {
        "prompt": "count 2",
        "text": "0 1 ",
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "finish_reason": "stop",
    }
    assert (failed.returncode, failed.stdout) == (1, "fail! \n")
    assert (unknown.returncode, other.returncode, keyless.returncode) == (2, 2, 2)
    assert other.stderr == (
        f"Error: `--model gpt`: {url} serves parrot.\nFix: one of those that it has\n"
    )
    assert "Fix: `--api-key-file FILE`, with a key of this server" in keyless.stderr
    assert KEY not in "".join(call.stdout + call.stderr for call in clusterkit.calls)


def test_an_answer_ends_where_nobody_said_how_long_it_may_be(clusterkit: Controller):
    with stand_in() as url:
        rambling = clusterkit("chat", "--url", url, "-o", "json", stdin="count 2000\n")
        crowded = clusterkit("chat", "--url", url, stdin="crowded\n")
        wanted = clusterkit("chat", "--url", url, "--max-tokens", 2000, stdin="crowded\n")

    (turn,) = json.loads(rambling.stdout)["turns"]
    assert (turn["completion_tokens"], turn["finish_reason"]) == (1024, "length")
    assert (crowded.returncode, crowded.stdout) == (0, "crowded! [1 messages, system None]\n")
    assert (wanted.returncode, "`max_tokens: 100` at most" in wanted.stderr) == (2, True)


def test_ctrl_c_ends_a_chat_without_a_terminal(clusterkit: Controller):
    with stand_in() as url:
        chat = clusterkit.start("chat", "--url", url, stdin=subprocess.PIPE)
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdin.write("slowly\n")
        chat.stdin.flush()
        assert chat.stdout.read(3) == "on "
        chat.send_signal(signal.SIGINT)
        _, said = chat.communicate(timeout=20)
        within(5, lambda: told(url, "/left")["left"] == 1)

    assert (chat.returncode, said) == (130, "Error: `chat` was interrupted.\n")


def test_a_server_that_is_not_there_is_told_with_what_starts_one(local: Controller):
    none = local("chat", stdin="hi\n")
    local("mpi-hello")
    (hello,) = json.loads(local("jobs", "-o", "json").stdout)["jobs"]
    other = local("chat", hello["id"], stdin="hi\n")
    nowhere = local("chat", "--url", "127.0.0.1:1", stdin="hi\n")

    assert (none.returncode, other.returncode, nowhere.returncode) == (2, 2, 4)
    assert "Fix: start one with `clusterkit serve --detach`; `clusterkit chat --url" in none.stderr
    assert "is no server: `mpi-hello` began it. Fix: leave it out" in " ".join(
        other.stderr.split()
    )
