# Every target does its own set-up: a fresh machine needs Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# the tests run in several processes: one thread of BLAS in each is faster than two that wait for each other
TEST = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

.PHONY: demo test check bench conformance coverage clean

demo: $(VENV)/.installed-demo  ## the main job on 336,776 real flights
	$(BIN)/wml demo

test: $(VENV)/.installed-dev  ## all tests, conformance included
	$(TEST)

check: $(VENV)/.installed-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

conformance: $(VENV)/.installed-dev  ## the table of pipelines: registered, refused, wrong
	$(BIN)/python -m tests.conformance.run

bench: $(VENV)/.installed-bench  ## every route, the rewrites, the scale: writes docs/benchmarks.*
	$(BIN)/python -m benchmarks

coverage: $(VENV)/.installed-dev  ## share of the lines of warehouse_ml and udfs that the tests run
	$(TEST) --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "warehouse_ml needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed-%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@
