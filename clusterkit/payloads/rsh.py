"""Stand in for ssh where mpirun starts its daemons: `rsh NODE WORDS…` asks the supervisor."""

from __future__ import annotations

import json
import os
import socket
import sys


def main() -> None:
    """Have the node's agent run the words as a shell line; exit as that does."""
    node, words = sys.argv[1], sys.argv[2:]
    os.chdir(os.environ["CLUSTERKIT_FOLDER"])
    supervisor = socket.socket(socket.AF_UNIX)
    supervisor.connect("supervisor.sock")
    request = {"t": "daemon", "node": node, "line": in_place_of_the_shell(words)}
    supervisor.sendall(json.dumps(request).encode() + b"\n")
    answer = supervisor.makefile("rb").readline()
    if not answer:  # the supervisor is gone, and this process is about to go with it
        sys.exit(255)
    sys.exit(json.loads(answer)["exit_code"])


def in_place_of_the_shell(words: list[str]) -> str:
    """The line that mpirun made, with the daemon taking the place of the shell that starts it.

    The first word sets variables and ends in the daemon's path. With `exec` the daemon is the
    agent's own child, so that the kernel ends it with the agent.
    """
    before, semicolon, daemon = words[0].rpartition(";")
    return " ".join([f"{before}{semicolon} exec {daemon.strip()}", *words[1:]])
