"""What a launcher's process finds around it, so that its ranks and daemons find us."""

from __future__ import annotations

import os

from clusterkit.payloads.job_protocol import JOB_VARIABLE

# Open MPI looks for the program that stands in for ssh on PATH, as its option cannot quote; its
# daemons look for it too, though only the head uses it.
_RSH_NAME = "clusterkit-rsh"
_RSH = '#!/bin/sh\nexec "$CLUSTERKIT_PYTHON" -I -S "$CLUSTERKIT_PAYLOADS" rsh "$@"\n'


def surroundings(job: str, folder: str, python: str) -> dict[str, str]:
    """The environment of mpirun and its daemons, and the program on PATH that they need.

    Open MPI makes its session folder under TMPDIR, so that nothing stays behind elsewhere.
    """
    temp = f"{folder}/tmp"  # noqa: S108 - the folder is the job's own
    program = f"{temp}/{_RSH_NAME}"
    if not os.access(program, os.X_OK):
        fd = os.open(program, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
        os.write(fd, _RSH.encode())
        os.close(fd)
    return {
        **os.environ,
        JOB_VARIABLE: job,
        "CLUSTERKIT_FOLDER": folder,
        "CLUSTERKIT_PYTHON": python,
        "CLUSTERKIT_PAYLOADS": __file__.rpartition("/")[0],
        "TMPDIR": temp,
        "PATH": f"{temp}:{os.environ.get('PATH', os.defpath)}",
    }
