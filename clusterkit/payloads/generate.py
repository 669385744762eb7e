"""Answer prompts with one model that is split over the ranks of an MPI job.

Every rank runs this in a folder with ``input.json``:

    {"version": 1, "model": FOLDER, "tp": 1, "pp": 2, "dtype": "auto", "prompts": ["…"],
     "system": null, "raw": false, "max_tokens": 128, "temperature": 0.0, "top_p": 1.0,
     "seed": null, "threads": null, "logits": 0}

Ranks know their place from RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, or, under
a bare mpirun, from Open MPI's variables. Events are lines of JSON on the file descriptor in
CLUSTERKIT_EVENTS_FD, else on stdout: ``ready`` from each rank; from rank 0 ``token``, ``answer``
and ``done``; ``error`` from whoever cannot go on. Exit code 2: the request cannot be answered.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Optional, Tuple

INPUT = "input.json"


class Refused(Exception):  # noqa: N818 - it is the answer to a request
    """The request cannot be answered, however often it is tried."""


def main() -> NoReturn:
    """Run one rank to its end."""
    code = 0
    try:
        run(json.loads(Path(INPUT).read_text(encoding="utf-8")))
    except Refused as error:
        # Every rank comes to the same conclusion before any waits for another: one says it.
        if rank() == 0:
            tell(event="error", message=str(error))
        code = 2
    except Exception as error:
        tell(event="error", rank=rank(), message=f"{type(error).__name__}: {error}")
        import traceback

        traceback.print_exc()
        code = 1
    # Threads of gloo and NCCL that wait for a rank that failed must not hold this one.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(request: Dict[str, Any]) -> None:
    """Load this rank's part of the model, answer every prompt, agree on the tokens."""
    take_place(request)
    quiet()
    started = time.monotonic()
    import torch
    import transformers

    torch.set_num_threads(threads_of(request))
    prompts = read_prompts(request)
    model = load(request)
    tell(event="ready", **about(model, time.monotonic() - started))
    answers = [answer(model, request, index, *prompt) for index, prompt in enumerate(prompts)]
    agree(answers)
    if rank() == 0:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        tell(event="done", versions=versions, tp=request["tp"], pp=request["pp"])
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def rank() -> int:
    """The number of this rank in the job."""
    return int(os.environ.get("RANK", "0"))


def take_place(request: Dict[str, Any]) -> None:
    """Know the rank's place, and that the job has as many ranks as the model has parts."""
    mpi = {
        "RANK": "OMPI_COMM_WORLD_RANK",
        "WORLD_SIZE": "OMPI_COMM_WORLD_SIZE",
        "LOCAL_RANK": "OMPI_COMM_WORLD_LOCAL_RANK",
        "LOCAL_WORLD_SIZE": "OMPI_COMM_WORLD_LOCAL_SIZE",
    }
    for name, variable in mpi.items():
        if name not in os.environ and variable in os.environ:
            os.environ[name] = os.environ[variable]
    ranks, parts = int(os.environ.get("WORLD_SIZE", "1")), request["tp"] * request["pp"]
    if ranks != parts:
        raise Refused(
            f"tp={request['tp']} x pp={request['pp']} needs {parts} ranks, and {ranks} run. "
            "Fix: start tp x pp ranks"
        )


def quiet() -> None:
    """Keep progress bars and advice of the libraries out of the log, and off the network."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["TQDM_DISABLE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    warnings.filterwarnings("ignore")


def threads_of(request: Dict[str, Any]) -> int:
    """How many CPU threads this rank uses: its share of the cores."""
    if request.get("threads"):
        return int(request["threads"])
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def read_prompts(request: Dict[str, Any]) -> List[Tuple[Any, str, List[int]]]:
    """Each prompt as the model gets it: tokenizer, text, token ids. All must fit the context."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(request["model"])
    if not request["raw"] and not tokenizer.chat_template:
        raise Refused(f"{request['model']} has no chat template. Fix: `--raw`")
    config = AutoConfig.from_pretrained(request["model"]).get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    prompts, problems = [], []
    for number, prompt in enumerate(request["prompts"], 1):
        text = prompt if request["raw"] else in_chat(tokenizer, request["system"], prompt)
        ids = tokenizer(text, add_special_tokens=request["raw"])["input_ids"]
        prompts.append((tokenizer, text, ids))
        if not ids:
            problems.append(f"prompt {number} is empty. Fix: write one")
        elif context and len(ids) + request["max_tokens"] > context:
            problems.append(too_long(number, len(ids), request["max_tokens"], context))
    if problems:
        raise Refused("\n".join(problems))
    return prompts


