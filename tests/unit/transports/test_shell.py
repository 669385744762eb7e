from __future__ import annotations

from clusterkit.command import Command
from clusterkit.transports.shell import ssh_line


def test_words_and_values_are_quoted_and_scripts_are_constant() -> None:
    command = Command(("echo", "it's $x"), env={"A": "b c"}, timeout_s=1.5)

    assert ssh_line(command) == (
        """exec sh -c 'echo "clusterkit $$"; exec "$@"' sh """
        """env 'A=b c' timeout --kill-after=1 1.500000 echo 'it'"'"'s $x'"""
    )
