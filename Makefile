# Two commands set everything up on a fresh machine: `make demo` and `make test`.
# Both use the virtual environment .venv and install again only when something that matters changed.

VENV := .venv
BIN := $(VENV)/bin
# The first that is new enough and really runs: a version manager's shim may be there without its Python.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
  "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
FRONTEND := src/wf_jupyter/frontend
SOURCES := $(wildcard $(addprefix $(FRONTEND)/,package.json package-lock.json build.mjs declarations.mjs tsconfig.json hatch_build.py)) \
           $(shell find $(FRONTEND)/src -type f 2>/dev/null)
# Versions of everything that are known to work together; empty for the newest of all.
CONSTRAINTS ?= .ci/constraints.txt
CONFIG := pyproject.toml $(CONSTRAINTS) $(wildcard jupyter-config/*/*) tests/hub/package-lock.json
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What the tests need; every other extra but `docs` is among it.
EXTRAS := test,examples,lab,dask,notebooks
export VENV

.PHONY: help demo dev fast test slow check covered test-newest test-lowest test-pythons constraints schema clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   open JupyterLab on the quickstart notebook"
	@echo "make dev    a page with the view that is built and loaded anew whenever a source is saved"
	@echo "make fast   the unit tests, in under a minute"
	@echo "make test   run all checks and tests"
	@echo "make slow   what takes longer: hundreds of kills, thousands of cuts, soaks"
	@echo "make check  the checks without the tests: ruff, mypy, import contracts, TypeScript"
	@echo "make covered   how much of core and shell the quick tests run, and whether that is enough"
	@echo "make test-newest, make test-lowest   with the newest versions of everything, with the lowest that are declared"
	@echo "make test-pythons   with each Python from 3.11 on that is here"
	@echo "make constraints    take the newest versions as those that 'make test' installs"
	@echo "make schema write what other languages know of the wire: schema.json and the TypeScript types"
	@echo "make clean  remove what these made"

demo: $(VENV)/.demo
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/demo.py $(ARGS)

dev: $(VENV)/.test
	@$(BIN)/python .ci/npm.py run dev

# A few examples for each property, and nothing that starts servers or browsers.
fast: $(VENV)/.test
	@WF_JUPYTER_TEST_EXAMPLES=few $(BIN)/python -m pytest -q -n 2 tests/unit

slow: $(VENV)/.test
	@WF_JUPYTER_TEST_EXAMPLES=many $(BIN)/python -m pytest -q tests/property --timeout=3600; tried=$$?; \
	  $(BIN)/python -m pytest -m long -s && exit $$tried

test: $(VENV)/.test
	@.ci/check; checked=$$?; .ci/test && exit $$checked

check: $(VENV)/.test
	@.ci/check

covered: $(VENV)/.test
	@.ci/covered

test-newest:
	@$(MAKE) test VENV=.venv-newest CONSTRAINTS=

# The tests only: the newest mypy and ruff read the same code elsewhere.
test-lowest:
	@mkdir -p build && $(PYTHON) .ci/lowest.py > build/lowest.txt.new
	@cmp -s build/lowest.txt.new build/lowest.txt || mv build/lowest.txt.new build/lowest.txt
	@$(MAKE) .venv-lowest/.test VENV=.venv-lowest CONSTRAINTS=build/lowest.txt
	@VENV=.venv-lowest .ci/test

test-pythons:
	@for version in 3.11 3.12 3.13 3.14; do \
	  if python$$version -c '' 2>/dev/null; then $(MAKE) test VENV=.venv-$$version PYTHON=python$$version || exit 1; \
	  else echo "There is no Python $$version here."; fi; \
	done

# With the oldest Python, whose newest versions every other one has too.
constraints:
	@rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	@build/constraints/bin/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@{ echo "# Versions that are known to work together. Written by: make constraints"; \
	  build/constraints/bin/python -m pip freeze --exclude-editable | LC_ALL=C sort -f; } > .ci/constraints.txt
	@rm -rf build/constraints

schema: $(VENV)/.test
	@$(BIN)/python -m wf_jupyter.protocol.schema
	@$(BIN)/python .ci/npm.py run types

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.demo: $(BIN)/python $(CONFIG) $(SOURCES)
	@echo "Installing into $(VENV): a minute or two, the first time"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on $(CONSTRAINTS:%=-c %) -e '.[examples,lab]'
	@touch $@

$(VENV)/.test: $(BIN)/python $(CONFIG) $(SOURCES)
	@echo "Installing into $(VENV): a minute or two, the first time"
	@$(PIP) $(CONSTRAINTS:%=-c %) -e '.[$(EXTRAS)]'
	@.ci/browser
	@.ci/proxies
	@touch $@ $(VENV)/.demo

clean:
	rm -rf .venv .venv-* $(FRONTEND)/node_modules tests/hub/node_modules build dist
	find src/wf_jupyter/static -type f ! -name .gitkeep -delete
