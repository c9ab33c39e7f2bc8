# meshsim: each target does its own set-up; nothing is needed but Python 3.11+ and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# How many processes share the tests.
WORKERS ?= 2
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check pytest wheel truth bench fuzz corpus clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "meshsim needs Python 3.11 or newer; set PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.package: pyproject.toml $(BIN)/python
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.tests: pyproject.toml $(VENV)/.package
	@$(PIP) install --editable '.[test]'
	@touch $@

demo: $(VENV)/.package  ## trace one request through the embedded demo mesh
	@$(BIN)/meshsim trace --dst 10.0.0.5:80

test: check pytest wheel  ## everything that must be green: linters, types, layers, tests, the built wheel

check: $(VENV)/.tests  ## ruff, mypy and the import layers
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@PYTHONPATH=src $(BIN)/lint-imports --no-cache

pytest: $(VENV)/.tests  ## the tests; live ones run where root, namespaces and Envoy are there
	@$(BIN)/python -m pytest -q -n $(WORKERS)

wheel: $(VENV)/.tests  ## build the wheel and use it with the source out of reach
	@$(BIN)/python tests/wheel_check.py

truth: $(VENV)/.tests  ## ask the real Envoy and the real kernel again, and record what they answer (needs root)
	@$(BIN)/python -m tests.realism.record
	@$(BIN)/python -m tests.realism.record_bookinfo
	@$(BIN)/python -m tests.netfilter.record
	@$(BIN)/python -m tests.truth.record
	@$(BIN)/python -m pytest -q -s tests/truth/test_rows.py

fuzz: $(VENV)/.tests  ## the properties again, on examples nobody has seen yet
	@MESHSIM_FUZZ=1 $(BIN)/python -m pytest -q -m "not real" -k "not recorded" tests

corpus: $(VENV)/.tests  ## what becomes of every field of the published configurations beside the project
	@PYTHONPATH=src $(BIN)/python -m tests.corpus

bench: $(VENV)/.package  ## how fast it is: tables, and ratios against those kept with the source
	@$(BIN)/python -m benchmarks

clean:  ## remove what the targets made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
