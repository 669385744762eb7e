"""``clusterkit chat``: talk to the model of a running server."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ApiKeyFileOption,
    ClusterOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusterkit.model.chat_options import ChatOptions
    from clusterkit.report.console import Printer
    from clusterkit.use_cases.chat import Conversation

EXAMPLE = "clusterkit chat --system 'Answer in one sentence.'"


def chat(
    job: Annotated[
        str | None,
        typer.Argument(metavar="JOB", help="The server's job; default: the newest that runs."),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Any server of OpenAI's routes.")
    ] = None,
    system: Annotated[str | None, typer.Option("--system", help="The system prompt.")] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", help="At most this many an answer; default: 1024."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", help="0: the likeliest; default: the server's."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="One of several that it serves.")
    ] = None,
    api_key_file: ApiKeyFileOption = None,
    no_history: Annotated[
        bool, typer.Option("--no-history", help="Write down nothing that is typed.")
    ] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Talk to the model of a running server; answers come as they are made.

    What is typed is remembered for the next chat, by this user alone. Without a terminal each line
    of stdin is a question, and stdout has the answers.
    """
    values = {
        "job": job,
        "url": url,
        "system": system,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "model": model,
        "api_key_file": api_key_file,
        "no_history": no_history,
    }
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "chat", values, manner)


def perform(options: ChatOptions, manner: Manner, printer: Printer) -> None:
    """At a terminal until the person leaves, else until the end of stdin."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.chat import Conversation, chat_steps

    if manner.dry_run:
        printer.result(DryRun.of("chat", chat_steps(manner.which, options)))
        return
    with Conversation(manner.which, options) as conversation:
        is_asked_by_hand = sys.stdin.isatty() and sys.stdout.isatty()
        if is_asked_by_hand and manner.output != "json":
            from clusterkit.cli.chat_terminal import talk

            talk(conversation, printer, is_remembered=not options.no_history)
            return
        for text in _inputs():
            if not _answered(text, conversation, printer):
                break
        if manner.output == "json":
            printer.result(conversation.result())


def _inputs() -> Iterator[str]:
    """What stdin has: a line each, or several that end in a backslash but for the last."""
    from clusterkit.errors import UsageError
    from clusterkit.use_cases.chat_words import joined

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    before, more = "", False
    try:
        for line in sys.stdin:
            before, more = joined(line.rstrip("\r\n"), before)
            if not more:
                yield before
                before = ""
    except UnicodeDecodeError:
        raise UsageError("stdin is not UTF-8 text. Fix: write it as UTF-8") from None
    if more:
        yield before


def _answered(text: str, conversation: Conversation, printer: Printer) -> bool:
    """Do what one input says, in plain text; False: it was the last."""
    from clusterkit.errors import UsageError
    from clusterkit.report.chat import help_blocks, stats_blocks
    from clusterkit.use_cases.chat_words import COMMANDS, Do, Say, SetSystem, Unknown, read_words

    last = "\n"

    def show(part: str) -> None:
        nonlocal last
        last = part or last
        if printer.output != "json":
            printer.out.file.write(part)
            printer.out.file.flush()

    match read_words(text):
        case Say(question):
            try:
                conversation.ask(question, show)
            finally:
                show("" if last.endswith("\n") else "\n")
        case SetSystem(None):
            printer.message(conversation.system or "there is no system prompt")
        case SetSystem(system):
            conversation.system = system or None
        case Do("reset"):
            conversation.reset()
        case Do("stats"):
            printer.message(*stats_blocks(conversation.turns))
        case Do("help"):
            printer.message(*help_blocks(COMMANDS))
        case Do(_):
            return False
        case Unknown(message):
            raise UsageError(message)
        case None:
            pass
    return True
