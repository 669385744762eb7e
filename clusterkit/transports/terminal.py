"""Hand the terminal over to another program."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from clusterkit.errors import ClusterkitError


def replace_process(argv: Sequence[str]) -> NoReturn:
    """Become the program: its keys, signals and exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise ClusterkitError(
            f"{argv[0]} cannot be started: {error.strerror}. Fix: install it, or mend PATH"
        ) from error
