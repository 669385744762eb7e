from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.errors import FileMistakes
from clusterkit.model.base import Model
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.jobs_options import StopOptions
from clusterkit.model.load import load_inventory, load_playbook
from clusterkit.model.options import (
    BuildOptions,
    CpOptions,
    DownOptions,
    ExecOptions,
    HelloOptions,
    StatusOptions,
    UpOptions,
)
from clusterkit.model.playbook import PlaybookStep
from clusterkit.model.run_options import RunOptions
from clusterkit.model.serve_options import ServeOptions

REPOSITORY = Path(__file__).parents[3]
QUESTION = "What is the capital of France?"


def shipped(name: str) -> list[tuple[str, Model]]:
    return [(s.verb, s.options) for s in load_playbook(REPOSITORY / "playbooks" / name).steps]


def test_the_shipped_recipe_for_this_machine():
    two = (QUESTION, "Name three colours.")

    assert shipped("first-tokens-local.yaml") == [
        ("up", UpOptions(file=REPOSITORY / "inventories" / "local.yaml", yes=True)),
        ("mpi-hello", HelloOptions()),
        ("build", BuildOptions()),
        ("infer", InferOptions(prompt=(QUESTION,), max_tokens=32)),
        ("infer", InferOptions(prompt=two, tp=3, pp=1, max_tokens=32)),
        ("down", DownOptions(yes=True)),
    ]


def test_the_shipped_recipe_for_a_pair_of_containers():
    assert shipped("first-tokens-docker-pair.yaml") == [
        ("up", UpOptions(file=REPOSITORY / "inventories" / "docker-pair.yaml", yes=True)),
        ("mpi-hello", HelloOptions()),
        ("build", BuildOptions()),
        ("infer", InferOptions(prompt=(QUESTION,), max_tokens=32)),
        ("down", DownOptions(yes=True)),
    ]


def test_the_shipped_recipe_of_a_server():
    both = ("Name three colours.", "Count to ten.")

    assert shipped("serve-and-ask.yaml") == [
        ("up", UpOptions(file=REPOSITORY / "inventories" / "docker-pair.yaml", yes=True)),
        ("serve", ServeOptions(detach=True, restart=2, max_batch=8)),
        ("infer", InferOptions(prompt=(QUESTION,), max_tokens=32)),
        ("infer", InferOptions(prompt=both, max_tokens=32)),
        ("stop", StopOptions()),
        ("down", DownOptions(yes=True)),
    ]


def test_the_shipped_demonstration_of_tensor_parallelism():
    script = REPOSITORY / "playbooks" / "scripts" / "tensor_parallel_matmul.py"
    inner = ("--inner", "2048", "--columns", "2048")

    assert shipped("tensor-parallel-matmul.yaml") == [
        ("up", UpOptions(file=REPOSITORY / "inventories" / "docker-pair.yaml", yes=True)),
        ("mpi-hello", HelloOptions()),
        ("run", RunOptions(script=script, args=("--rows", "256", *inner))),
        ("run", RunOptions(script=script, args=("--rows", "1", *inner))),
        ("down", DownOptions(yes=True)),
    ]
    assert script.is_file()


EXAMPLES = Path("/shared/TensorRT/examples/distributed_inference")
OF_TORCH_TENSORRT = {
    "data-parallel-gpt2": RunOptions(script=EXAMPLES / "data_parallel_gpt2.py", ranks=2),
    "data-parallel-stable-diffusion": RunOptions(
        script=EXAMPLES / "data_parallel_stable_diffusion.py",
        ranks=2,
        chdir="/shared/results/stable-diffusion",
    ),
    "tensor-parallel-simple": RunOptions(
        script=EXAMPLES / "tensor_parallel_simple_example.py",
        ranks=2,
        chdir="/shared/results/tensor-parallel-simple",
    ),
    "tensor-parallel-llama3": RunOptions(
        script=EXAMPLES / "tensor_parallel_llama3.py",
        ranks=2,
        chdir="/shared/results/tensor-parallel-llama3",
        timeout_s=7200,
    ),
    "tensor-parallel-rotary-embedding": RunOptions(
        script=EXAMPLES / "tensor_parallel_rotary_embedding.py",
        ranks=1,
        chdir="/shared/results/rotary-embedding",
    ),
    "tensor-parallel-two-nodes": RunOptions(
        script=EXAMPLES / "tensor_parallel_simple_example_mn.py",
        args=("--mode", "jit_python", "--save-path", "/shared/tp_model.ep"),
        launcher="torchrun",
        timeout_s=7200,
    ),
}


def test_the_shipped_recipes_for_the_examples_of_torch_tensorrt():
    names = [path.stem for path in (REPOSITORY / "playbooks").glob("torch-tensorrt-*.yaml")]
    assert sorted(names) == sorted(f"torch-tensorrt-{name}" for name in OF_TORCH_TENSORRT)
    for name, options in OF_TORCH_TENSORRT.items():
        kind = "two-nodes" if name.endswith("two-nodes") else "two-gpus"
        inventory = REPOSITORY / "inventories" / f"torch-tensorrt-{kind}.yaml"
        (up, hello, run, *_, down) = shipped(f"torch-tensorrt-{name}.yaml")
        assert (up, hello, run, down) == (
            ("up", UpOptions(file=inventory, yes=True)),
            ("mpi-hello", HelloOptions()),
            ("run", options),
            ("down", DownOptions(yes=True)),
        )


