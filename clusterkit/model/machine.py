"""Machines that are reached by SSH, and how nodes log in to one another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field

from clusterkit.model.base import HIGHEST_PORT, Model
from clusterkit.model.mistakes import mistake

TrustKind = Literal["known-hosts", "accept-new"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a machine answers. What is None here, ``~/.ssh/config`` says, or ssh's defaults.

    ``host`` is as ssh takes it: an alias, a name or an address. ``jump``: ``[user@]host[:port]``.
    """

    host: str
    user: str | None = None
    port: int | None = None
    key_file: str | None = None
    jump: str | None = None
    trust: TrustKind = "known-hosts"
    connect_timeout_s: float = 8.0

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.host}{f':{self.port}' if self.port else ''}"


@dataclass(frozen=True, slots=True)
class Login:
    """How other nodes log in to this one, as it was found; ``host_keys`` are public keys."""

    user: str
    port: int
    host_keys: tuple[str, ...]


def _host(text: str) -> str:
    """Machines as ssh names them; how to log in there is said apart."""
    fix = "write a name, an address, or a Host of ~/.ssh/config"
    if _is_option_or_words(text):
        raise mistake(f"`{text}` is no host", fix)
    if "@" in text:
        raise mistake(f"`{text}` has a user", "write the user as `ssh: {user: …}`")
    if text.count(":") == 1:  # an IPv6 address has more
        raise mistake(f"`{text}` has a port", "write the port as `ssh: {port: …}`")
    return text


def _user(text: str) -> str:
    if _is_option_or_words(text):
        raise mistake(f"`{text}` is no login name", "write the name alone: `user: ubuntu`")
    return text


def _jump(text: str) -> str:
    if _is_option_or_words(text):
        raise mistake(f"`{text}` is no machine", "write [user@]host[:port], several with commas")
    return text


def _is_option_or_words(text: str) -> bool:
    """What ssh would read as an option, or as more than one word."""
    return text.startswith("-") or any(character.isspace() for character in text)


Host = Annotated[str, Field(min_length=1), AfterValidator(_host)]
User = Annotated[str, Field(min_length=1), AfterValidator(_user)]
Jump = Annotated[str, Field(min_length=1), AfterValidator(_jump)]


class SshSettings(Model):
    """How machines are reached; what is left out, ``~/.ssh/config`` says."""

    user: User | None = Field(default=None, description="The login name", examples=["ubuntu"])
    port: int | None = Field(
        default=None, ge=1, le=HIGHEST_PORT, description="The port of sshd", examples=[22]
    )
    key_file: str | None = Field(
        default=None,
        min_length=1,
        description="The private key; with it, no other and no agent is tried",
        examples=["~/.ssh/id_ed25519"],
    )
    jump: Jump | None = Field(
        default=None,
        description="The machine through which they are reached: [user@]host[:port]",
        examples=["me@bastion.example.net"],
    )
    trust: TrustKind | None = Field(
        default=None,
        description="known-hosts: your own decides; accept-new: pins a key seen first",
        examples=["known-hosts"],
    )
    connect_timeout_s: float | None = Field(
        default=None, gt=0, description="How long a machine may take to answer", examples=[8]
    )

    def over(self, base: Self | None) -> Self:
        """These settings, and those of ``base`` where these say nothing."""
        return base.model_copy(update=self._said()) if base else self

    def machine(self, host: str) -> Machine:
        """The machine ``host``, reached as these settings say."""
        return replace(Machine(host), **self._said())

    def _said(self) -> dict[str, Any]:
        names = self.model_fields_set & SshSettings.model_fields.keys()
        said = {name: getattr(self, name) for name in names}
        return {name: value for name, value in said.items() if value is not None}
