from __future__ import annotations

import subprocess

import pytest

from clusterkit.command import Command
from clusterkit.transports.shell import quoted, ssh_line


def test_words_and_values_are_quoted_and_scripts_are_constant() -> None:
    command = Command(("echo", "it's $x"), env={"A": "b c"}, timeout_s=1.5)

    assert ssh_line(command) == (
        """exec sh -c 'echo "clusterkit $$"; exec "$@"' sh """
        """env 'A=b c' timeout --kill-after=1 1.500000 echo 'it'"'"'s $x'"""
    )


WORDS = ("it's", "a\\b", "a\\\\b", "!x", "!!", "two\nlines\n", "\\0101", "$HOME", "%s", "é", "")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_login_shells_hand_over_the_same_words(shell: str) -> None:
    words = ("sh", "-c", 'for word do printf "<%s>" "$word"; done', "sh", *WORDS)

    done = subprocess.run([shell, "-c", ssh_line(Command(words))], capture_output=True, check=True)

    _, _, printed = done.stdout.decode().partition("\n")
    assert printed == "".join(f"<{word}>" for word in WORDS)


def test_what_shells_take_differently_does_not_reach_them() -> None:
    assert ssh_line(Command(("printf", "it's\n"))) == (
        """exec sh -c 'eval "$(printf %b "$1")"' sh """
        r"""'exec sh -c \0047echo "clusterkit $$"; exec "$@"\0047 sh """
        r"""printf \0047it\0047"\0047"\0047s\0012\0047'"""
    )


def test_words_for_ssh_itself_are_quoted_alike() -> None:
    assert quoted(("ls", "a b")) == "ls 'a b'"
    assert quoted(("ls", "!")) == (
        """exec sh -c 'eval "$(printf %b "$1")"' sh 'ls \\0047\\0041\\0047'"""
    )
