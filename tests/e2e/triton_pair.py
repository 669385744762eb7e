"""Two nodes with a real tritonserver, an engine in name only, and the templates of a release."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.controller import Done, first_object
from tests.e2e.pair import Pair
from tests.stand_ins.triton_templates import write_templates


@dataclass
class Triton:
    """Two nodes that share an engine, its tokenizer and the templates of a release."""

    pair: Pair
    shared: Path

    def up(
        self, version: str, *, slots: tuple[int, int] = (1, 1), tp: int = 2, **engine: Any
    ) -> None:
        write_templates(self.shared / "templates", version)
        mapping = {"tp_size": tp, "pp_size": 1, "gpus_per_node": 8}
        config = {"version": version, "pretrained_config": {"mapping": mapping}}
        (self.shared / "engine/config.json").write_text(json.dumps(config))
        for rank in range(tp):
            (self.shared / f"engine/rank{rank}.engine").touch()
        settings = {
            "name": "triton",
            "model": "/shared/engine",
            "templates": "/shared/templates",
            "version": version,
            "backend": "python",
            "tp": tp,
        }
        self.pair.describe(
            nodes={f"node{number}": {"slots": count} for number, count in enumerate(slots, 1)},
            container={"image": self.pair.image, "shm_size": "512m"},
            storage={"kind": "bind", "source": str(self.shared), "path": "/shared"},
            engine=settings | engine,
        )
        self.pair.up()

    def serve(self, *words: object) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """Serve until it is ready; what it printed then."""
        process = self.pair.controller.start("serve", "-o", "json", *words)
        return process, first_object(process)

    def refused(self, *words: object) -> str:
        """What serving says that does not work, in one line."""
        done: Done = self.pair("serve", *words)
        assert (done.returncode, done.stdout) in ((1, ""), (2, "")), done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def inside(self, node: str, script: str) -> str:
        return self.pair.inside(node, "sh", "-c", script).strip()

    def listening(self, node: str) -> list[int]:
        """The ports above those of the system on which somebody listens on a node."""
        rows = self.inside(node, "cat /proc/net/tcp /proc/net/tcp6").splitlines()
        fields = [row.split() for row in rows]
        ports = {int(each[1].rpartition(":")[2], 16) for each in fields if each[3] == "0A"}
        return sorted(port for port in ports if 1024 < port < 10000)

    def nothing_is_left(self) -> None:
        """No process, port or region of shared memory, and no folder of the Python backend's."""
        for node in ("node1", "node2"):
            assert (
                self.inside(
                    node, "ls /dev/shm; find /tmp -name 'python_env_*'; pgrep -a triton; :"
                )
                == ""
            )
            assert self.listening(node) == []
