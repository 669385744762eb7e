"""Ask a Triton server that runs, over gRPC, from the node of its rank 0.

``input.json`` names ``server.json``, which rank 0 of the server left when it was ready. The
request's tensors are those that the server says its model has, so releases of any year are asked
in their own way; a decoupled model answers in parts, which are told as they come.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import time
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - Python 3.8

from clusterkit.payloads.generate_events import Failed, Refused, rank, tell
from clusterkit.payloads.rank_input import read_input
from clusterkit.payloads.triton_tensors import (
    Asked,
    NotATextModel,
    Tensor,
    is_decoupled,
    steps_of,
    tensors,
)

_OUTPUT = "text_output"
# Long answers take their time; a server that is alive says so meanwhile.
_ALIVE_WITHIN_S = 10.0
_FROZEN = (
    f"Triton has not answered for {_ALIVE_WITHIN_S:.0f} s: its process is frozen, or its node "
    "overloaded. Fix: see `clusterkit status`; `clusterkit stop`, and serve again"
)
# An answer comes from this cluster, whatever proxies the environment names.
_CHANNEL = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]


def main() -> None:
    """Ask every prompt, one after another."""
    try:
        order = read_input()
        client = _client(_address(Path(order["server"])))
        with contextlib.closing(client):
            server = _Server(client, order["model"])
            for number, prompt in enumerate(order["prompts"]):
                _ask(server, number, _asked(order, prompt, stream=server.is_decoupled))
            tell(event="done", versions=server.versions)
    except (Refused, Failed) as error:
        tell(event="error", rank=rank(), message=str(error))
        sys.exit(error.exit_code)


class _Server:
    """One model of the server, and how it is asked."""

    def __init__(self, client: Any, model: str) -> None:
        self._client, self._model = client, model
        self._config = self._config_of(model)
        parts = [self._config, *map(self._config_of, steps_of(self._config))]
        self.is_decoupled = any(is_decoupled(part) for part in parts)

    @property
    def versions(self) -> dict[str, str]:
        """Of the server, and of the client's package."""
        from importlib.metadata import version

        told = self._call("get_server_metadata", as_json=True)
        return {"triton": str(told["version"]), "tritonclient": version("tritonclient")}

    def answers(self, asked: Asked) -> Iterator[str]:
        """The parts of one answer, as they come."""
        try:
            inputs = [_input(each) for each in tensors(self._config, asked)]
        except NotATextModel as error:
            raise Refused(f"{error}. Fix: engine.served: a model that takes text") from None
        parts: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        if self.is_decoupled:
            yield from self._streamed(inputs, parts)
        else:
            self._client.async_infer(
                self._model, inputs, lambda result, error: parts.put((result, error))
            )
            yield _text(self._next(parts))

    def _streamed(
        self, inputs: list[Any], parts: queue.SimpleQueue[tuple[Any, Any]]
    ) -> Iterator[str]:
        self._client.start_stream(callback=lambda result, error: parts.put((result, error)))
        try:
            self._client.async_stream_infer(self._model, inputs, enable_empty_final_response=True)
            while True:
                result = self._next(parts)
                response = result.get_response()
                if response.outputs:
                    yield _text(result)
                final = response.parameters.get("triton_final_response")
                if final is not None and final.bool_param:
                    return
        finally:
            self._client.stop_stream(cancel_requests=True)

    def _next(self, parts: queue.SimpleQueue[tuple[Any, Any]]) -> Any:
        """The next result, however long it takes; only a server that is frozen is given up."""
        while True:
            try:
                result, error = parts.get(timeout=_ALIVE_WITHIN_S)
            except queue.Empty:
                self._call("is_server_live")
                continue
            if error is not None:
                raise Failed(_said(error))
            return result

    def _config_of(self, model: str) -> dict[str, Any]:
        config: dict[str, Any] = self._call("get_model_config", model, as_json=True)["config"]
        return config

    def _call(self, what: str, *words: Any, **named: Any) -> Any:
        from tritonclient.utils import InferenceServerException

        try:
            return getattr(self._client, what)(*words, **named, client_timeout=_ALIVE_WITHIN_S)
        except InferenceServerException as error:
            if "DEADLINE_EXCEEDED" in str(error.status()):
                raise Failed(_FROZEN) from None
            raise Failed(_said(error)) from None


def _ask(server: _Server, number: int, asked: Asked) -> None:
    """One prompt; the times are those at which its parts came."""
    began = time.monotonic()
    text, times = "", []
    for part in server.answers(asked):
        times.append(time.monotonic())
        text += part
        tell(event="token", prompt=number, text=part)
    several = len(times) > 1
    tell(
        event="answer",
        prompt=number,
        prompt_text=asked.prompt,
        text=text,
        seed=asked.seed if asked.temperature else None,
        first_token_s=times[0] - began if times else None,
        token_s=(times[-1] - times[0]) / (len(times) - 1) if several else None,
    )


def _asked(order: dict[str, Any], prompt: str, *, stream: bool) -> Asked:
    return Asked(
        prompt=prompt,
        max_tokens=order["max_tokens"],
        temperature=order["temperature"],
        top_p=order["top_p"],
        seed=order["seed"],
        stream=stream,
    )


def _address(file: Path) -> str:
    """Where the server answers gRPC."""
    try:
        address: str = json.loads(file.read_text(encoding="utf-8"))["grpc"]
    except (OSError, ValueError, LookupError):
        raise Refused(
            f"{os.uname().nodename}: the server is not ready yet, or has just ended. "
            "Fix: wait until `clusterkit serve` has printed its address"
        ) from None
    return address


def _client(address: str) -> Any:
    try:
        from tritonclient.grpc import InferenceServerClient
    except ImportError as error:
        raise Refused(
            f"{os.uname().nodename}: {sys.executable} cannot import tritonclient: {error}. "
            "Fix: install `tritonclient[grpc]` for it, or `python` set to one that has it"
        ) from None
    return InferenceServerClient(address, channel_args=_CHANNEL)


def _input(given: Tensor) -> Any:
    import numpy
    from tritonclient.grpc import InferInput
    from tritonclient.utils import triton_to_np_dtype

    value = given.value.encode() if isinstance(given.value, str) else given.value
    made = InferInput(given.name, list(given.shape), given.datatype)
    made.set_data_from_numpy(
        numpy.full(given.shape, value, dtype=triton_to_np_dtype(given.datatype))
    )
    return made


def _text(result: Any) -> str:
    found = result.as_numpy(_OUTPUT)
    if found is None:
        raise Refused(f"the model has no output {_OUTPUT}. Fix: engine.served: one that has it")
    return b"".join(found.flatten()[:1].tolist()).decode(errors="replace")


def _said(error: Any) -> str:
    return f"Triton answers {error.status() or 'an error'}: {error.message()}"
