"""What an error of the server is, in OpenAI's form."""

from __future__ import annotations

from typing import Any

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
