"""A disk that was full for a while: what is said, and that it goes on when there is room again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# $1 is the state folder, on a disk of its own; $2 an inventory, $3 a script.
_STORY = """
mount -t tmpfs -o size=8m none "$1" || exit 99
ck() { "$0" -m clusterkit "$@"; }
ck up "$2" --yes >/dev/null 2>&1 || exit 98
cat /dev/zero >"$1/filled" 2>/dev/null
ck run "$3"; echo "then $?"
rm "$1/filled"
ck run "$3"; echo "then $?"
ck down --yes >/dev/null 2>&1
"""


def test_a_run_says_where_the_disk_is_full_and_the_next_one_is_well(
    tmp_path: Path, cluster_name: str
):
    home, script, file = (tmp_path / name for name in ("home", "hello.py", "c.yaml"))
    home.mkdir()
    script.write_text("print('well')\n")
    file.write_text(
        f"cluster: {cluster_name}\nprovider: local\nnodes: {{localhost: {{slots: 1}}}}\n"
        f"storage: {{kind: local, path: {tmp_path / 'models'}}}\n"
    )
    words = ["sh", "-c", _STORY, sys.executable, home, file, script]
    env = {**os.environ, "CLUSTERKIT_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(["unshare", "-rm", *words], env=env, capture_output=True, text=True)

    assert done.stdout.splitlines() == ["then 1", "well", "then 0"], done.stderr
    jobs = home / "clusters" / cluster_name / "node/jobs"
    told = done.stderr.splitlines()[0]
    assert told.startswith("Error: job run-")
    assert f": localhost: {jobs}/run-" in told
    assert told.endswith(": No space left on device")
