"""``chat`` at a terminal: a prompt with history and several lines, and answers as they come."""

from __future__ import annotations

import signal
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich.text import Text

from clusterkit.errors import ClusterkitError
from clusterkit.report.chat import cut_text, harmless, help_blocks, stats_blocks, welcome_text
from clusterkit.report.console import is_lively
from clusterkit.report.errors import error_text
from clusterkit.report.tables import FAINT
from clusterkit.state.chat import chat_history
from clusterkit.use_cases.chat_words import (
    COMMANDS,
    Do,
    Say,
    SetSystem,
    Unknown,
    joined,
    read_words,
)

if TYPE_CHECKING:
    from clusterkit.report.console import Printer
    from clusterkit.use_cases.chat import Conversation

_PROMPT, _NEXT_LINE = "> ", ". "
_WAITING = "…"
_WRONG_REQUEST = 400  # of a conversation, hardly ever but for its length


def talk(conversation: Conversation, printer: Printer, *, is_remembered: bool) -> None:
    """Ask and answer until the person leaves."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # not an answer alone, as Ctrl-C is
        signal.signal(number, _leave)
    history = FileHistory(str(chat_history())) if is_remembered else InMemoryHistory()
    session: PromptSession[str] = PromptSession(
        history=history, multiline=True, key_bindings=_keys(), prompt_continuation=_NEXT_LINE
    )
    terminal = _Terminal(conversation, printer)
    printer.message(welcome_text(conversation.url, conversation.job, conversation.model))
    while True:
        try:
            printer.show("")
            typed = session.prompt(_PROMPT)
        except EOFError:
            return
        except KeyboardInterrupt:
            if not session.default_buffer.text:
                printer.message(_faint("Ctrl-D or /quit leaves the chat"))
            continue
        if not terminal.does(typed):
            return


class _Terminal:
    """Does what is typed, and shows what comes of it."""

    def __init__(self, conversation: Conversation, printer: Printer) -> None:
        self._conversation = conversation
        self._printer = printer
        self._is_waiting = False
        self._last = "\n"

    def does(self, typed: str) -> bool:
        """Do it; False: it is time to leave."""
        match read_words(typed):
            case Say(question):
                self._ask(question)
            case SetSystem(text):
                self._system(text)
            case Do("reset"):
                self._conversation.reset()
                self._say("the conversation begins anew")
            case Do("stats"):
                self._printer.message(*stats_blocks(self._conversation.turns))
            case Do("help"):
                self._printer.message(*help_blocks(COMMANDS))
            case Do(_):
                return False
            case Unknown(message):
                self._say(message)
            case None:
                pass
        return True

    def _ask(self, question: str) -> None:
        """Show the answer as it comes; whatever happens to it, the chat goes on."""
        cut, before = None, self._conversation.url
        try:
            self._wait()
            turn = self._conversation.ask(question, self._show)
            cut = cut_text(turn)
            self._end_line()
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # pressed twice
                self._end_line()
                self._say("(stopped)")
        except ClusterkitError as error:
            self._end_line()
            self._printer.message(error_text(error))
            if getattr(error, "status", None) == _WRONG_REQUEST and self._conversation.turns:
                self._say("(it gets the whole conversation: /reset begins anew)")
        if cut is not None:
            self._printer.message(cut)
        if self._conversation.url != before:
            self._say(f"(from {self._conversation.model} at {self._conversation.url} from now on)")

    def _system(self, text: str | None) -> None:
        if text is not None:
            self._conversation.system = text or None
        now = self._conversation.system
        self._say(f"system prompt: {now}" if now else "there is no system prompt")

    def _wait(self) -> None:
        """Show that the question was sent, until the first text comes."""
        self._is_waiting = is_lively(self._printer.out)
        if self._is_waiting:
            self._write(_WAITING)

    def _show(self, text: str) -> None:
        self._end_waiting()
        shown = harmless(text)
        self._write(shown)
        self._last = shown or self._last

    def _end_waiting(self) -> None:
        if self._is_waiting:
            self._write("\r \r")
            self._is_waiting = False

    def _end_line(self) -> None:
        self._end_waiting()
        if not self._last.endswith("\n"):
            self._write("\n")
        self._last = "\n"

    def _say(self, words: str) -> None:
        self._printer.message(_faint(words))

    def _write(self, text: str) -> None:
        self._printer.out.file.write(text)
        self._printer.out.file.flush()


def _faint(words: str) -> Text:
    return Text(words, FAINT)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _keys() -> KeyBindings:
    """Enter sends, unless the line ends in a backslash; Alt-Enter begins another line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        _, more = joined(buffer.document.text_before_cursor)
        if more and buffer.document.is_cursor_at_the_end:
            buffer.delete_before_cursor(1)
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
