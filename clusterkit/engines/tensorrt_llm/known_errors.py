"""What TensorRT-LLM's own messages mean: cause and fix of the failures that others had before.

Each was met by users of TensorRT-LLM, and told in its issues; the causes are the maintainers'. A
log often has several: what comes first in :data:`KNOWN` is nearer to the cause than what follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_GPUS_PER_NODE = (
    "set `engine.gpus_per_node: auto`, so that each rank is told the GPUs of its node, and let "
    "`slots` of every node be at most its `gpus`"
)
_WORLD = (
    "let `engine.tp` x `engine.pp` be what the engine was built for, or run `clusterkit build` "
    "again; if the log says 1 rank, mpi4py is linked to another MPI than mpirun's: "
    "`clusterkit mpi-hello` shows it"
)
_SPACE = (
    "`quantization: fp8`, more `tp` or `pp`, or a smaller `max_batch_size`, `max_input_len` or "
    "`max_output_len`; `nvidia-smi` shows who else uses the GPU"
)
_SHM = "`shm_size: 1g` or more under `container`, or `ipc: host`"
_MEMLOCK = "`ulimits: {memlock: -1, stack: 67108864}` under `container`"


@dataclass(frozen=True, slots=True)
class KnownError:
    """One failure. ``cause`` and ``fix`` may name what the pattern found, as ``{found}``."""

    pattern: str
    cause: str
    fix: str

    def told(self, log: str) -> str | None:
        """Cause and fix, if the log has it."""
        match = re.search(self.pattern, log, re.IGNORECASE | re.MULTILINE)
        if match is None:
            return None
        told = f"{self.cause}. Fix: {self.fix}"
        for name, text in match.groupdict().items():
            told = told.replace(f"{{{name}}}", text or "")
        return told


def explain(log: str) -> str | None:
    """Cause and fix, from the log of the rank that failed first; None: it is none of these."""
    return next((told for known in KNOWN if (told := known.told(log))), None)


KNOWN = (
    # What never began: mpirun, its daemons, the libraries.
    KnownError(
        r"not enough slots available",
        "mpirun was asked for more ranks than the nodes have slots",
        "raise `slots` of the nodes, or ask for a smaller `engine.tp` x `engine.pp`",
    ),
    KnownError(
        r"(?:ORTE|PRTE) was unable to reliably start one or more daemons|"
        r"(?:orted|prted): (?:command )?not found",
        "mpirun could not start its daemon on another node: SSH, the way back to the head, or "
        "Open MPI there",
        "`clusterkit doctor` tries SSH and Open MPI between all nodes and says which",
    ),
    KnownError(
        r"opal_init(?::startup)?\S* failed|opal_init failed|help file was not found|"
        r"Sorry!\s+You were supposed to get help about",
        "Open MPI does not find its own files: it was moved, or its parts are of two "
        "installations",
        "one Open MPI on each node, whole; `clusterkit doctor` shows which is found, and "
        "`OPAL_PREFIX` under `container.env` tells a moved one where it is",
    ),
    KnownError(
        r"No module named '(?P<name>tensorrt_llm|tensorrt)'",
        "this Python has no {name}",
        "set `python` of the nodes to the interpreter that has TensorRT-LLM, or use an image of "
        "the vendor",
    ),
    KnownError(
        r"libmpi\.so\S*: cannot open shared object|libnvinfer\S*: cannot open shared object|"
        r"libcuda\.so\S*: cannot open shared object",
        "a library that TensorRT-LLM needs is not found on the node",
        "`LD_LIBRARY_PATH` under `container.env`, or the vendor's image; libcuda comes with the "
        "NVIDIA driver and `gpus` of the node",
    ),
    # Words that a vendor's program does not take.
    KnownError(
        r"(?P<program>[\w.-]+): error: (?:unrecognized arguments: (?P<words>[^\n]+))",
        "{program} of the installed TensorRT-LLM does not know `{words}`",
        "take it out of `engine.convert_flags`, `build_flags` or `run_flags`; and let "
        "`engine.examples` be of the installed version",
    ),
    KnownError(
        r"(?P<program>[\w.-]+): error: (?P<words>(?:argument|the following arguments)[^\n]+)",
        "{program} of the installed TensorRT-LLM refuses its words: {words}",
        "correct `engine.convert_flags`, `build_flags` or `run_flags`; and let "
        "`engine.examples` be of the installed version",
    ),
    KnownError(
        r"Error: No such option:? '?(?P<words>--?[\w-]+)",
        "trtllm-serve of the installed TensorRT-LLM does not know `{words}`",
        "take it out of `engine.serve_flags`, or install a version that has it",
    ),
    # The engine and the ranks do not suit each other.
    KnownError(
        r"Engine world size \((?P<engine>\d+)\) != Runtime world size \((?P<ranks>\d+)\)",
        "the engine was built for {engine} ranks, and {ranks} saw each other",
        _WORLD,
    ),
    KnownError(
        r"mpiSize == tp ?\* ?pp",
        "the engine was built for another number of ranks than ran",
        _WORLD,
    ),
    KnownError(
        r"MPI size (?P<ranks>\d+) != TP size (?P<tp>\d+) \* PP size (?P<pp>\d+)",
        "the engine was built for tp {tp} and pp {pp}, and {ranks} ranks saw each other",
        _WORLD,
    ),
    KnownError(
        r"Number of GPUs per node \d+ must be at least as large as",
        "this TensorRT-LLM runs on one node only: builds between 0.7.1 and 0.8.0 refused more",
        "0.7.1, 0.8.0 or newer on the nodes",
    ),
    KnownError(
        r"Detect (?P<gpus>\d+) GPUs, the GPU number is incompatible with (?P<believed>\d+) "
        r"gpusPerNode",
        "a rank sees {gpus} GPUs and believes that every node has {believed}",
        _GPUS_PER_NODE,
    ),
    KnownError(
        r"(?:The )?engine plan file is not compatible with this version of TensorRT|"
        r"Version tag does not match|stdVersionRead == serializationVersion|"
        r"Engine version \S+ (?:does not match|is not compatible)",
        "the engine was built by another version of TensorRT than the one that loads it",
        "the same TensorRT-LLM on all nodes, and `clusterkit build` again",
    ),
    KnownError(
        r"engine plan[^\n]*incompatible device|expecting compute \S+ got compute",
        "the engine was built on another kind of GPU than the one that loads it",
        "`clusterkit build` on a node with the GPUs that run it, and the same GPUs on all nodes",
    ),
    KnownError(
        r"Error opening engine file: (?P<file>\S+)|"
        r"No such file or directory: '(?P<other>[^'\n]+\.engine)'",
        "a node lacks an engine file of its ranks: {file}{other}",
        "`clusterkit engines push` brings every node its files; `clusterkit engines verify` "
        "compares them",
    ),
    # Devices and how GPUs reach each other.
    KnownError(
        r"cudaDeviceCanAccessPeer[^\n]*invalid device ordinal|"
        r"invalid device ordinal[^\n]*allreduce",
        "the all-reduce asks for GPUs by numbers that this node does not have: it takes ranks of "
        "all nodes for its own",
        'let `tp` be the `slots` of each node, or set `FORCE_NCCL_ALL_REDUCE_STRATEGY: "1"` '
        "under `container.env`; TensorRT-LLM 0.16.0 or newer is mended",
    ),
    KnownError(
        r"invalid device ordinal",
        "a rank asked for a GPU that its node does not have: TensorRT-LLM assumes 8 GPUs a "
        "node where nobody tells it",
        _GPUS_PER_NODE,
    ),
    KnownError(
        r"peer access is not supported|Can't enable access between nodes",
        "the custom all-reduce needs GPUs that reach each other's memory, and these do not (PCIe, "
        "or two nodes)",
        "leave `--use_custom_all_reduce` out of `engine.build_flags` and run `clusterkit build` "
        "again: it is built without; from 0.12 on TensorRT-LLM sees it itself",
    ),
    KnownError(
        r"cudaIpcOpenMemHandle|custom[ _]?all[ _-]?reduce[^\n]*(?:fail|error|not support)|"
        r"AllreducePlugin::initialize|MPI_ERR_\w+[^\n]*allreduce",
        "the custom all-reduce failed where it opens the memory of other ranks",
        '`FORCE_NCCL_ALL_REDUCE_STRATEGY: "1"` (0.10 to 0.15) or `NCCL_P2P_DISABLE: "1"` under '
        "`container.env`, `ipc: host` under `container`, and `tp` of at most the GPUs of a node",
    ),
    # Room: on the GPU, the host, in /dev/shm, for locked pages.
    KnownError(
        r"(?:unable|failed) to (?:open|allocate|mmap|write|extend)[^\n]*/dev/shm|"
        r"No space left on device[^\n]*/dev/shm|/dev/shm[^\n]*No space left|"
        r"Bus error|signal 7\b|SIGBUS",
        "shared memory ran out: /dev/shm of the container is too small",
        _SHM,
    ),
    KnownError(
        r"RLIMIT_MEMLOCK|memlock[^\n]*(?:too low|limit is)|"
        r"(?:ibv|mlx|UCX)[^\n]*Cannot allocate memory|failed to (?:register|lock) memory",
        "the network card may not lock enough memory",
        _MEMLOCK,
    ),
    KnownError(
        r"CUDA out of memory|OutOfMemoryError|Error Code 2: OutOf ?Memory|"
        r"cudaMalloc[^\n]*out of memory|CUDA runtime error[^\n]*out of memory|"
        r"Requested amount of GPU memory[^\n]*could not be allocated|"
        r"No available memory for the (?:KV )?cache",
        "a GPU ran out of memory",
        _SPACE,
    ),
    KnownError(
        r"signal 9|SIGKILL|exit(?:ed with)?(?: exit)? code -9|Out of memory: Killed process|"
        r"oom[-_ ]kill|^Killed$",
        "a program was killed: the host ran out of memory, most likely, as every rank loads its "
        "part through it",
        "a node with more memory, fewer ranks a node, or while building `workers: 1`; `dmesg` "
        "tells who was killed",
    ),
    KnownError(
        r"NCCL[^\n]*(?:internal error|unhandled system error|unhandled cuda error|"
        r"remote process exited)|ncclInternalError|ncclSystemError|ncclUnhandledCudaError",
        "NCCL could not connect the GPUs: too little shared memory or locked memory, or a network "
        "or PCIe path that does not carry",
        "`clusterkit doctor` runs NCCL alone; " + _SHM + "; " + _MEMLOCK + "; and with "
        "`NCCL_DEBUG: INFO` under `container.env` its log names the path",
    ),
    KnownError(
        r"No space left on device|Disk quota exceeded",
        "a disk is full",
        "free space where `storage.path` of the inventory lies: `clusterkit engines ls` shows "
        "what engines take, `clusterkit engines rm NAME` takes one away",
    ),
    KnownError(
        r"No free blocks left",
        "the KV cache is too small for this batch",
        "fewer prompts at once or shorter answers, or more of the GPU for it: "
        "`--kv_cache_free_gpu_memory_fraction 0.95` in `engine.run_flags`",
    ),
    # The LLM API and its server.
    KnownError(
        r"address already in use",
        "another program listens on that port of the head",
        "another `--port`",
    ),
    KnownError(
        r"Only (?P<have>\d+) GPUs are available, but (?P<want>\d+) are required",
        "trtllm-serve saw {have} GPUs, of its own node, and {want} are wanted: it was started "
        "without the launcher that joins the nodes",
        "start it by `clusterkit serve`, with `slots` and `gpus` for all {want}",
    ),
    KnownError(
        r"only rank 0 can start multi-node session, got (?P<rank>\d+)",
        "a script of the LLM API ran in every rank; its own launcher must start it",
        "start it by `clusterkit serve`, or put `trtllm-llmapi-launch` before your script",
    ),
    KnownError(
        r"openssl: (?:command )?not found|\bps: (?:command )?not found|"
        r"trtllm-llmapi-launch: (?:command )?not found",
        "trtllm-llmapi-launch needs openssl and ps, and the node lacks one of them",
        "install `openssl` and `procps` in the image of the nodes, or use the vendor's",
    ),
    # The model and its tokenizer.
    KnownError(
        r"trust_remote_code=True|trust_remote_code` argument|allow custom code to be run",
        "the model has code of its own, which must be allowed to run",
        "`--trust_remote_code` in `engine.convert_flags` or `engine.serve_flags`, if you trust "
        "where the model comes from",
    ),
    KnownError(
        r"bfloat16[^\n]*(?:gemm|GEMM) plugin|(?:gemm|GEMM) plugin[^\n]*bfloat16",
        "bfloat16 needs the GEMM plugin in this version",
        "`--use_gemm_plugin bfloat16` (to 0.7) or `--gemm_plugin bfloat16` in "
        "`engine.build_flags`, or `dtype: float16`",
    ),
    KnownError(
        r"(?:num_(?:attention_)?(?:kv_)?heads|number of (?:kv )?heads)[^\n]*"
        r"(?:divisible|multiple)[^\n]*|must be divisible by (?:tp_size|tensor_parallel)",
        "the heads of the model do not divide by tp",
        "an `engine.tp` that divides the attention heads, and suits the KV heads",
    ),
    # Only where nothing else says more: what follows many of the above.
    KnownError(
        r"deserializ\w+[^\n]*(?:fail|error)|fail\w*[^\n]*deserializ|"
        r"Failed to deserialize cuda engine|engine is None",
        "the engine cannot be read: it was built on another kind of GPU or by another version, or "
        "its file is not whole",
        "`clusterkit engines verify`; the same GPU and TensorRT-LLM on all nodes; and "
        "`clusterkit build` again",
    ),
)
"""By how near they are to the cause: the first that a log has is told."""
