"""Fields that cannot be followed get one line that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.payloads.server.refusals import CHAT, COMPLETION, lives_on, refused, strict_server
from tests.unit.payloads.server.stand_in import NAME

USER = {"role": "user", "content": "hi"}
server, _lives_on = strict_server, lives_on
pytestmark = pytest.mark.usefixtures("_lives_on")


def bad(path: str, param: str | None, message: str, **fields: Any) -> Any:
    return pytest.param(path, fields, param, message, id=f"{path[4:8]} {message[:50]}")


CHANGE = "Fix: change it"
LEAVE = "this server cannot do that. Fix: leave it out"


@pytest.mark.parametrize(
    ("path", "fields", "param", "message"),
    [
        bad(COMPLETION, "prompt", "prompt: is missing. Fix: add it"),
        bad(CHAT, "messages", "messages: is missing. Fix: add it"),
        bad(
            COMPLETION,
            "max_tokens",
            f"max_tokens: -5: input should be greater than or equal to 1. {CHANGE}",
            prompt="a",
            max_tokens=-5,
        ),
        bad(
            COMPLETION,
            "max_tokens",
            f'max_tokens: "5": input should be a valid integer. {CHANGE}',
            prompt="a",
            max_tokens="5",
        ),
        bad(
            COMPLETION,
            "temperature",
            f"temperature: 2.5: input should be less than or equal to 2. {CHANGE}",
            prompt="a",
            temperature=2.5,
        ),
        bad(
            COMPLETION,
            "top_p",
            f"top_p: -1: input should be greater than or equal to 0. {CHANGE}",
            prompt="a",
            top_p=-1,
        ),
        bad(
            COMPLETION,
            "seed",
            f"seed: {2**63}: input should be less than {2**63}. {CHANGE}",
            prompt="a",
            seed=2**63,
        ),
        bad(
            COMPLETION,
            "colour",
            "colour: there is no such field. Fix: leave it out",
            prompt="a",
            colour="red",
        ),
        bad(COMPLETION, "echo", f"echo: {LEAVE}", prompt="a", echo=True),
        bad(COMPLETION, "n", f"n: {LEAVE}", prompt="a", n=2),
        bad(COMPLETION, "best_of", f"best_of: {LEAVE}", prompt="a", best_of=3),
        bad(COMPLETION, "logit_bias", f"logit_bias: {LEAVE}", prompt="a", logit_bias={"1": 2}),
        bad(CHAT, "tools", f"tools: {LEAVE}", messages=[USER], tools=[{"type": "function"}]),
        bad(
            CHAT,
            "response_format",
            f"response_format: {LEAVE}",
            messages=[USER],
            response_format={"type": "json_object"},
        ),
        bad(
            COMPLETION,
            "prompt",
            "prompt: a string, token ids, or a list of such is wanted, and not an empty one. "
            f"{CHANGE}",
            prompt=["a", 1],
        ),
        bad(COMPLETION, "prompt", "prompt: is empty. Fix: write something", prompt=""),
        bad(COMPLETION, "prompt", "prompt: 999 is no token. Fix: use 0 to 256", prompt=[1, 999]),
        bad(COMPLETION, "prompt", "prompt: 13 at once. Fix: send 12 at most", prompt=["a"] * 13),
        bad(
            COMPLETION,
            "stop",
            f"stop: an empty stop word would stop everything. {CHANGE}",
            prompt="a",
            stop=["", "a"],
        ),
        bad(
            COMPLETION,
            "stop",
            f"stop: 17 stop words, and 16 at most are taken. {CHANGE}",
            prompt="a",
            stop=["a"] * 17,
        ),
        bad(
            COMPLETION,
            "stream_options",
            "stream_options needs stream. Fix: add `stream: true`",
            prompt="a",
            stream_options={"include_usage": True},
        ),
        bad(
            CHAT,
            "top_logprobs",
            "top_logprobs needs logprobs. Fix: add `logprobs: true`",
            messages=[USER],
            top_logprobs=2,
        ),
        bad(
            CHAT,
            "messages",
            f"messages: []: list should have at least 1 item after validation, not 0. {CHANGE}",
            messages=[],
        ),
        bad(
            CHAT,
            "messages",
            "messages: message 0 has the role 'tool', and developer, system, user, assistant are "
            f"known. {CHANGE}",
            messages=[{"role": "tool", "content": "a"}],
        ),
        bad(
            CHAT,
            "messages",
            "messages: message 0 has a part of type 'image_url', and only text is taken. "
            f"{CHANGE}",
            messages=[{"role": "user", "content": [{"type": "image_url"}]}],
        ),
        bad(
            CHAT,
            "messages",
            "messages: message 0 has no content: a string or a list of text parts is wanted. "
            f"{CHANGE}",
            messages=[{"role": "assistant", "content": None}],
        ),
        bad(
            CHAT,
            "messages",
            "messages: the model's chat template refuses them: the system speaks first. "
            f"{CHANGE.replace('it', 'them')}",
            messages=[USER, {"role": "system", "content": "s"}],
        ),
    ],
)
def test_fields_that_are_wrong(server, path, fields, param, message):
    response = server.post(path, json={"model": NAME, **fields})
    assert refused(response) == (400, message, param, None)
