"""Words as people type them, and what of them is shown again; nothing is brought up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.controller import Controller

HERE = Path(__file__).parent.parent
LAB = HERE / "golden/inventories/lab.yaml"
LOCAL = HERE.parent / "inventories/local.yaml"


@pytest.mark.parametrize("words", [("-30s",), ("-2h",), ("--", "-30s"), ("+2m",)])
def test_an_offset_of_a_clock_is_no_option(clusterkit: Controller, words: tuple[str, ...]) -> None:
    done = clusterkit(
        "lab", "fault", "--inventory", LAB, "--dry-run", "skew-clock", "node2", *words
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"off by {words[-1]}" in done.stdout


def test_what_is_no_offset_is_shown_as_it_was_typed(clusterkit: Controller) -> None:
    done = clusterkit("lab", "fault", "skew-clock", "node2", "-30x")

    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "Error: `-30x` is no offset of a clock."


def test_an_empty_word_is_no_folder(clusterkit: Controller) -> None:
    done = clusterkit("run", "")

    assert done.returncode == 2
    assert done.stderr == "Error: SCRIPT: it is empty.\nFix: give the path of a file\n"


def test_a_dry_run_compiles_the_script(clusterkit: Controller, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print(1)\ndef train(:\n")

    done = clusterkit("run", "--dry-run", "--inventory", LOCAL, script)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: train.py:2: no valid Python: ")


def test_an_input_that_sounds_like_a_secret_is_not_shown(
    clusterkit: Controller, tmp_path: Path
) -> None:
    playbook = tmp_path / "play.yaml"
    playbook.write_text(
        "- inputs:\n"
        "    hf_token: {description: a token, default: canary-1}\n"
        "    api-key: {description: a key}\n"
        "    max-tokens: {description: how many, type: integer, default: 7}\n"
        "    model: {description: a model, default: smollm2-135m}\n"
        "- models: {action: ls}\n"
    )
    words = ("play", playbook, "--dry-run", "--set", "api-key=canary-2")

    text, rows = clusterkit(*words), clusterkit(*words, "-o", "json")

    shown = {"hf_token": "***", "api-key": "***", "max-tokens": 7, "model": "smollm2-135m"}
    told = text.stderr.splitlines()[: len(shown)]
    assert told == [f"{name} = {value}" for name, value in shown.items()]
    assert json.loads(rows.stdout)["inputs"] == shown
    assert "canary" not in text.stdout + text.stderr + rows.stdout + rows.stderr
