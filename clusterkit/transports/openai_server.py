"""A server of OpenAI's routes as its client sees it: answers in pieces, and how it is."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from clusterkit.errors import ServerFailed, UsageError
from clusterkit.transports.openai_refusals import refusal

_CONNECTS_WITHIN_S = 10.0
_LOOKS_WITHIN_S = 10.0
_LONGEST_SILENCE_S = 660.0
"""A request may wait for its turn, and may have as long as servers usually allow: 600 s."""
_HERE = ("127.0.0.1", "::1", "localhost")
_END = "[DONE]"
_LOOK = "Fix: see `clusterkit jobs`; `clusterkit serve` starts one"


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event of a stream adds to an answer.

    ``finish`` comes with the last text, the counts once, where the server tells them.
    """

    text: str = ""
    token_ids: tuple[int, ...] | None = None
    finish: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


Answer = Generator[Piece]
"""An answer as it comes."""


class OpenAiServer:
    """One server, over connections that are kept; threads may share it. Close it in the end.

    ``key`` goes into the Authorization header, and nowhere else. ``is_direct``: no proxy of the
    environment leads there, as none leads to this machine itself.
    """

    def __init__(self, url: str, key: str | None = None, *, is_direct: bool = False) -> None:
        self.url = base_url(url)
        self._client = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(_LONGEST_SILENCE_S, connect=_CONNECTS_WITHIN_S),
            trust_env=not is_direct and urlsplit(self.url).hostname not in _HERE,
        )

    def chat(self, messages: list[dict[str, str]], **settings: Any) -> Answer:
        """The answer to a conversation; closing it early frees its place there.

        Raises:
            ServerFailed: If it refuses, breaks off, or is silent for too long.
        """
        return self._stream("/v1/chat/completions", {"messages": messages, **settings})

    def complete(self, prompt: str, **settings: Any) -> Answer:
        """What the model goes on with; otherwise as :meth:`chat`."""
        return self._stream("/v1/completions", {"prompt": prompt, **settings})

    def models(self) -> tuple[str, ...]:
        """What it calls the models that it serves."""
        with self._failing():
            return tuple(str(row["id"]) for row in self._look("/v1/models")["data"])

    def cluster(self) -> dict[str, Any]:
        """Its ranks and what they do; a server of another make says 404."""
        with self._failing():
            return dict(self._look("/cluster"))

    def why_not_ready(self) -> str | None:
        """Why it cannot answer now; None: it can, or does not say."""
        try:
            with self._failing():
                self._checked("/ready")
        except ServerFailed as error:
            return None if error.status == httpx2.codes.NOT_FOUND else str(error)
        return None

    def close(self) -> None:
        """Give back its connections; answers that still come are broken off."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stream(self, route: str, body: Mapping[str, Any]) -> Answer:
        asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
        with self._failing(), self._client.stream("POST", route, json=asked) as response:
            if not response.is_success:
                response.read()
                raise refusal(self.url, response.status_code, response.text, response.headers)
            for event in httpx2.EventSource(response):
                if event.data == _END:
                    return
                yield self._piece(event.json())
        raise ServerFailed(f"{self.url} broke off in the middle. {_LOOK}")

    def _piece(self, told: Any) -> Piece:
        if "error" in told:
            raise refusal(self.url, 500, told, {})
        choice: dict[str, Any] = next(iter(told.get("choices") or ()), {})
        usage = told.get("usage") or {}
        text = choice.get("text") or (choice.get("delta") or {}).get("content")
        ids = choice.get("token_ids")
        return Piece(
            text=text or "",
            token_ids=None if ids is None else tuple(ids),
            finish=choice.get("finish_reason"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
        )

    def _look(self, route: str) -> Any:
        return self._checked(route).json()

    def _checked(self, route: str) -> httpx2.Response:
        response = self._client.get(route, timeout=_LOOKS_WITHIN_S)
        if not response.is_success:
            raise refusal(self.url, response.status_code, response.text, response.headers)
        return response

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Tell what goes wrong on the way in our own words."""
        try:
            yield
        except httpx2.ConnectError as error:
            raise ServerFailed(f"no server answers at {self.url} ({error}). {_LOOK}") from error
        except httpx2.TimeoutException as error:
            words = f"{self.url} did not answer in time ({type(error).__name__})"
            raise ServerFailed(f"{words}. {_LOOK}") from error
        except (httpx2.ReadError, httpx2.RemoteProtocolError) as error:
            raise ServerFailed(f"{self.url} broke off in the middle. {_LOOK}") from error
        except httpx2.HTTPError as error:
            words = f"{self.url} cannot be asked: {str(error) or type(error).__name__}"
            raise ServerFailed(f"{words.rstrip('.')}. {_LOOK}") from error
        except (JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            words = f"{self.url} does not answer as OpenAI's routes do ({error!r})"
            raise ServerFailed(f"{words}. Fix: look what listens there") from error


def base_url(url: str) -> str:
    """``url`` as the routes follow it: with its scheme, and without ``/v1`` at the end.

    Raises:
        UsageError: If it is none.
    """
    whole = url if "://" in url else f"http://{url}"
    parts = urlsplit(whole)
    try:
        is_url = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of a port that is no number
        is_url = False
    if not is_url or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"`{url}` is no address of a server. Fix: such as http://127.0.0.1:8000")
    return whole.rstrip("/").removesuffix("/v1").rstrip("/")