def test_a_script_and_its_files_are_found_from_the_playbook(tmp_path: Path):
    playbook = tmp_path / "p.yaml"
    playbook.write_text(
        "- run: {script: a.py, files: [lib/b.py, /c.py], per-node: 2, launcher: torchrun}\n"
        "- run: {script: /shared/a.py, files: b.py}\n"
    )

    assert [step.options for step in load_playbook(playbook).steps] == [
        RunOptions(
            script=tmp_path / "a.py",
            files=(tmp_path / "lib/b.py", Path("/c.py")),
            per_node=2,
            launcher="torchrun",
        ),
        RunOptions(script=Path("/shared/a.py"), files=(tmp_path / "b.py",)),
    ]


@pytest.mark.parametrize("path", sorted((REPOSITORY / "playbooks").glob("*.yaml")), ids=str)
def test_the_inventory_of_every_shipped_recipe_loads(path: Path):
    for step in load_playbook(path).steps:
        if isinstance(step.options, UpOptions):
            assert load_inventory(step.options.file).nodes


def test_paths_go_from_the_playbook_and_options_have_either_spelling(tmp_path: Path):
    path = tmp_path / "recipe.yaml"
    path.write_text("""\
- up: {file: pair.yaml}
- status:
- cp: {sources: [data/, "node1:/tmp/x", /etc/hosts], target: "node[1-2]:/data/"}
- cp: {sources: "node1:log", target: logs/}
- infer:
    prompts: ../p.jsonl
    model: ./tiny
    max-tokens: 5
    top_p: 0.5
    temperature: 1
- exec: {nodes: "@all", argv: [sh, -c, "echo $HOME"], timeout-s: 3}
""")
    to_nodes = CpOptions(
        sources=(f"{tmp_path}/data/", "node1:/tmp/x", "/etc/hosts"), target="node[1-2]:/data/"
    )

    assert load_playbook(path).steps == (
        PlaybookStep("up", UpOptions(file=tmp_path / "pair.yaml"), 1),
        PlaybookStep("status", StatusOptions(), 2),
        PlaybookStep("cp", to_nodes, 3),
        PlaybookStep("cp", CpOptions(sources=("node1:log",), target=f"{tmp_path}/logs/"), 4),
        PlaybookStep(
            "infer",
            InferOptions(
                prompts=tmp_path.parent / "p.jsonl",
                model=f"{tmp_path}/tiny",
                max_tokens=5,
                top_p=0.5,
                temperature=1.0,
            ),
            5,
        ),
        PlaybookStep(
            "exec", ExecOptions(nodes="@all", argv=("sh", "-c", "echo $HOME"), timeout_s=3.0), 11
        ),
    )


ITEM = "write one verb and its options: `- infer: {prompt: Hello}`, or `- down:`"
FIRST = "write one verb on each line: `- up: {file: pair.yaml}`"


def problems(text: str) -> list[str]:
    Path("recipe.yaml").write_text(text)
    with pytest.raises(FileMistakes) as caught:
        load_playbook(Path("recipe.yaml"))
    return caught.value.problems


def test_all_mistakes_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    assert problems("""\
- up: {file: x.yaml, yess: true}
- down
- infr: {prompt: a}
- infer:
    max-tokens: "3"
    prompt: ""
    Top-p: 1
- infer:
- {up: {}, down: }
- up:
- mpi-hello: {ranks: 0}
- exec: {nodes: x, argv: hostname}
- infer: {prompt: [a, 3]}
- down: true
- play: {file: recipe.yaml}
- build: {verify: 1, verify: 2}
- serve: {port: 9000}
- serve: {detach: true}
""") == [
        "recipe.yaml:1: [0].up.yess: unknown key. Fix: did you mean `yes`?",
        f"recipe.yaml:2: [1]: is `down`. Fix: {ITEM}",
        "recipe.yaml:3: [2].infr: unknown verb. Fix: did you mean `infer`?",
        "recipe.yaml:5: [3].infer.max-tokens: must be a number, not the text `3`. "
        "Fix: take the quotes away: 3",
        "recipe.yaml:6: [3].infer.prompt[0]: the prompt is empty. "
        "Fix: write what the model should answer",
        "recipe.yaml:7: [3].infer.Top-p: unknown key. Fix: did you mean `top_p`?",
        "recipe.yaml:8: [4].infer: there is no prompt. Fix: give `prompt`, or a file of `prompts`",
        f"recipe.yaml:9: [5]: 2 keys in one item. Fix: {ITEM}",
        "recipe.yaml:10: [6].up: one thing says what to make. "
        "Fix: give `file`, `resume` or `from_plan`",
        "recipe.yaml:11: [7].mpi-hello.ranks: must be at least 1, not `0`. "
        "Fix: write for example `ranks: 4`",
        "recipe.yaml:12: [8].exec.argv: must be a list, not `hostname`. "
        'Fix: write for example `argv: ["hostname"]`',
        'recipe.yaml:13: [9].infer.prompt[1]: must be text, not `3`. Fix: put it in quotes: "3"',
        f"recipe.yaml:14: [10].down: the options must be a mapping, not `true`. Fix: {ITEM}",
        "recipe.yaml:15: [11].play: unknown verb. Fix: did you mean `plan`?",
        "recipe.yaml:16: [12].build.verify: is already on line 16. "
        "Fix: join the two, or take one out",
        "recipe.yaml:16: [12].build.verify: must be true or false, not `1`. "
        "Fix: write true or false, without quotes",
        "recipe.yaml:17: [13].serve: it would run until Ctrl-C. "
        "Fix: add `detach: true`; `- stop:` ends it",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f"recipe.yaml:1: the file is empty. Fix: {FIRST}"),
        ("[]", f"recipe.yaml:1: the file is empty. Fix: {FIRST}"),
        ("up: {}", f"recipe.yaml:1: must be a list, not a mapping. Fix: {FIRST}"),
    ],
)
def test_a_file_that_is_no_playbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
):
    monkeypatch.chdir(tmp_path)
    assert problems(text) == [problem]
