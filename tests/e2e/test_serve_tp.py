"""Serve with every layer split over three containers: many ask at once, each is answered alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from transformers import AutoTokenizer

from tests.e2e.model import built_model, free_port
from tests.e2e.pair import Pair
from tests.e2e.serving import FRANCE, MODEL, Serving, client, containers, say

CLIENTS = 32
MOST = 5
PROMPTS = [
    FRANCE,
    "Hi!",
    "Count to ten.",
    "Name a colour.",
    "Why is the sky blue?",
    "Write a poem about the sea.",
    "What is 2+2? " * 5,
    "Tell me a story of a dragon who lived in a cave, loved tea and hated the rain. " * 2,
]
ASKED = [
    (f"{PROMPTS[number % 8]} {number}", 2 + number % (MOST - 1), number % 2 == 0)
    for number in range(CLIENTS)
]
"""Each client's prompt, the most new tokens, and whether it reads a stream."""


@pytest.fixture(scope="module")
def three(
    node_image: str, docker_host: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    with containers(3, node_image, tmp_path_factory.mktemp("three"), docker_host, tp=3) as made:
        yield made


def test_32_clients_at_once_hear_what_one_process_says(three: Pair) -> None:
    folder = built_model().folder
    expected = alone(folder, [prompt for prompt, *_ in ASKED])
    serving = Serving(three, "--port", free_port())
    url = serving.ready["url"]

    assert [model.id for model in client(url).models.list()] == [MODEL]
    with ThreadPoolExecutor(CLIENTS) as pool:
        heard = list(pool.map(lambda asked: ask(url, *asked), ASKED))
    said = serving.end()

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert heard == [
        (tokenizer.decode(tokens[:most], skip_special_tokens=True), min(most, len(tokens)))
        for tokens, (_, most, _) in zip(expected, ASKED, strict=True)
    ]
    assert len({text for text, _ in heard}) > 8  # they are not all told the same
    assert (serving.process.returncode, "interrupted" in said) == (130, True), said
    assert three.answer("status")["servers"] == []


def alone(folder: str, prompts: list[str]) -> list[list[int]]:
    """The likeliest tokens of one plain transformers process."""
    argv = [sys.executable, Path(__file__).with_name("reference.py"), folder, str(MOST), *prompts]
    env = os.environ | {"OMP_NUM_THREADS": "1"}  # more would spin for cores that others have
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=300)
    tokens: list[list[int]] = json.loads(done.stdout)
    return tokens


def ask(url: str, prompt: str, most: int, streams: bool) -> tuple[str, int]:
    """The text, and how many tokens it has by the server's own count."""
    if not streams:
        whole = say(url, prompt=prompt, max_tokens=most)
        return str(whole.choices[0].message.content), int(whole.usage.completion_tokens)
    text, tokens = "", 0
    options = {"include_usage": True}
    for part in say(url, prompt=prompt, max_tokens=most, stream=True, stream_options=options):
        text += "".join(choice.delta.content or "" for choice in part.choices)
        tokens = part.usage.completion_tokens if part.usage else tokens
    return text, tokens
