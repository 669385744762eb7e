"""What an ssh configuration means for hosts: paramiko knows its patterns, order and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import paramiko

from clusterkit.model.imported.ssh_config import Settings


def look_up(text: str, names: Sequence[str]) -> dict[str, Settings]:
    """The settings of each name, keys in lower case; `none` is left out.

    ``text`` has neither Include nor Match, and does not ask to look names up in the DNS:
    nothing is run and nobody is asked. Key files in the user's home begin with ``~``.
    """
    config = paramiko.SSHConfig.from_text(text)
    return {name: _plain(config.lookup(name)) for name in names}


def _plain(found: Mapping[str, str | list[str] | None]) -> Settings:
    """Every setting as its values; paramiko's types know nothing of lists and of none."""
    settings = {
        key: tuple(_from_home(each) for each in value) if isinstance(value, list) else (value,)
        for key, value in found.items()
        if value is not None
    }
    return {key: values for key, values in settings.items() if values != ("none",)}


def _from_home(path: str) -> str:
    home = f"{Path.home()}/"
    return f"~/{path.removeprefix(home)}" if path.startswith(home) else path
