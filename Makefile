# Needs make and Python 3.11 or newer; everything else is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml hatch_build.py $(wildcard src/eigentail/numerics/kernels/*.[ch])

export PIP_DISABLE_PIP_VERSION_CHECK := 1
MAKEFLAGS += --no-print-directory

.PHONY: demo test check bench docs clean

demo: .venv/.core
	@$(BIN)/eigentail demo -o eigentail-demo.html
	@echo "$(CURDIR)/eigentail-demo.html"

# One BLAS thread for each test process: two processes with two threads each would fight over the cores.
test: export OPENBLAS_NUM_THREADS := 1
test: check
	@$(BIN)/pytest -q -n auto --ignore=tests/house

check: .venv/.dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >.venv/imports.log || { cat .venv/imports.log; exit 1; }
	@$(BIN)/pytest -q tests/house

BENCHMARKS := versus_weightwatcher one_matrix convolutions small_matrices fits sparse_file again workers precision memory decisions eigenvalues side_by_side report gpu

bench: .venv/.dev
	@for name in $(BENCHMARKS); do echo "benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit 1; done
	@echo "benchmarks/cost.py"; $(BIN)/python benchmarks/cost.py --only "10M" "25M conv" "50M bf16" "125M" "500M bf16"

docs: .venv/.docs
	@$(BIN)/python scripts/docs_site.py

clean:
	@rm -rf .venv build dist site .cache eigentail-demo.html .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# pip 25.1 is the first that knows dependency groups; a new Python still brings an older one.
.venv/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "eigentail needs Python 3.11 or newer: make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	@touch $@

.venv/.core: .venv/.pip $(SOURCES)
	@$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/.dev: .venv/.pip $(SOURCES)
	@$(BIN)/pip install --quiet --group check --group test --group oracles --editable .
	@touch $@ .venv/.core

.venv/.docs: .venv/.dev
	@$(BIN)/pip install --quiet --group docs
	@touch $@