def in_chat(tokenizer: Any, system: Optional[str], prompt: str) -> str:
    """The prompt as the only question of a conversation."""
    messages = [{"role": "user", "content": prompt}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def too_long(number: int, tokens: int, max_tokens: int, context: int) -> str:
    """What is wrong with a prompt that does not fit, and what would."""
    fix = f"`--max-tokens {context - tokens}` at most" if tokens < context else "a shorter prompt"
    return (
        f"prompt {number} has {tokens} tokens and {max_tokens} may follow; the model's context "
        f"is {context}. Fix: {fix}"
    )


def load(request: Dict[str, Any]) -> Any:
    """This rank's part of the model, and the certainty that it is a part."""
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    dtype = request["dtype"]
    if dtype == "auto":  # float32 is exact, and on CPUs no slower
        dtype = "float32" if device == "cpu" else "bfloat16"
    tp, pp = request["tp"], request["pp"]
    how: Dict[str, Any] = {"device_map": device}
    if tp * pp > 1:
        from transformers.distributed import DistributedConfig

        plan = "auto" if tp > 1 else None
        how = {"distributed_config": DistributedConfig(tp_size=tp, pp_size=pp, tp_plan=plan)}
    model = AutoModelForCausalLM.from_pretrained(
        request["model"], dtype=getattr(torch, dtype), **how
    )
    model.eval()
    certify_split(model, request)
    given = model.generation_config  # sampling is what the request says, not what the model likes
    model.generation_config = GenerationConfig(
        bos_token_id=given.bos_token_id,
        eos_token_id=given.eos_token_id,
        pad_token_id=given.pad_token_id if given.pad_token_id is not None else first_stop(given),
        use_cache=True,
    )
    return model


def first_stop(generation: Any) -> Optional[int]:
    """A token that can fill a row."""
    stops = stop_ids(generation)
    return stops[0] if stops else None


def stop_ids(generation: Any) -> List[int]:
    """The tokens that end an answer."""
    stop = generation.eos_token_id
    return list(stop) if isinstance(stop, (list, tuple)) else [] if stop is None else [stop]


def certify_split(model: Any, request: Dict[str, Any]) -> None:
    """Fail where the library loaded the whole model into every rank and said nothing."""
    import torch

    tp, pp = request["tp"], request["pp"]
    if tp * pp == 1:
        return
    ranks = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    if ranks != tp * pp or (tp > 1 and model.tp_size != tp):
        raise RuntimeError(
            f"the model was not split as asked: {ranks} ranks joined, tp is {model.tp_size}"
        )
    whole, part = stored_parameters(Path(request["model"])), local_parameters(model)
    if whole and part >= whole:
        raise RuntimeError(f"the model was not split: rank {rank()} holds all {whole} parameters")


def local_parameters(model: Any) -> int:
    """How many numbers this rank holds."""
    parameters = (
        getattr(parameter, "_local_tensor", parameter) for parameter in model.parameters()
    )
    return sum(parameter.numel() for parameter in parameters)


def stored_parameters(folder: Path) -> int:
    """How many numbers the safetensors files in ``folder`` hold."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, tensor in header.items():
            if name != "__metadata__":
                size = 1
                for extent in tensor["shape"]:
                    size *= extent
                total += size
    return total


def about(model: Any, load_s: float) -> Dict[str, Any]:
    """What this rank is, for the one who asked."""
    import torch

    row: Dict[str, Any] = {
        "rank": rank(),
        "host": os.uname().nodename,
        "device": "cpu",
        "device_name": None,
        "gpu_uuid": None,
        "load_s": round(load_s, 3),
        "parameters": local_parameters(model),
        "dtype": str(model.dtype).replace("torch.", ""),
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        device = torch.cuda.current_device()
        properties = torch.cuda.get_device_properties(device)
        row["device"] = f"cuda:{device}"
        row["device_name"] = properties.name
        row["gpu_uuid"] = f"GPU-{properties.uuid}" if hasattr(properties, "uuid") else None
        row["memory_bytes"] = torch.cuda.memory_allocated(device)
    else:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        row["memory_bytes"] = pages * os.sysconf("SC_PAGE_SIZE")
    return row


def answer(
    model: Any, request: Dict[str, Any], index: int, tokenizer: Any, text: str, ids: List[int]
) -> List[int]:
    """Answer one prompt; rank 0 tells it as it comes. Returns the new token ids."""
    import torch

    device = next(model.parameters()).device
    inputs = torch.tensor([ids], device=device)
    logits = last_logits(model, inputs, request.get("logits") or 0)
    how: Dict[str, Any] = {"do_sample": False}
    if request["temperature"] > 0:
        # Every rank draws the same tokens, because it draws from the same numbers.
        seed = request["seed"] if request["seed"] is not None else 0
        torch.manual_seed(seed + index)
        how = {
            "do_sample": True,
            "temperature": request["temperature"],
            "top_p": request["top_p"],
            "top_k": 0,
        }
    stream = TokenStream(tokenizer, index)
    with torch.inference_mode():
        output = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=request["max_tokens"],
            streamer=stream,
            **how,
        )
    new: List[int] = output[0, len(ids) :].tolist()
    if rank() == 0:
        stopped = bool(new) and new[-1] in stop_ids(model.generation_config)
        tell(
            event="answer",
            prompt=index,
            prompt_text=text,
            prompt_tokens=len(ids),
            text=stream.finish(new),
            token_ids=new,
            completion_tokens=len(new),
            finish_reason="stop" if stopped else "length",
            **stream.times(),
            **({"prompt_logits": logits} if logits else {}),
        )
    return new


def last_logits(model: Any, inputs: Any, count: int) -> List[Tuple[int, float]]:
    """The ``count`` highest logits for the first new token, highest first."""
    if not count:
        return []
    import torch

    with torch.inference_mode():
        logits = model(inputs, logits_to_keep=1).logits[0, -1].float()
    top = torch.topk(logits, min(count, logits.numel()))
    return list(zip(top.indices.tolist(), top.values.tolist()))


class TokenStream:
    """Takes tokens from ``generate`` as they come; on rank 0 tells the text that they add.

    A token may end within a character, so text is told once it is whole. What is told, put
    together, is the answer's text.
    """

    def __init__(self, tokenizer: Any, prompt: int) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._prompt = prompt
        self._told = ""
        self._started = time.monotonic()
        self._times: List[float] = []
        self._is_prompt = True

    def put(self, value: Any) -> None:
        """Take the prompt once, then one token at a time."""
        if self._is_prompt:
            self._is_prompt = False
            return
        self._times.append(time.monotonic())
        if rank() == 0 and self._backend is not None:
            for token in value.tolist():
                self._tell(self._decoder.step(self._backend, token))

    def end(self) -> None:
        """Nothing: the caller finishes."""

    def finish(self, ids: List[int]) -> str:
        """Tell what is left, such as half a character, and return the whole text."""
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        if text.startswith(self._told):
            self._tell(text[len(self._told) :])
        return self._told

    def times(self) -> Dict[str, Any]:
        """Seconds to the first token, and the mean of those after it."""
        if not self._times:
            return {"first_token_s": None, "token_s": None}
        first, last, count = self._times[0], self._times[-1], len(self._times)
        return {
            "first_token_s": round(first - self._started, 6),
            "token_s": round((last - first) / (count - 1), 6) if count > 1 else None,
        }

    def _tell(self, text: Optional[str]) -> None:
        if text:
            self._told += text
            tell(event="token", prompt=self._prompt, text=text)


def agree(answers: List[List[int]]) -> None:
    """Fail unless every rank has the same tokens."""
    import torch

    if not torch.distributed.is_initialized():
        return
    mine = hashlib.sha256(json.dumps(answers).encode()).hexdigest()
    all_: List[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(all_, mine)
    others = [number for number, digest in enumerate(all_) if digest != all_[0]]
    if others:
        raise RuntimeError(f"the tokens of rank 0 and of ranks {others} differ: do not use them")


def tell(**event: Any) -> None:
    """Write one event; a line is one write, so lines of different ranks do not mix."""
    line = (json.dumps(event) + "\n").encode("ascii")
    target = int(os.environ.get("CLUSTERKIT_EVENTS_FD", "1"))
    while line:
        line = line[os.write(target, line) :]


if __name__ == "__main__":
    main()
