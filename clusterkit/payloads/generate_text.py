"""Tell an answer's text while its tokens come."""

from __future__ import annotations

import time
from typing import Any

from clusterkit.payloads.generate_events import tell


class TokenStream:
    """Takes tokens from ``generate`` as they come; where it ``tells``, the text that they add.

    A token may end within a character, so text is told once it is whole. What is told, put
    together, is the answer's text.
    """

    def __init__(self, tokenizer: Any, prompt: int, *, tells: bool) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._prompt = prompt
        self._tells = tells
        self._told = ""
        self._started = time.monotonic()
        self._times: list[float] = []
        self._is_prompt = True

    def put(self, value: Any) -> None:
        """Take the prompt once, then one token at a time."""
        if self._is_prompt:
            self._is_prompt = False
            return
        self._times.append(time.monotonic())
        if self._tells and self._backend is not None:
            for token in value.tolist():
                self._tell(self._decoder.step(self._backend, token))

    def end(self) -> None:
        """Nothing: the caller finishes."""

    def finish(self, ids: list[int]) -> str:
        """Tell what is left, such as half a character, and return the whole text."""
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        if text.startswith(self._told):
            self._tell(text[len(self._told) :])
        return self._told

    def times(self) -> dict[str, Any]:
        """Seconds to the first token, and the mean of those after it."""
        if not self._times:
            return {"first_token_s": None, "token_s": None}
        first, last, count = self._times[0], self._times[-1], len(self._times)
        return {
            "first_token_s": round(first - self._started, 6),
            "token_s": round((last - first) / (count - 1), 6) if count > 1 else None,
        }

    def _tell(self, text: str | None) -> None:
        if text:
            self._told += text
            tell(event="token", prompt=self._prompt, text=text)
