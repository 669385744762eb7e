"""What pip is told on this machine, for the builds of images."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path


def settings() -> dict[str, str]:
    """Return pip's settings by name; where several files and variables name one, the last word."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, str] = {}
    # pip lists the environment first, which is the strongest: it is read last here.
    for line in reversed(listed.splitlines()):
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in {"global", "install", ":env:"}:
            found[option] = str(ast.literal_eval(value))
    return found


def wheel_folders() -> tuple[Path, ...]:
    """Return the folders of this machine that pip looks for wheels in."""
    words = settings().get("find-links", "").split()
    folders = (Path(word.removeprefix("file://")) for word in words)
    return tuple(folder for folder in folders if folder.is_dir())


def certificates() -> Path | None:
    """Return the file of the certificate authorities that programs here are told to trust."""
    named = (settings().get("cert"), os.environ.get("SSL_CERT_FILE"))
    return next((Path(name) for name in named if name and Path(name).is_file()), None)


def for_other_machines(certificates_path: str) -> str:
    """Return a pip.conf that holds where there are none of this machine's folders."""
    told = settings()
    kept = {
        name: told[name]
        for name in ("index-url", "trusted-host", "default-timeout")
        if name in told
    }
    remote = [
        url for url in told.get("extra-index-url", "").split() if not url.startswith("file:")
    ]
    if remote:
        kept["extra-index-url"] = " ".join(remote)
    if "default-timeout" in kept:
        kept["timeout"] = kept.pop("default-timeout")
    kept["cert"] = certificates_path
    return "".join(
        ["[global]\n", *(f"{name} = {value}\n" for name, value in sorted(kept.items()))]
    )
