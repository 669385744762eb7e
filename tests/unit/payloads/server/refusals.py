"""What an error of the server is, in OpenAI's form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.payloads.server.stand_in import Running, running

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"


def refused(response: Any) -> tuple[int, str, str | None, str | None]:
    """Status, message, field and code of an error in OpenAI's form."""
    (error,) = response.json().values()
    message, kind, param, code = (error[key] for key in ("message", "type", "param", "code"))
    assert set(error) == {"message", "type", "param", "code"}
    assert kind == "invalid_request_error"
    assert "\n" not in message
    assert "Fix: " in message
    return response.status_code, message, param, code


@pytest.fixture(scope="module")
def strict_server() -> Iterator[Running]:
    """A server with narrow limits."""
    with running(max_prompt_tokens=20, max_tokens=40, max_queue=8) as server:
        yield server


@pytest.fixture
def lives_on(server: Running) -> Iterator[None]:
    """Nothing of what is refused comes to the ranks, and the server answers afterwards."""
    before = len(server.ranks.works)
    yield
    assert len(server.ranks.works) == before, "nothing of it came to the ranks"
    assert server.ask().json()["choices"][0]["text"] == "yes"
