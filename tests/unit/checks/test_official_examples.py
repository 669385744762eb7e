"""What is said of official examples before they run, from their text and their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.checks.official_examples import Example, Judged, judge, read
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.placement import Placement, Rank

STAND_INS = Path(__file__).parents[2] / "stand_ins" / "torch_tensorrt_examples"
BEFORE = STAND_INS / "before_2_12/TensorRT/examples/distributed_inference"
SINCE = STAND_INS / "since_2_12"
DISTRIBUTED = "tensor_parallel_initialize_dist.py"
SIMPLE, MN = "tensor_parallel_simple_example.py", "tensor_parallel_simple_example_mn.py"
ROOT = ("MODULE.bazel", "lib/libnvinfer_plugin_tensorrt_llm.so")
LOG = (
    f"{DISTRIBUTED}:42 (a log of each rank: name + f'_{{rank}}.log'): written in the folder where "
    "ranks run, which goes with the job. Fix: name a folder that stays, on the storage, by "
    "`--chdir FOLDER`"
)


def places(*ranks: int) -> Placement:
    """So many ranks on node1, node2 and so on."""
    found = [(f"node{n}", local) for n, count in enumerate(ranks, 1) for local in range(count)]
    return Placement(tuple(Rank(n, node, local) for n, (node, local) in enumerate(found)))


def node(*packages: str, gpus: int = 0) -> NodeFacts:
    installed = dict(package.split("==") for package in packages)
    seen = tuple(Gpu(index, "", "", 0) for index in range(gpus))
    return NodeFacts("n", 2, 0, 0, "/opt/python", "3.11", packages=installed, gpus=seen)


TORCH = node("torch==2.13.0")


def judged(example: Example, placement: Placement, launcher: str = "mpirun", **facts) -> Judged:
    reading = read({example.name: example.text, **example.modules})
    assert reading is not None
    known = dict.fromkeys(placement.nodes, TORCH) | facts
    return judge(example, reading, placement=placement, launcher=launcher, facts=known)


def stand_in(folder: Path, name: str, **more) -> Example:
    modules = {each.name: each.read_text() for each in folder.glob("*.py")}
    beside = {key: text for key, text in modules.items() if key in MODULES}
    return Example(name, modules[name], beside, **more)


MODULES = (DISTRIBUTED, "llama3_model.py", "rotary_embedding.py")


def script(text: str, *, name: str = SIMPLE, **modules: str) -> Example:
    return Example(name, text, {f"{key}.py": each for key, each in modules.items()})


def problems(text: str, *ranks: int, launcher: str = "mpirun", **facts) -> tuple[str, ...]:
    return judged(script(text), places(*ranks), launcher, **facts).problems


def test_the_examples_before_2_12_run_on_one_node_in_their_repository():
    example = stand_in(BEFORE, SIMPLE, travels=False, above=ROOT, chdir="/shared/out")
    assert judged(example, places(2)) == Judged()

    example = stand_in(BEFORE, SIMPLE, travels=False, above=ROOT)
    assert judged(example, places(2)) == Judged(warnings=(LOG,))


def test_everything_that_goes_wrong_is_said_at_once():
    assert judged(stand_in(BEFORE, SIMPLE), places(1, 2), "torchrun").problems == (
        f"{DISTRIBUTED}:22: looks for MODULE.bazel in the folders above it, and a script that "
        "travels has left its repository (Could not find repo root). Fix: copy the repository to "
        "the storage, and give the path of the script there",
        f"{DISTRIBUTED}:30: RANK becomes the local rank (str(local_rank)); {DISTRIBUTED}:32: "
        f"MASTER_ADDR becomes 127.0.0.1; {DISTRIBUTED}:39: asserts that rank == local_rank. So "
        f"it runs on one node only, and node[1-2] were asked for. Fix: `--nodes node1`, or {MN} "
        "of 2.12 or later",
        f"{DISTRIBUTED}:28: asks for OMPI_COMM_WORLD_LOCAL_RANK alone, which torchrun does not "
        "set, and takes each rank for the only one. Fix: `--launcher mpirun`",
        f"{SIMPLE}:11: wants an even number of ranks, and there would be 3. Fix: `--ranks 2`",
    )


def test_a_folder_on_the_nodes_that_is_not_in_its_repository():
    example = stand_in(BEFORE, SIMPLE, travels=False)
    assert judged(example, places(2)).problems == (
        f"{DISTRIBUTED}:22: looks for MODULE.bazel in the folders above it, and there is none "
        "(Could not find repo root). Fix: put the file MODULE.bazel, which may be empty, two "
        f"folders above {SIMPLE}, and {ROOT[1]} of TensorRT-LLM beside it",
    )
    example = stand_in(BEFORE, SIMPLE, travels=False, above=ROOT[:1], chdir="/shared")
    assert judged(example, places(2)).warnings == (
        f"{DISTRIBUTED}:22: sets TRTLLM_PLUGINS_PATH to {ROOT[1]} of the repository, whatever it "
        "was, and not every node has that file. Fix: put TensorRT-LLM's there, of the same CUDA",
    )


def test_llama3_of_2_6():
    name = "tensor_parallel_llama3.py"
    example = stand_in(BEFORE, name, travels=False, above=ROOT, chdir="/shared")

    assert judged(example, places(4)).problems == (UNBOUND.format(name),)
    assert judged(example, places(6)).problems == (
        UNBOUND.format(name),
        *(
            f"{name}:9: {heads}=8 cannot be dealt to 6 ranks. Fix: `--ranks` with one of 2, 4, 8"
            for heads in ("n_heads", "n_kv_heads")
        ),
    )


UNBOUND = (
    "{}:10: uses `torch_tensorrt`, which nothing in the file defines (NameError). "
    "Fix: add `import torch_tensorrt`, or take the file of another version"
)


def test_the_examples_since_2_12_still_compare_a_rank_with_its_local_rank():
    example = stand_in(SINCE, SIMPLE)

    assert judged(example, places(2)) == judged(example, places(4), "torchrun") == Judged()
    assert judged(example, places(1, 1)).problems == (
        f"{DISTRIBUTED}:28: asserts that rank == local_rank. So it runs on one node only, and "
        f"node[1-2] were asked for. Fix: `--nodes node1`, or {MN} of 2.12 or later",
    )
    assert judged(example, places(3)).problems == (
        f"{SIMPLE}:12: wants an even number of ranks, and there would be 3. Fix: `--ranks 2`",
    )


@pytest.mark.parametrize("launcher", ["mpirun", "torchrun"])
def test_the_example_for_several_nodes(launcher: str):
    example = stand_in(SINCE, MN)

    assert judged(example, places(1, 1), launcher) == Judged()
    assert judged(example, places(2, 1), launcher).problems == (
        f"{MN}:22: wants an even number of ranks, and there would be 3. Fix: `--ranks 2`",
    )


def test_rotary_frequencies_for_one_rank():
    example = stand_in(SINCE, "tensor_parallel_rotary_embedding.py")

    assert judged(example, places(1)) == Judged()
    assert judged(example, places(2)).problems == (
        "rotary_embedding.py:17: makes rotary frequencies for 1 of 2 ranks, whose shapes do not "
        "fit the split projections. Fix: `--ranks 1`, or write `tp_mesh.size()` there",
    )


def test_inputs_are_dealt():
    example = stand_in(SINCE, "data_parallel_gpt2.py")
    has = node("torch==2.13.0", "accelerate==1.15.0")

    assert judged(example, places(1, 1), node1=has, node2=has) == Judged()
    assert judged(example, places(2, 1), node1=has).problems == (
        "node2: data_parallel_gpt2.py:5 imports accelerate, which /opt/python does not have "
        "there. Fix: install it there (`pip install accelerate`), or another `python` in the "
        "inventory",
        "data_parallel_gpt2.py:8: has 2 inputs to deal, and 1 of 3 ranks would get none "
        "(IndexError). Fix: `--ranks 2`",
    )


def test_a_module_that_is_not_beside_it():
    example = script("from llama3_model import ModelArgs\nfrom .rotary_embedding import x\n")
    assert judged(example, places(1)).problems == (
        f"{SIMPLE}:1: imports llama3_model.py, which is not beside {SIMPLE}. "
        "Fix: take the whole folder of the examples, of one version",
    )


@pytest.mark.parametrize(
    "text",
    [
        "import torch\ntorch.distributed.init_process_group('nccl')",
        "import torch\ntorch.distributed.init_process_group(backend='nccl')",
        "import torch\ntorch.cuda.set_device(1)",
    ],
)
def test_gpus_for_every_rank(text: str):
    one, two = (node("torch==2.13.0", gpus=count) for count in (1, 2))

    assert problems(text, 2, 1, node1=two, node2=one) == ()
    assert problems(text, 2, 2, 1, node1=two, node2=one) == (
        f"{SIMPLE}:2: needs a GPU for each rank, and node2 has 1, node3 has 0. Fix: choose nodes "
        "with GPUs by `--nodes`, ask for fewer ranks, or give GPUs to nodes by `gpus` in the "
        "inventory",
    )


def test_one_gpu_a_node():
    text = "import torch\ntorch.cuda.set_device(0)"
    two = node("torch==2.13.0", gpus=2)

    assert problems(text, 1, 1, node1=two, node2=two) == ()
    assert problems(text, 1, 2, node1=two, node2=two) == (
        f"{SIMPLE}:2: every rank takes GPU 0 of its node, and node2 would have several ranks. "
        "Fix: `--per-node 1`",
    )


@pytest.mark.parametrize(("version", "is_new"), [("2.12.0.dev2", True), ("2.11.0", False)])
def test_a_module_that_came_with_a_version(version: str, is_new: bool):
    text = "from torch_tensorrt.distributed import setup_nccl_for_torch_tensorrt"
    seen = node(f"torch_tensorrt=={version}", gpus=1)

    assert problems(text, 1, node1=seen) == (
        ()
        if is_new
        else (
            f"node1: {SIMPLE}:1 imports torch_tensorrt.distributed, which torch_tensorrt has "
            "since 2.12, and 2.11.0 is installed there. Fix: install a newer one, or take the "
            "examples of 2.11",
        )
    )


def test_what_is_imported_only_if_it_can_be_is_not_missed():
    text = "try:\n    import tensorrt_llm\nexcept ImportError:\n    tensorrt_llm = None\n"
    assert problems(text, 1) == ()
    assert problems("def unused():\n    import tensorrt_llm\n", 1) == ()
    assert problems("import tensorrt_llm\n", 1, node1=node(gpus=1)) == (
        f"node1: {SIMPLE}:1 imports tensorrt_llm, which /opt/python does not have there. Fix: "
        "install it there (`pip install tensorrt-llm`), or another `python` in the inventory, or "
        "take the examples of a later version, which do not import it",
    )


def test_a_dry_run_judges_without_having_looked():
    example = script("import tensorrt_llm, torch\ntorch.cuda.set_device(0)\n")
    reading = read({SIMPLE: example.text})
    assert reading is not None
    found = judge(example, reading, placement=places(2), launcher="mpirun", facts=None)
    assert [each.partition(",")[0] for each in found.problems] == [
        f"{SIMPLE}:2: every rank takes GPU 0 of its node"
    ]


def test_models_from_the_hub_and_files_that_would_be_lost():
    text = (
        'model_id = "CompVis/stable-diffusion-v1-4"\n'
        "pipe = Pipe.from_pretrained(model_id, revision='fp16')\n"
        "Model.from_pretrained('gpt2')\nTokens.from_pretrained('gpt2')\n"
        "Model.from_pretrained('/models/gpt2')\nModel.from_pretrained(unknown())\n"
        "pipe('a dog').images[0].save(f'result_{pipe.index}.png')\n"
        "torch_tensorrt.save(pipe, '/tmp/x.ep')\n"
        "Pipe = Model = Tokens = unknown = torch_tensorrt = None\n"
    )
    hub = (
        "every rank loads {} from Hugging Face's hub, unless its node has it in the cache. Fix: "
        "where nodes have no network, or the model asks for a login, put it into the cache and "
        "set HF_HOME and HF_HUB_OFFLINE=1 in `container.env`"
    )
    assert judged(script(text), places(1)).warnings == (
        f"{SIMPLE}:7 (files: f'result_{{pipe.index}}.png'): written in the folder where ranks "
        "run, which goes with the job. Fix: name a folder that stays, on the storage, by "
        "`--chdir FOLDER`",
        f"{SIMPLE}:2: {hub.format('CompVis/stable-diffusion-v1-4')}",
        f"{SIMPLE}:3: {hub.format('gpt2')}",
    )
    assert judged(script("x = 1\n"), places(1)).warnings == (
        f"{SIMPLE} prints nothing, and writes nothing: that it ends well is all that will be "
        "seen. Fix: none is needed; add a `print` of what it computed to see that",
    )


def test_text_that_is_no_python_is_left_to_who_compiles_it():
    assert read({SIMPLE: "def (:"}) is None
