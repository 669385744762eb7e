"""The documentation holds: links lead somewhere, commands and inventories are taken."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from clusterkit.cli.main import VERBS, application
from clusterkit.model.load import load_inventory

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")],
    key=lambda page: str(page.relative_to(REPOSITORY)),
)
APPLICATION: Any = typer.main.get_command(application())
NAMES = [verb for verbs in VERBS.values() for verb in verbs]
_COMMAND = re.compile(r"(?:echo .* \| )?(clusterkit [a-z-].*)")
_ENDS_A_COMMAND = ("|", "||", "&&", ";", ">", ">>", "<", "2>", "#")


def named(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def code_of(page: Path) -> Iterator[str]:
    """The lines of a page that are code: fenced, or indented by four after an empty line."""
    fenced = indented = False
    before = ""
    for line in page.read_text().splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            yield line
        elif line.startswith("    ") and (indented or not before.strip() or before[0] == "#"):
            indented = True
            yield line[4:]
        elif line.strip():
            indented = False
        before = line or " "


def commands_of(page: Path) -> list[str]:
    """Every ``clusterkit …`` of a page, in its code and within its sentences, as it is typed."""
    typed = (_COMMAND.match(line.removeprefix("$ ").strip()) for line in code_of(page))
    spans = re.findall(r"`(clusterkit [a-z-][^`\n]*)`", page.read_text())
    return [*(found[1] for found in typed if found), *spans]


def words_of(line: str) -> list[str]:
    """The words of the command itself, without pipes, redirections and comments."""
    words = shlex.split(line)[1:]
    ends = [words.index(end) for end in _ENDS_A_COMMAND if end in words]
    ends += [place for place, word in enumerate(words) if re.match("[<>]", word)]
    return words[: min(ends, default=len(words))]


def parse(words: list[str]) -> None:
    """Take a whole command line apart, as a verb does before it runs; runs nothing."""
    if words[0] in ("--debug", "--version"):
        words = words[1:]
    if words and words[0] != "VERB" and words[-1] != "--help":
        APPLICATION.commands[words[0]].make_context(words[0], words[1:]).close()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    relative = [target for target in targets if "://" not in target]
    assert [target for target in relative if not (page.parent / target).exists()] == []


COMMANDS = [(page, line) for page in PAGES for line in commands_of(page)]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_commands_are_taken(page: Path, line: str) -> None:
    parse(words_of(line))


def test_there_are_commands_to_look_at() -> None:
    assert {named(page) for page, _ in COMMANDS} >= {"README.md", "docs/getting-started.md"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_inventories_load(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(cluster:.*?)```", page.read_text(), re.DOTALL)
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block)
        load_inventory(file)


def test_readme_names_every_verb() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert re.findall(r"^\| `([a-z-]+)` \|", readme, re.MULTILINE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example_that_is_taken(name: str) -> None:
    epilog = inspect.cleandoc(APPLICATION.commands[name].epilog or "")
    example = epilog.removeprefix("\b\nExample:\n").strip()
    assert example.startswith(f"clusterkit {name}")
    parse(words_of(example))


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_arguments_by_name_alone(name: str) -> None:
    shown = CliRunner().invoke(application(name), [name, "--help"]).output
    arguments = shown.partition("\nArguments:\n")[2].partition("\n\n")[0]
    expected = [
        each.metavar for each in APPLICATION.commands[name].params if each.opts[0][0] != "-"
    ]
    assert re.findall(r"^  (\S.*?)  ", arguments, re.MULTILINE) == expected
