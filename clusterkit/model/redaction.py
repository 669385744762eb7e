"""Take out of a text what must not leave the machine: values that are known, and what looks so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MASK = "***"
MASKED = (
    "every value of an `env` or of a build's `args`, also where it stands in a log",
    "the values of this user's environment variables whose names sound like secrets",
    "private keys in PEM or OpenSSH's form",
    "tokens of Hugging Face, GitHub, GitLab, OpenAI, AWS, Slack, NVIDIA, and JSON Web Tokens",
    "what follows `Bearer`, and values of names such as token, secret, password or api_key",
    "user and password in an address",
    "the path of the home folder, which reads ~",
)
"""What is masked, in words; the bundle says it, and so does the documentation."""

_SHORTEST = 6
"""Shorter values, such as ``1``, are masked where they stand in an ``env``, and nowhere else."""
_KEPT = {"env", "args"}
_PEM = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_TOKENS = re.compile(
    r"\b(?:hf_|gh[pousr]_|github_pat_|glpat-|sk-|xox[abeoprs]-|AKIA|ASIA|nvapi-)[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
)
_BEARER = re.compile(r"(?i)\b(Bearer|Basic)\s+[\w.~+/=-]{6,}")
_IN_ADDRESS = re.compile(r"://[^/\s:@\"']+:[^/\s@\"']+@")
_NAMED = re.compile(
    r"""(?ix)
    ( \b[\w-]*(?:token|secret|passw(?:or)?d|passphrase|credential|api_?-?key)[\w-]* )
    ( \\?["']?\s*[=:]\s*\\?["']? | \s+(?=[^\s-]) )
    ( [^\s"'\\,;&}\])]{4,} )
    """
)


@dataclass(frozen=True, slots=True)
class Redactor:
    """``secrets`` are values that are known; ``home`` is the user's folder."""

    secrets: tuple[str, ...] = ()
    home: str = ""

    def __call__(self, text: str) -> str:
        """``text`` with everything of :data:`MASKED` taken out."""
        for secret in self._known():
            text = text.replace(secret, MASK)
        text = _PEM.sub(MASK, text)
        text = _IN_ADDRESS.sub(f"://{MASK}@", text)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        text = _TOKENS.sub(MASK, text)
        text = _NAMED.sub(_mask_named, text)
        return text.replace(self.home, "~") if len(self.home) > 1 else text

    def _known(self) -> list[str]:
        """The longest first, so that no part of one is left; each also as JSON writes it."""
        forms = {
            form
            for secret in self.secrets
            if len(secret) >= _SHORTEST
            for form in (secret, json.dumps(secret)[1:-1], *_long_lines(secret))
        }
        return sorted(forms, key=len, reverse=True)


def _long_lines(secret: str) -> list[str]:
    return [line for line in secret.splitlines() if len(line) >= _SHORTEST]


def _mask_named(found: re.Match[str]) -> str:
    """Mask ``token=value``, ``token: value`` and ``--token value``, but no prose and no counts."""
    name, between, value = found.groups()
    is_option = found.string[: found.start()].endswith("-")
    is_prose = between.isspace() and not is_option
    if is_prose or name.lower().endswith("tokens") or value == "null":
        return found[0]
    return f"{name}{between}{MASK}"


def public(part: Any) -> Any:
    """JSON with every value of an ``env`` or of a build's ``args`` masked, whatever its name."""
    if isinstance(part, Mapping):
        return {
            key: dict.fromkeys(value, MASK)
            if key in _KEPT and isinstance(value, Mapping)
            else public(value)
            for key, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [public(value) for value in part]
    return part


def secret_values(part: Any) -> Iterable[str]:
    """The values that :func:`public` masks."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in _KEPT and isinstance(value, Mapping):
                yield from (str(each) for each in value.values())
            else:
                yield from secret_values(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from secret_values(value)
