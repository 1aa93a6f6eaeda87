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
CONFIG := pyproject.toml $(wildcard jupyter-config/*/*)

.PHONY: help demo test check clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   open JupyterLab on the quickstart notebook"
	@echo "make test   run all checks and tests"
	@echo "make check  the checks without the tests: ruff, mypy, import contracts, TypeScript"
	@echo "make clean  remove what these made"

demo: $(VENV)/.demo
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/demo.py $(ARGS)

test: $(VENV)/.test
	@.ci/check; checked=$$?; .ci/test && exit $$checked

check: $(VENV)/.test
	@.ci/check

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.demo: $(BIN)/python $(CONFIG) $(SOURCES)
	@echo "Installing into $(VENV): a minute or two, the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[examples,lab]'
	@touch $@

$(VENV)/.test: $(BIN)/python $(CONFIG) $(SOURCES)
	@echo "Installing into $(VENV): a minute or two, the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,examples,lab,dask]'
	@.ci/browser
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) $(FRONTEND)/node_modules build dist
	find src/wf_jupyter/static -type f ! -name .gitkeep -delete
