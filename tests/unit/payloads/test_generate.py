from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import clusterkit.payloads

PAYLOADS = str(Path(clusterkit.payloads.__file__).parent)


def test_a_request_of_another_version_is_refused(tmp_path):
    (tmp_path / "input.json").write_text(json.dumps({"version": 2, "prompts": ["hi"]}))

    done = subprocess.run(
        [sys.executable, PAYLOADS, "generate"], cwd=tmp_path, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (2, "")
    assert json.loads(done.stdout) == {
        "event": "error",
        "rank": 0,
        "message": "input.json is of version 2, and this reads 1. Fix: the same version of "
        "clusterkit here and there: run `clusterkit up INVENTORY`",
    }
