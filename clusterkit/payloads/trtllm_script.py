"""Be ``python SCRIPT WORDS``, but end at once where the script fails.

A rank that failed would wait at its interpreter's end, in MPI_Finalize, for ranks that wait for
its part of a sum: all of them for ever, with the reason in a log that nobody sees.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback


def main() -> None:
    """Run the script that the first word names; the words after it are its own."""
    del sys.argv[0]
    script = sys.argv[0]
    sys.path[0] = os.path.dirname(script)  # noqa: PTH120 - it imports what lies beside it
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            if not isinstance(end.code, int):
                print(end.code, file=sys.stderr)
            _end(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        _end(1)


def _end(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
