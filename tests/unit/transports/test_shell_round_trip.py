"""Any words arrive as they are, whatever shell they go through: tried with real shells."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterkit.command import Command
from clusterkit.transports.shell import one_after_another, quoted, ssh_line

# What shells take for more than itself comes more often than chance would have it.
SIGNS = st.text(st.sampled_from("'\"\\!$`*?~#&|;<>(){}[] \t\n\r%-=é"), max_size=8)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
WORDS = st.lists(SIGNS | ANY, max_size=12)
NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True).map("CK_{}".format)
ECHO = ("sh", "-c", 'for word do printf "%s\\0" "$word"; done', "sh")
SHELLS = ("sh", "bash")


@settings(max_examples=40)
@pytest.mark.parametrize("shell", SHELLS)
@given(WORDS)
def test_words_through_sshd(shell, words):
    line = ssh_line(Command((*ECHO, *words)))
    _, _, printed = run(shell, "-c", line).partition(b"\n")  # behind the line with the pid
    assert printed == joined(words)


@settings(max_examples=25)
@pytest.mark.parametrize("shell", SHELLS)
@given(st.dictionaries(NAMES, SIGNS | ANY, max_size=4))
def test_values_of_the_environment_through_sshd(shell, env):
    show = ("sh", "-c", 'for name do printenv -0 "$name"; done', "sh", *env)
    _, _, printed = run(shell, "-c", ssh_line(Command(show, env))).partition(b"\n")
    assert printed == joined(list(env.values()))


@settings(max_examples=25)
@given(WORDS)
def test_words_for_ssh_itself(words):
    assert run("sh", "-c", quoted((*ECHO, *words))) == joined(words)


@settings(max_examples=25)
@given(WORDS, WORDS)
def test_words_of_several_commands_at_once(first, second):
    both = [Command((*ECHO, *first)), Command((*ECHO, *second))]
    printed = run(*one_after_another(both, "here it ends"))
    end = b"\nhere it ends 0\n"
    assert printed == joined(first) + end + joined(second) + end


@settings(max_examples=25)
@given(st.lists(SIGNS.filter(lambda word: len(word.strip().splitlines()) < 2), max_size=6))
def test_a_command_that_is_printed_can_be_pasted(words):
    line = str(Command((*ECHO, *words)))
    assert run("sh", "-c", line) == joined(words)


def run(*argv: str) -> bytes:
    return subprocess.run(argv, capture_output=True, check=True).stdout


def joined(words: list[str]) -> bytes:
    return b"".join(word.encode() + b"\0" for word in words)
