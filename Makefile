# Each target sets up what it needs first; a second run starts at once.
# Choose another Python with `make demo PYTHON=python3.12`; pass options with `make demo ARGS="--headless --out DIR"`.

PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
ARGS ?=
BIN := .venv/bin
# How many times longer than in `make test` the fault and fuzz campaigns run.
TORTURE ?= 20

# The tests start hundreds of processes: each would compile all its modules anew where this is set.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup setup-run web demo test check torture bench serve lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install everything for working on the project into .venv and node_modules
	@$(PYTHON) tools/setup.py dev

setup-run:
	@$(PYTHON) tools/setup.py run

web: setup-run ## build the browser app, unless it is up to date (skipped where there is no npm)
	@$(PYTHON) tools/web.py build

demo: setup-run web ## watch a telehealth visit become a proof (ARGS="--headless --out DIR")
	@$(BIN)/telesphor demo $(ARGS)

test: setup ## run all tests (ARGS="-k name")
	@$(PYTHON) tools/web.py build --tests $(if $(CI),--must)
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

check: setup ## lint, format, types, layers, tidiness
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(wildcard src tests tools bench)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/tidy
	@$(PYTHON) tools/web.py check

torture: setup ## the long fault and fuzz campaigns (TORTURE=20 times longer than in `make test`)
	@TELESPHOR_TORTURE=$(TORTURE) $(BIN)/python -m pytest tests/torture -o faulthandler_timeout=0 $(ARGS)

bench: setup ## measure, and print beside it what this machine allows
	@$(BIN)/telesphor bench $(ARGS)

serve: setup-run web ## run a node (ARGS="--help" shows the options)
	@$(BIN)/telesphor serve $(ARGS)

# The lock holds versions and hashes of every artefact, and no address: any registry or mirror that serves the
# same bytes will do. Order matters: dev is resolved under the versions of run.
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

lock: setup ## resolve requirements/*.in and package.json anew
	cd requirements && for name in build run data node dev extras; do \
		no_deps=; if [ $$name = data ]; then no_deps=--no-deps; fi; \
		../$(COMPILE) $$no_deps $$name.in -o $$name.txt || exit 1; \
	done
	cd requirements && ../$(COMPILE) --python-version 3.12 --no-deps judges.in -o judges.txt
	npm install --package-lock-only --ignore-scripts
	cd web && npm install --package-lock-only --ignore-scripts

clean: ## remove what these targets made
	rm -rf .venv node_modules web/node_modules src/telesphor/web build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	rm -rf src/*.egg-info
