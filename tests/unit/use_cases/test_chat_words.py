"""What is typed into a chat, and what it means."""

from __future__ import annotations

import pytest

from clusterkit.use_cases.chat_words import Do, Say, SetSystem, Unknown, joined, read_words


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hello", Say("hello")),
        ("  two\nlines  \n", Say("two\nlines")),
        ("//etc/hosts, what is it?", Say("/etc/hosts, what is it?")),
        ("/system Be kind.\nAnd short.", SetSystem("Be kind.\nAnd short.")),
        ("/system", SetSystem(None)),
        ("/system -", SetSystem("")),
        ("/reset", Do("reset")),
        (" /stats ", Do("stats")),
        ("/help", Do("help")),
        ("/quit", Do("quit")),
        ("", None),
        ("\n \n", None),
        (
            "/rest",
            Unknown(
                "no command `/rest`. Fix: did you mean `/reset`?; `//` begins a text with a slash"
            ),
        ),
        (
            "/xyzzy now",
            Unknown(
                "no command `/xyzzy`. Fix: `/help` shows all; `//` begins a text with a slash"
            ),
        ),
        ("/reset all", Unknown("`/reset` takes no words. Fix: `/reset` alone")),
    ],
)
def test_words_mean(typed: str, meant: object):
    assert read_words(typed) == meant


@pytest.mark.parametrize(
    ("line", "before", "expected"),
    [
        ("one", "", ("one", False)),
        ("one\\", "", ("one", True)),
        ("two\\", "one", ("one\ntwo", True)),
        ("", "one", ("one\n", False)),
        ("\\", "", ("", True)),
    ],
)
def test_a_backslash_begins_another_line(line: str, before: str, expected: tuple[str, bool]):
    assert joined(line, before) == expected
