"""What a cluster that is up cannot do: it is said before anything starts."""

from __future__ import annotations

import pytest

from tests.e2e.pair import Pair

ASKED = {
    "more ranks than slots": (
        ("mpi-hello", "--ranks", "5"),
        "5 ranks do not fit in cluster {name}: it has 4 slots (node1 2, node2 2).\n"
        "Fix: ask for at most 4 ranks, or raise `slots`\n",
    ),
    "an empty prompt": (
        ("infer", "--prompt", ""),
        "--prompt: the prompt is empty.\nFix: write what the model should answer\n",
    ),
    "no prompt": (
        ("infer",),
        "there is no prompt.\nFix: give `--prompt`, or a file of `--prompts`\n",
    ),
    "a model that nobody knows": (
        ("build", "--model", "nosuch"),
        "model `nosuch`: no such model.\nFix: use a built-in name (smollm2-135m), a hub name such "
        "as `HuggingFaceTB/SmolLM2-135M-Instruct`, or the path of a GGUF file or of a folder "
        "(`./NAME` if it is in this folder)\n",
    ),
}


@pytest.mark.parametrize(("words", "message"), ASKED.values(), ids=ASKED)
def test_what_is_wrong_is_said_at_once(pair: Pair, words, message):
    done = pair(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: " + message.format(name=pair.name)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            ("--tp", "2"),
            "tp=2 does not divide 9 attention heads and 3 KV heads of smollm2-135m. "
            "Fix: use tp 1 or 3",
        ),
        (
            ("--tp", "3", "--pp", "2"),
            "tp=3 x pp=2 needs 6 slots; cluster {name} has 4 (node1 2, node2 2). "
            "Fix: a tp x pp of at most 4, or raise `slots`",
        ),
    ],
)
def test_a_split_that_does_not_fit(pair: Pair, split, message):
    """The image has no engine, which is said as well."""
    done = pair("infer", "--prompt", "x", *split)

    assert done.returncode == 2
    assert f"Error: {message.format(name=pair.name)}\n" in done.stderr
    assert pair.answer("jobs")["jobs"] == []
