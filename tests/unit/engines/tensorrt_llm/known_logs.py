"""What ranks wrote when they failed, and what is to be said of it: cause, and part of the fix."""

from __future__ import annotations

BEFORE = """\
NOTE: The SHMEM allocation limit is set to the default of 64MB.  This may be
   insufficient for TensorRT-LLM.  NVIDIA recommends the use of the following flags:
   docker run --gpus all --ipc=host --ulimit memlock=-1 --ulimit stack=67108864 ...
[TensorRT-LLM] TensorRT-LLM version: 0.16.0
[11/20/2026-10:00:01] [TRT-LLM] [W] Device 0 peer access Device 1 is not available.
[11/20/2026-10:00:01] [TRT-LLM] [I] Set gemm_plugin to bfloat16.
[TensorRT-LLM][WARNING] Using an engine plan file across different models of devices is not \
recommended and is likely to affect performance or even cause errors.
The argument `trust_remote_code` is to be used with Auto classes. It has no effect here.
[TensorRT-LLM][INFO] Engine version 0.16.0 found in the config file, assuming engine(s) built by \
new builder API.
"""
AFTER = """
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
"""
GPUS_PER_NODE = (
    "set `engine.gpus_per_node: auto`, so that each rank is told the GPUs of its node, and let "
    "`slots` of every node be at most its `gpus`"
)
WORLD = (
    "let `engine.tp` x `engine.pp` be what the engine was built for, or run `clusterkit build` "
    "again; if the log says 1 rank, mpi4py is linked to another MPI than mpirun's: "
    "`clusterkit mpi-hello` shows it"
)

