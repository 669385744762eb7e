"""Tokens as text, as they come: whole characters only, and nothing from a stop word on."""

from __future__ import annotations

from typing import Any

_HALF = "\ufffd"
_MOST_HELD = 16
"""Tokens that may be held back for one character; a longer row of them is no character."""


class TextOfTokens:
    """The text that each token adds.

    A token may end within a character; its text comes with the token that ends it. How a token
    reads depends on those before it, so a few of them are always read again.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._context_from = 0
        self._told_to = 0

    def add(self, token: int) -> str:
        """Take one token; the text that is whole now."""
        self._ids.append(token)
        return self._new(is_last=False)

    def rest(self) -> str:
        """What is left at the end, such as half a character."""
        return self._new(is_last=True)

    def _new(self, *, is_last: bool) -> str:
        before = self._decoded(self._ids[self._context_from : self._told_to])
        now = self._decoded(self._ids[self._context_from :])
        may_be_half = now.endswith(_HALF) and len(self._ids) - self._told_to < _MOST_HELD
        if len(now) <= len(before) or (may_be_half and not is_last):
            return ""
        self._context_from, self._told_to = self._told_to, len(self._ids)
        return now[len(before) :]

    def _decoded(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


class StopWords:
    """Lets text through up to the first stop word; holds back what may become one."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._held = ""
        self.found = False

    def add(self, text: str) -> str:
        """Take text; what can be told now."""
        self._held += text
        ends = [(at + len(word), at) for word in self._words if (at := self._held.find(word)) >= 0]
        if ends:
            # The word that ends first, as if the text had come letter by letter.
            self.found = True
            return self._tell(min(ends)[1])
        return self._tell(len(self._held) - self._length_of_a_beginning())

    def rest(self) -> str:
        """What was held back, at the end."""
        return self._tell(len(self._held))

    def _length_of_a_beginning(self) -> int:
        """How much of the end is how a stop word begins."""
        longest = max((len(word) for word in self._words), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(word.startswith(self._held[-length:]) for word in self._words):
                return length
        return 0

    def _tell(self, length: int) -> str:
        told, self._held = self._held[:length], self._held[length:]
        return told
