# make demo: from a fresh clone to the dashboard. make test: everything, browser included.
# make torture: a hundred schedules of faults, of which make test runs ten.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin
LIVE := frontend/live
STAMPS := .venv/stamps
LIVE_SOURCES := $(shell find $(LIVE)/src -type f 2>/dev/null) $(LIVE)/package.json $(LIVE)/vite.config.ts $(LIVE)/tsconfig.json
# Node from the system where it is new enough, else the one that PyPI brought.
NODE_PATH_PREFIX = $$($(BIN)/python scripts/node_path.py)

.PHONY: setup demo test test-python test-live torture lint bench clean lock screenshots types docs
.DELETE_ON_ERROR:

setup: $(STAMPS)/python $(STAMPS)/live
	@echo "ready: .venv/bin/lrd serve"

$(STAMPS)/venv:
	@echo "1/3 creating .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "LRD Lab needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: requirements.lock pyproject.toml $(STAMPS)/venv
	@echo "2/3 installing Python packages (torch is the large one; a minute or two)"
	@$(BIN)/pip install --disable-pip-version-check --progress-bar off -r requirements.lock | awk \
		'/^(Collecting|Requirement)/ { printf "\r    %3d of %d  %-40.40s", ++n, total, $$2; fflush() } \
		/^Installing/ { printf "\r    unpacking %-45s", ""; fflush() } \
		END { print "" }' total=$$(grep -c == requirements.lock)
	@$(BIN)/pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

$(LIVE)/node_modules/.package-lock.json: $(LIVE)/package-lock.json $(STAMPS)/python
	@echo "3/3 building the live component"
	@PATH="$(NODE_PATH_PREFIX):$$PATH" npm --prefix $(LIVE) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/live: $(LIVE)/node_modules/.package-lock.json $(LIVE_SOURCES)
	@PATH="$(NODE_PATH_PREFIX):$$PATH" npm --prefix $(LIVE) run build --silent
	@touch $@

demo: setup
	@$(BIN)/lrd serve --port $(PORT)

# Types are checked by one process, which leaves room for the tests of the dashboard's arithmetic.
test: setup
	@$(MAKE) --no-print-directory -j 2 lint test-live
	@$(MAKE) --no-print-directory test-python

test-live: $(STAMPS)/live
	@PATH="$(NODE_PATH_PREFIX):$$PATH" npm --prefix $(LIVE) test --silent

# One thread for torch each: two test processes that both spin two threads stand in each other's way.
# A file's tests stay in one process: what they share is started once.
test-python: setup
	@$(BIN)/python scripts/browser.py
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# One schedule alone: make torture SCHEDULES=17
SCHEDULES ?= 0-99
torture: setup
	@LRD_SCHEDULES=$(SCHEDULES) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/torture

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@PATH="$(NODE_PATH_PREFIX):$$PATH" npm --prefix $(LIVE) run check --silent

bench: setup
	@$(BIN)/lrd bench --json

types: $(STAMPS)/python
	@$(BIN)/python -m backend.typescript

docs: $(STAMPS)/python
	@$(BIN)/python -m lrd_core.optim.describe_docs

screenshots: setup
	@$(BIN)/python scripts/browser.py
	@$(BIN)/python scripts/screenshots.py

# Write requirements.lock anew from pyproject.toml.
lock: $(STAMPS)/venv
	@$(BIN)/python scripts/lock.py

clean:
	rm -rf .venv $(LIVE)/node_modules $(LIVE)/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build
