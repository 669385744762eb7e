PYTHON ?= python3
BIN := .venv/bin
comma := ,
# Tests wait more than they work; those of one file share clusters.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile

.PHONY: help demo test lint unit golden contract e2e bench faults soak gpu image clean

help:  ## Show this list
	@sed -n 's/^\([a-z0-9 ]*\):.*  ## /\1\t/p' Makefile | expand -t 28

demo: .venv/local  ## From nothing to an answer: a language model on two MPI ranks of this machine
	$(BIN)/clusterkit up inventories/local.yaml --yes
	$(BIN)/clusterkit mpi-hello
	$(BIN)/clusterkit infer --prompt "What is the capital of France?"
	$(BIN)/clusterkit down --yes

test: lint unit golden contract e2e  ## Everything that CI runs; e2e needs a Docker engine
lint: .venv/dev  ## Style, types, and which module may import which
	$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports

unit golden contract e2e: .venv/dev  ## One kind of test; ARGS="-k NAME" picks some
	$(PYTEST) tests/$@ $(ARGS)
bench: .venv/dev  ## Side by side with peers; prints ratios
	$(BIN)/python -m bench
faults soak: .venv/dev  ## What faults do, one by one, or by chance to many jobs; docs/reliability.md
	$(BIN)/python -m tests.faults.$@ $(ARGS)
gpu: .venv/dev  ## The tests that need two NVIDIA GPUs
	$(BIN)/python -m pytest tests/gpu $(ARGS)
image: .venv/dev  ## The node images for containers: clusterkit/node-cpu:dev and node-mpi:dev
	$(BIN)/python images/build.py
clean:  ## Remove the venv and the caches
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/local .venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -qq --editable ".[local$(if $(filter dev,$(@F)),$(comma)dev)]" --constraint constraints.txt
	@touch $@
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("clusterkit needs Python 3.11 or newer. Fix: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
