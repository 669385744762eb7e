"""Which kind of file a list of machines is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from clusterkit.errors import UsageError
from clusterkit.model.import_options import Format
from clusterkit.model.imported.ansible import is_yaml

FORMATS: tuple[Format, ...] = get_args(Format)
TITLES: dict[Format, str] = {
    "hostfile": "a host file of MPI",
    "ssh-config": "an ssh configuration",
    "ansible": "an Ansible inventory",
    "slurm": "Slurm's nodes",
}

_NAMES: dict[str, Format] = {"slurm.conf": "slurm", "ssh_config": "ssh-config"}
# A name tells less than what only one kind of file has; the first that is found decides.
_SIGNS: tuple[tuple[str, Format], ...] = (
    (r"^\s*(NodeName|PartitionName|NodeSet)\s*=", "slurm"),
    (r"^.*\b(NODELIST|HOSTNAMES)\b", "slurm"),
    (r"^\s*(?i:Host|Match|Include)(\s+|\s*=\s*)(?!slots?\s*=)\S+.*\n", "ssh-config"),
    (r"^\[[^\]:]+(:(vars|children))?\]\s*(#.*)?$", "ansible"),
    (r"\bansible_\w+\s*[=:]", "ansible"),
    (r"\w\[[a-z0-9]+:[a-z0-9]+\]", "ansible"),
    (r"^[^\s#=]+\[\d[\d,-]*\][^\s:=]*[ \t]*$", "slurm"),
    (r"^[^\s#=]+[ \t]*(:\d+|[ \t]slots?\s*=|$)", "hostfile"),
)


def detect(file: str, text: str) -> Format:
    """The kind of a file, by its name or else by what is in it.

    Raises:
        UsageError: If it looks like none.
    """
    path = Path(file)
    if path.name in _NAMES or path.parts[-2:] == (".ssh", "config"):
        return _NAMES.get(path.name, "ssh-config")
    for sign, kind in _SIGNS:
        if kind == "hostfile" and is_yaml(file, text):
            return "ansible"
        if re.search(sign, text, re.MULTILINE):
            return kind
    raise UsageError(
        f"{file}: this looks like no list of machines. "
        f"Fix: say what it is with `--from {'|'.join(FORMATS)}`"
    )
