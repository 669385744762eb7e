"""What a client is told when its request is not answered, in OpenAI's form."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

CLOSED_BY_CLIENT = 499
"""The status that is counted where nobody is left to read one."""


class ApiError(Exception):
    """A request that is not answered; the message is one line that says what to do."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = _short(" ".join(message.split()), most=500)
        self.param = None if param is None else _short(param, most=80)
        self.code = code
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        return {
            "error": {
                "message": self.message,
                "type": _type(self.status),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> Response:
        """The error as an answer."""
        headers = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return json_response(self.body(), status=self.status, headers=headers)


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that is wrong in itself."""
    return ApiError(400, message, param=param, code=code)


def ranks_failed(why: str) -> ApiError:
    """No request can be answered any more."""
    return ApiError(503, f"the ranks of this server failed: {why}", code="ranks_failed")


def stopping(retry_after_s: int) -> ApiError:
    """The server is about to leave."""
    message = "the server is stopping. Fix: ask again once it runs again"
    return ApiError(503, message, code="server_stopping", retry_after_s=retry_after_s)


def queue_full(waiting: int) -> ApiError:
    """There is work enough."""
    message = f"{waiting} requests wait already. Fix: ask again in a second"
    return ApiError(429, message, code="queue_full", retry_after_s=1)


def out_of_time(limit_s: float) -> ApiError:
    """The request took longer than a request may."""
    message = f"no full answer within {limit_s:g} s. Fix: ask for fewer tokens"
    return ApiError(504, message, code="timeout")


def client_gone() -> ApiError:
    """Nobody waits for the answer."""
    return ApiError(CLOSED_BY_CLIENT, "the client closed the connection")


def json_response(
    body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """JSON as text of UTF-8."""
    return Response(json_bytes(body), status, headers, media_type="application/json")


def json_bytes(body: dict[str, Any]) -> bytes:
    """The bytes of one JSON object."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _short(text: str, *, most: int) -> str:
    """The beginning and the end of what a client sent to be told back."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half + 1 :]}"


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"
