"""Deals two inputs to the ranks by Accelerate, each of which writes a picture where it runs."""

from __future__ import annotations

from accelerate import PartialState


class Picture:
    def __init__(self, of: str):
        self.of = of

    def save(self, path: str):
        with open(path, "w") as file:  # noqa: PTH123 - as libraries for pictures do
            file.write(self.of)


state = PartialState(cpu=True)
with state.split_between_processes(["a dog", "a cat"]) as mine:
    Picture(mine[0]).save(f"result_{state.process_index}.png")
state.destroy_process_group()
