"""The command line: verbs in the order in which a person needs them."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from clusterkit.cli.help import Verb
from clusterkit.cli.words import module_of

VERBS = {
    "Describe": ("init", "discover", "import", "check", "schema"),
    "Cluster": (
        "plan",
        "up",
        "ls",
        "status",
        "doctor",
        "lock",
        "audit",
        "support",
        "sweep",
        "down",
    ),
    "Run": ("mpi-hello", "bench", "build", "infer", "serve", "chat", "run", "models", "play"),
    "Jobs": ("jobs", "attach", "logs", "proxy", "stop"),
    "Nodes": ("exec", "cp", "ssh", "keys", "images", "engines", "fix"),
    "Rehearse": ("lab",),
}
"""Every verb; each is the function of its name in the module of its name."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(200_000)  # a start makes much that stays, and hardly any garbage
    _open_closed_streams()
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        application(called)()
    finally:
        gc.freeze()  # Python would go through all of it once more, 30 ms, before it lets it go


def _open_closed_streams() -> None:
    """Lead nowhere what the caller closed (`>&-`); Python has None there otherwise."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - until the end


def application(only: str | None = None) -> typer.Typer:
    """All verbs, or only one: building the options of all takes as long as importing rich.

    Importing a verb is cheap: each imports what it needs when it is used.
    """
    every = [verb for verbs in VERBS.values() for verb in verbs]
    app = typer.Typer(
        name="clusterkit",
        help=_HELP,
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,  # plain help starts in half the time
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_common)
    for verb in [only] if only in every else every:
        module = import_module(module_of(verb))
        name = module.__name__.rpartition(".")[2]
        function = getattr(module, "exec_" if name == "exec" else name)
        epilog = f"\b\nExample:\n  {module.EXAMPLE}"
        settings = getattr(module, "SETTINGS", None)
        command = getattr(module, "COMMAND", Verb)
        app.command(verb, cls=command, epilog=epilog, context_settings=settings)(function)
    return app


_HELP = """From a list of machines to tokens: MPI clusters and distributed LLM inference.

\b
Example:
  clusterkit up inventories/local.yaml
  clusterkit mpi-hello
  clusterkit infer --prompt "What is the capital of France?"
  clusterkit down
"""


def _version(wanted: bool) -> None:
    if wanted:
        from clusterkit import __version__

        typer.echo(f"clusterkit {__version__}")
        raise typer.Exit


def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[  # is_eager does the work
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    if debug:
        os.environ["CLUSTERKIT_DEBUG"] = "1"
