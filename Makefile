# `make help` lists the targets. `make demo` and `make test` work first thing on a fresh machine.
# PYTHON=/path/to/python3 chooses the interpreter (3.11 or newer).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv check format test slow docs docs-check demo bench clean

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed
GRAPHICS := libegl1 libegl-mesa0 libgl1-mesa-dri
RENDER := MUJOCO_GL=egl $(BIN)/python -c 'import mujoco; \
	mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 8, 8).render()' >/dev/null 2>&1

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

venv: $(STAMP) ## Install into .venv with pinned versions, and what headless rendering needs

check: $(STAMP) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format, and mend what the linter can mend
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest $(ARGS)

slow: $(STAMP) ## Run the tests that take long
	$(BIN)/python -m pytest -m slow $(ARGS)

docs: $(STAMP) ## Build the documentation into build/docs; broken links and warnings fail
	rm -rf build/docs
	$(BIN)/sphinx-build -b html -W --keep-going -q -d build/doctrees docs build/docs
	@echo 'open build/docs/index.html'

docs-check: docs ## Build the documentation, and check its commands, configs and code
	$(BIN)/python -m pytest tests/docs

demo: $(STAMP) ## The whole road in under ten minutes: train, evaluate, export, run on a simulated rig
	$(BIN)/python -m sleight demo $(ARGS)

bench: $(STAMP) ## Throughput of the environment
	$(BIN)/python -m sleight bench env $(ARGS)

clean: ## Remove what tools leave behind; runs and .venv stay
	rm -rf build docs/reference dist ./*.egg-info .coverage htmlcov MUJOCO_LOG.TXT
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(STAMP): setup.py pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "error: got PYTHON=$(PYTHON), allowed: Python 3.11 or newer"; exit 2; }
	@test -x $(BIN)/pip || "$(PYTHON)" -m venv .venv || $(MAKE) --no-print-directory .venv-package
	@echo 'installing into .venv (a few minutes on a fresh machine)'
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(RENDER) || $(MAKE) --no-print-directory .graphics
	@touch $@

.PHONY: .venv-package .graphics
.venv-package: # Debian and Ubuntu ship Python without the part that makes environments
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq; apt-get install -y -qq --no-install-recommends python3-venv; \
	else echo "error: $(PYTHON) -m venv failed; install the system package python3-venv"; exit 2; fi
	"$(PYTHON)" -m venv .venv

.graphics: # Rendering without a screen: Mesa through EGL
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq; apt-get install -y -qq --no-install-recommends $(GRAPHICS); fi
	@$(RENDER) || echo "warning: no rendering without a screen; install the system packages $(GRAPHICS)"
