"""A server tells token ids to who asks for them, and to nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.payloads.server.stand_in import END, running, tiny_tokenizer


def chunks(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [choice for line in lines[:-1] for choice in json.loads(line)["choices"]]


def test_a_stream_tells_each_token_once_and_the_end_with_the_last():
    with running("ab") as server:
        told = chunks(server.ask(stream=True, return_token_ids=True).text)

    ids = tiny_tokenizer().encode("ab")
    assert [token for choice in told for token in choice["token_ids"]] == [*ids, END]
    assert told[-1]["finish_reason"] == "stop"


def test_a_whole_answer_tells_all():
    with running("ab") as server:
        (choice,) = server.ask(return_token_ids=True).json()["choices"]
    assert choice["token_ids"] == [*tiny_tokenizer().encode("ab"), END]


@pytest.mark.parametrize("words", [{}, {"return_token_ids": False}])
def test_nobody_else_is_told(words: dict[str, bool]):
    with running("ab") as server:
        whole = server.ask(**words).json()["choices"]
        told = chunks(server.ask(stream=True, **words).text)
    assert [name for choice in [*whole, *told] for name in choice if "token" in name] == []
