"""What was typed into a chat: something to say to the model, or a command to the chat."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.errors import did_you_mean

COMMANDS = {
    "/system TEXT": "tell the model how to answer; without TEXT show it, with - take it away",
    "/reset": "begin the conversation anew; the system prompt stays",
    "/stats": "tokens, tokens/s and time to first token of the last answers",
    "/help": "show this",
    "/quit": "leave, as Ctrl-D does",
}
"""Every command, as it is typed, and what it does."""


@dataclass(frozen=True, slots=True)
class Say:
    """A question to the model."""

    text: str


@dataclass(frozen=True, slots=True)
class SetSystem:
    """Another system prompt; "" takes it away, None shows it."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Do:
    """A command without words: ``reset``, ``stats``, ``help`` or ``quit``."""

    what: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A command that nobody knows; ``message`` has the fix."""

    message: str


def read_words(typed: str) -> Say | SetSystem | Do | Unknown | None:
    """What one input means; None: nothing was typed. ``//`` says a text that begins with ``/``."""
    text = typed.strip()
    if not text:
        return None
    if text.startswith("//"):
        return Say(text[1:])
    if not text.startswith("/"):
        return Say(text)
    command, *rest = text.split(maxsplit=1)
    words = rest[0] if rest else None
    if command == "/system":
        return SetSystem("" if words == "-" else words)
    known = [usage.partition(" ")[0] for usage in COMMANDS]
    if command not in known:
        fix = did_you_mean(command, known, otherwise="`/help` shows all")
        return Unknown(f"no command `{command}`. Fix: {fix}; `//` begins a text with a slash")
    if words is not None:
        return Unknown(f"`{command}` takes no words. Fix: `{command}` alone")
    return Do(command.removeprefix("/"))


def joined(line: str, before: str = "") -> tuple[str, bool]:
    """What was typed with one more line, and whether another follows, as a backslash says."""
    text = f"{before}\n{line}" if before else line
    return (text[:-1], True) if line.endswith("\\") else (text, False)
