"""Stand-in of ``trtllm-serve`` (from 0.15): OpenAI's routes, answered by all ranks.

Without the launcher it has this node's GPUs only, and says so in the vendor's words.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.stand_ins.programs.answer import answer, share
from tests.stand_ins.programs.flags import parser_of
from tests.stand_ins.programs.gpus import gpus
from tests.stand_ins.programs.libraries import load_libraries
from tests.stand_ins.programs.llmapi_launch import ask
from tests.stand_ins.programs.versions import installed, programs, release


def main() -> None:
    """Serve one model until ended."""
    words = sys.argv[1:]
    if release(installed()) >= (1, 0) and words[:1] == ["serve"]:  # the default subcommand
        words = words[1:]
    given = vars(
        parser_of("trtllm-serve", programs(installed())["trtllm-serve"]).parse_args(words)
    )
    load_libraries()
    tp = int(given.get("tp_size") or given["tensor_parallel_size"])
    pp = int(given.get("pp_size") or given["pipeline_parallel_size"])
    launched = int(os.environ.get("tllm_mpi_size", "0"))  # noqa: SIM112 - as the vendor spells it
    if not launched and tp * pp > gpus().count:
        raise RuntimeError(f"Only {gpus().count} GPUs are available, but {tp * pp} are required.")
    if launched and launched != tp * pp:
        raise AssertionError(f"world size {launched} != tp {tp} * pp {pp}")
    if not (Path(given["model"]) / "config.json").is_file():
        raise OSError(f"{given['model']} is no model")
    Server.world, Server.model = max(launched, 1), Path(given["model"]).name
    server = ThreadingHTTPServer((given["host"], int(given["port"])), Server)
    print(f"INFO:     Uvicorn running on http://{given['host']}:{given['port']}", flush=True)
    server.serve_forever()


class Server(BaseHTTPRequestHandler):
    """``/health``, ``/v1/models``, ``/v1/completions`` and ``/v1/chat/completions``."""

    world = 1
    model = ""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._say({"object": "list", "data": [{"id": self.model, "object": "model"}]})
        else:
            self._say({} if self.path == "/health" else None)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/completions":
            self._say(self._completion({"text": self._answer(str(asked["prompt"]))}))
        elif self.path == "/v1/chat/completions":
            content = self._answer(str(asked["messages"][-1]["content"]))
            self._say(self._completion({"message": {"role": "assistant", "content": content}}))
        else:
            self._say(None)

    def _answer(self, prompt: str) -> str:
        address = os.environ.get("TLLM_SPAWN_PROXY_PROCESS_IPC_ADDR")
        total = ask(address, prompt) if address else share(prompt, 0)
        return answer(prompt, self.world, total)

    def _completion(self, choice: dict[str, Any]) -> dict[str, Any]:
        whole = {"index": 0, "finish_reason": "stop", **choice}
        return {"id": "cmpl-1", "model": self.model, "choices": [whole]}

    def _say(self, content: dict[str, Any] | None) -> None:
        body = json.dumps(content or {}).encode()
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
