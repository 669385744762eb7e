"""How every verb runs: options are typed, errors become one block, the end an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from clusterkit.errors import ClusterkitError
    from clusterkit.report.console import Printer
    from clusterkit.results.plan import PlanResult
    from clusterkit.use_cases.session import Which

Perform = Callable[[Any, "Manner", "Printer"], int | None]
"""Does one verb with its typed options; returns the exit code (None: 0)."""

_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR)
"""What the machine says no with: to our files, or to what stdout leads to."""

_GO_ON = ("up", "down", "build", "models", "keys", "engines", "fix", "sweep")
"""Verbs that do only what is still to be done."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What all verbs understand alike. ``output`` is text, wide or json."""

    output: str = "text"
    dry_run: bool = False
    yes: bool = False
    cluster: str | None = None
    inventory: Path | None = None
    lock_wait_s: float = 0.0

    @property
    def which(self) -> Which:
        """The cluster that is meant."""
        from clusterkit.use_cases.session import Which

        return Which(self.cluster, self.inventory, self.lock_wait_s)


def run(perform: Perform, verb: str, values: Mapping[str, Any], manner: Manner) -> None:
    """Type the options of ``verb``, perform it, and end the process with its exit code."""
    from clusterkit.errors import ClusterkitError, Interrupted
    from clusterkit.report.console import Printer, silence

    for number in (signal.SIGTERM, signal.SIGHUP):  # the same end as Ctrl-C's
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means what it says
            signal.signal(number, signal.default_int_handler)
    printer = Printer(manner.output)  # type: ignore[arg-type]  # one of the three of cli/words.py
    try:
        from clusterkit.model.options import read_options

        code = perform(read_options(verb, values), manner, printer) or 0
    except ClusterkitError as error:
        printer.error(error, debug=is_debugging())
        code = error.exit_code
    except KeyboardInterrupt as stop:
        fix = " Fix: run it again; it does what is still to be done" if verb in _GO_ON else ""
        unheard = f" No answer yet from {', '.join(stop.args)}." if stop.args else ""
        stopped = Interrupted(f"`{verb}` was interrupted.{unheard}{fix}")
        printer.error(stopped, debug=is_debugging())
        code = stopped.exit_code
    except BrokenPipeError:
        silence(sys.stdout)
        code = 1
    except Exception as error:
        if is_debugging():
            raise
        printer.error(_unforeseen(error))
        code = 1
    raise typer.Exit(code)


def _unforeseen(error: Exception) -> ClusterkitError:
    from clusterkit.errors import ClusterkitError

    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f"{error.filename}: " if error.filename else ""
        fix = "look at who may use it, and at the space that is left"
        return ClusterkitError(f"{where}{error.strerror}. Fix: {fix}")
    what = f"{type(error).__name__}: {error}"
    fix = "run it again with `clusterkit --debug …`, and report what it prints"
    return ClusterkitError(f"a fault of clusterkit itself: {what}. Fix: {fix}")


def is_debugging() -> bool:
    """Whether the user asked for tracebacks, by ``--debug`` or CLUSTERKIT_DEBUG."""
    return bool(os.environ.get("CLUSTERKIT_DEBUG"))


def ask(planned: PlanResult, question: str, printer: Printer) -> None:
    """Show a plan on stderr and ask; returns if the user agrees.

    Raises:
        UsageError: If there is nobody to ask.
        Interrupted: If the answer is no.
    """
    from clusterkit.report.views import view

    printer.message(*view(planned))
    agree(question)


def agree(question: str) -> None:
    """Ask; returns if the user agrees, and raises as :func:`ask` does."""
    from clusterkit.errors import Interrupted, UsageError

    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on. Fix: add `--yes`, if this is as wanted")
    if not typer.confirm(question, err=True):
        raise Interrupted("nothing was changed")
