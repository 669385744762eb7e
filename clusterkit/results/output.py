"""What a program wrote, of any size: read piece by piece, wherever it is kept."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema


def digest_of(blocks: Iterable[bytes]) -> str:
    """What tells whether two outputs are the same."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Output:
    """The output of one stream; two with the same digest are equal. ``blocks`` reads it again."""

    digest: str
    blocks: Callable[[], Iterable[bytes]] = field(compare=False, repr=False)

    @classmethod
    def of(cls, text: str) -> Output:
        """Output that is in memory already."""
        data = (text.encode("utf-8", "surrogateescape"),)
        return cls(digest_of(data), lambda: data)

    def pieces(self) -> Iterator[str]:
        """The text in order; a piece may end anywhere."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for block in self.blocks():
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)

    def text(self) -> str:
        """All of it at once."""
        return "".join(self.pieces())


NO_OUTPUT = Output.of("")


NO_TEXT: Any = ""
"""The default of an :data:`OutputText`, as its schema shows it."""


def _from_text(value: Any) -> Any:
    return Output.of(value) if isinstance(value, str) else value


def _to_text(value: Any) -> str:
    return value.text() if isinstance(value, Output) else value


OutputText = Annotated[
    InstanceOf[Output],
    BeforeValidator(_from_text),
    PlainSerializer(_to_text, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""Output as the field of a model: in JSON it is its text."""