SAMPLES = [
    (
        "There are not enough slots available in the system to satisfy the 4\n"
        "slots that were requested by the application:",
        "mpirun was asked for more ranks than the nodes have slots",
        "raise `slots` of the nodes, or ask for a smaller `engine.tp` x `engine.pp`",
    ),
    (
        "ORTE was unable to reliably start one or more daemons.\n"
        "This usually is caused by:\n* not finding the required libraries and/or binaries",
        "mpirun could not start its daemon on another node",
        "`clusterkit doctor` tries SSH and Open MPI between all nodes and says which",
    ),
    (
        "bash: line 1: prted: command not found",
        "mpirun could not start its daemon on another node",
        "`clusterkit doctor` tries SSH and Open MPI",
    ),
    (
        "It looks like opal_init failed for some reason; your parallel process is\n"
        "likely to abort.",
        "Open MPI does not find its own files",
        "`OPAL_PREFIX` under `container.env`",
    ),
    (
        "Traceback (most recent call last):\n"
        '  File "/app/tensorrt_llm/examples/run.py", line 24, in <module>\n'
        "    import tensorrt_llm\nModuleNotFoundError: No module named 'tensorrt_llm'",
        "this Python has no tensorrt_llm",
        "set `python` of the nodes to the interpreter that has TensorRT-LLM",
    ),
    (
        "ImportError: libmpi.so.40: cannot open shared object file: No such file or directory",
        "a library that TensorRT-LLM needs is not found on the node",
        "`LD_LIBRARY_PATH` under `container.env`",
    ),
    (
        "usage: run.py [-h] [--max_output_len MAX_OUTPUT_LEN]\n"
        "run.py: error: unrecognized arguments: --use_py_sesion --foo 1",
        "run.py of the installed TensorRT-LLM does not know `--use_py_sesion --foo 1`",
        "take it out of `engine.convert_flags`, `build_flags` or `run_flags`",
    ),
    (
        "usage: trtllm-build [-h]\n"
        "trtllm-build: error: argument --remove_input_padding: expected one argument",
        "trtllm-build of the installed TensorRT-LLM refuses its words: argument "
        "--remove_input_padding: expected one argument",
        "correct `engine.convert_flags`, `build_flags` or `run_flags`",
    ),
    (
        "build.py: error: the following arguments are required: --model_name/-m",
        "build.py of the installed TensorRT-LLM refuses its words: the following arguments are "
        "required: --model_name/-m",
        "correct `engine.convert_flags`",
    ),
    (
        "Usage: trtllm-serve serve [OPTIONS] MODEL\nError: No such option: --max_seqlen",
        "trtllm-serve of the installed TensorRT-LLM does not know `--max_seqlen`",
        "take it out of `engine.serve_flags`",
    ),
    (
        "AssertionError: Engine world size (2) != Runtime world size (1)",
        "the engine was built for 2 ranks, and 1 saw each other",
        WORLD,
    ),
    (
        "RuntimeError: [TensorRT-LLM][ERROR] Assertion failed: mpiSize == tp * pp "
        "(/home/jenkins/cpp/tensorrt_llm/runtime/worldConfig.cpp:80)",
        "the engine was built for another number of ranks than ran",
        WORLD,
    ),
    (
        "[TensorRT-LLM][ERROR] Assertion failed: MPI size 1 != TP size 2 * PP size 2 * CP Size 1",
        "the engine was built for tp 2 and pp 2, and 1 ranks saw each other",
        WORLD,
    ),
    (
        "Assertion failed: Number of GPUs per node 1 must be at least as large as TP (2) * PP (1)",
        "this TensorRT-LLM runs on one node only",
        "0.7.1, 0.8.0 or newer on the nodes",
    ),
    (
        "[TensorRT-LLM][ERROR] Assertion failed: Detect 4 GPUs, the GPU number is incompatible "
        "with 8 gpusPerNode when MPI size is 8",
        "a rank sees 4 GPUs and believes that every node has 8",
        GPUS_PER_NODE,
    ),
    (
        "[TRT] [E] 1: [stdArchiveReader.cpp::StdArchiveReader::30] Error Code 1: Serialization "
        "(Serialization assertion stdVersionRead == serializationVersion failed.Version tag does "
        "not match. Note: Current Version: 228, Serialized Engine Version: 226)\n"
        "AssertionError: Engine deserialization failed",
        "the engine was built by another version of TensorRT than the one that loads it",
        "the same TensorRT-LLM on all nodes, and `clusterkit build` again",
    ),
    (
        "[TRT] [E] 6: The engine plan file is generated on an incompatible device, expecting "
        "compute 8.0 got compute 9.0, please rebuild.\n[TRT] [E] 2: [engine.cpp::"
        "deserializeEngine::951] Error Code 2: Internal Error (deserialization failed)",
        "the engine was built on another kind of GPU than the one that loads it",
        "`clusterkit build` on a node with the GPUs that run it",
    ),
    (
        "RuntimeError: [TensorRT-LLM][ERROR] Assertion failed: Error opening engine file: "
        "/shared/clusterkit/engines/llama-7b-0a1b2c3d4e5f/rank1.engine",
        "a node lacks an engine file of its ranks: "
        "/shared/clusterkit/engines/llama-7b-0a1b2c3d4e5f/rank1.engine",
        "`clusterkit engines push` brings every node its files",
    ),
    (
        "FileNotFoundError: [Errno 2] No such file or directory: "
        "'/shared/llama_float16_tp2_rank1.engine'",
        "a node lacks an engine file of its ranks: /shared/llama_float16_tp2_rank1.engine",
        "`clusterkit engines push`",
    ),
    (
        "[TensorRT-LLM][ERROR] CUDA runtime error in cudaDeviceCanAccessPeer(&canAccessPeer, "
        "device1, device2): invalid device ordinal (plugins/ncclPlugin/allreducePlugin.cpp:300)",
        "the all-reduce asks for GPUs by numbers that this node does not have",
        '`FORCE_NCCL_ALL_REDUCE_STRATEGY: "1"` under `container.env`',
    ),
    (
        "RuntimeError: [TensorRT-LLM][ERROR] CUDA runtime error in cudaSetDevice(device): invalid "
        "device ordinal (/src/tensorrt_llm/cpp/tensorrt_llm/runtime/utils/sessionUtils.cpp:34)",
        "a rank asked for a GPU that its node does not have: TensorRT-LLM assumes 8 GPUs a "
        "node where nobody tells it",
        GPUS_PER_NODE,
    ),
    (
        "[TensorRT-LLM][ERROR] CUDA runtime error in cudaDeviceEnablePeerAccess(i, 0): peer "
        "access is not supported between these two devices (customAllReduceUtils.cpp:40)",
        "the custom all-reduce needs GPUs that reach each other's memory",
        "leave `--use_custom_all_reduce` out of `engine.build_flags`",
    ),
    (
        "terminate called: [TensorRT-LLM][ERROR] Can't enable access between nodes 0 and 1",
        "the custom all-reduce needs GPUs that reach each other's memory",
        "leave `--use_custom_all_reduce` out",
    ),
    (
        "RuntimeError: cudaIpcOpenMemHandle failed: 101 invalid argument",
        "the custom all-reduce failed where it opens the memory of other ranks",
        '`NCCL_P2P_DISABLE: "1"` under `container.env`',
    ),
    (
        "[gpu1:00042] *** MPI_ERR_RANK: invalid rank\n"
        "3  tensorrt_llm::plugins::AllreducePlugin::initialize() + 812",
        "the custom all-reduce failed where it opens the memory of other ranks",
        '`FORCE_NCCL_ALL_REDUCE_STRATEGY: "1"` (0.10 to 0.15)',
    ),
    (
        "[gpu1:00042] *** Process received signal ***\n[gpu1:00042] Signal: Bus error (7)",
        "shared memory ran out: /dev/shm of the container is too small",
        "`shm_size: 1g` or more under `container`, or `ipc: host`",
    ),
    (
        "gpu1:77:77 [0] include/shm.h:48 NCCL WARN Error: failed to extend /dev/shm/nccl-a1B2c3 "
        "to 9637892 bytes\nNCCL error: internal error",
        "shared memory ran out: /dev/shm of the container is too small",
        "`shm_size: 1g` or more",
    ),
    (
        "libibverbs: Warning: RLIMIT_MEMLOCK is 65536 bytes.\n"
        "    This will severely limit memory registrations.",
        "the network card may not lock enough memory",
        "`ulimits: {memlock: -1, stack: 67108864}` under `container`",
    ),
    (
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has "
        "a total capacity of 44.35 GiB of which 147.88 MiB is free.",
        "a GPU ran out of memory",
        "`quantization: fp8`, more `tp` or `pp`, or a smaller `max_batch_size`",
    ),
    (
        "[TRT] [E] 2: [virtualMemoryBuffer.cpp::resizePhysical::140] Error Code 2: OutOfMemory "
        "(no further information)\n[TRT] [E] Engine building failed, please check the error log.",
        "a GPU ran out of memory",
        "`nvidia-smi` shows who else uses the GPU",
    ),
    (
        "mpirun noticed that process rank 1 with PID 4711 on node gpu2 exited on signal 9 "
        "(Killed).",
        "a program was killed: the host ran out of memory, most likely",
        "`workers: 1`",
    ),
    (
        "[11/20/2026-10:02:00] [TRT-LLM] [I] Loading HF LLaMA ... from /models/llama\nKilled",
        "a program was killed: the host ran out of memory, most likely",
        "a node with more memory",
    ),
    (
        "Failed, NCCL error /src/plugins/ncclPlugin/allreducePlugin.cpp:184 'internal error - "
        "please report this issue to the NCCL developers'\n"
        "NCCL error: internal error",
        "NCCL could not connect the GPUs",
        "`clusterkit doctor` runs NCCL alone",
    ),
    (
        "OSError: [Errno 28] No space left on device: '/shared/engine/rank0.engine'",
        "a disk is full",
        "free space where `storage.path` of the inventory lies",
    ),
    (
        "RuntimeError: [TensorRT-LLM][ERROR] Assertion failed: Can't allocate new blocks. No free "
        "blocks left. (kvCacheManager.cpp:117)",
        "the KV cache is too small for this batch",
        "fewer prompts at once",
    ),
    (
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): "
        "address already in use",
        "another program listens on that port of the head",
        "another `--port`",
    ),
    (
        "RuntimeError: Only 8 GPUs are available, but 16 are required.",
        "trtllm-serve saw 8 GPUs, of its own node, and 16 are wanted",
        "start it by `clusterkit serve`, with `slots` and `gpus` for all 16",
    ),
    (
        "RuntimeError: only rank 0 can start multi-node session, got 1",
        "a script of the LLM API ran in every rank",
        "`trtllm-llmapi-launch` before your script",
    ),
    (
        "/usr/local/bin/trtllm-llmapi-launch: line 31: openssl: command not found",
        "trtllm-llmapi-launch needs openssl and ps, and the node lacks one of them",
        "install `openssl` and `procps`",
    ),
    (
        "ValueError: Loading /models/chatglm2-6b requires you to execute the configuration file "
        "in that repo on your local machine. Make sure you have read the code there to avoid "
        "malicious use, then set the option `trust_remote_code=True` to remove this error.",
        "the model has code of its own, which must be allowed to run",
        "`--trust_remote_code` in `engine.convert_flags` or `engine.serve_flags`",
    ),
    (
        "AssertionError: Please use gemm plugin when dtype is bfloat16",
        "bfloat16 needs the GEMM plugin in this version",
        "`dtype: float16`",
    ),
    (
        "AssertionError: num_heads must be divisible by tp_size, got 12 and 8",
        "the heads of the model do not divide by tp",
        "an `engine.tp` that divides the attention heads",
    ),
    (
        "[TRT] [E] 4: [runtime.cpp::deserializeCudaEngine::65] Error Code 4: Internal Error "
        "(Engine deserialization failed.)",
        "the engine cannot be read",
        "`clusterkit engines verify`",
    ),
]
