"""Deals two inputs to the ranks by Accelerate, without a GPU and a model."""

from __future__ import annotations

from accelerate import PartialState

state = PartialState(cpu=True)
with state.split_between_processes(["first", "second"]) as mine:
    print(f"rank {state.process_index}: {mine[0]}")
state.destroy_process_group()
