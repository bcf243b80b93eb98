# Every chore is one command, and CI runs these same commands.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help install demo test test-slow check format organisms schema clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# torch goes first: left to another package's range, pip takes a build with gigabytes of CUDA.
$(VENV)/.base: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) torch
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@$(PIP) -e '.[test,check]'
	@touch $@

install: $(VENV)/.base ## the package, into .venv

demo: $(VENV)/.base ## audit an honest model and a liar, and print both verdicts
	@$(BIN)/audit demo

test: $(VENV)/.dev ## all tests
	@$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(VENV)/.dev ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow

check: $(VENV)/.dev ## style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the code as `make check` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

organisms: $(VENV)/.base ## train the embedded models again
	@$(BIN)/audit organism train --all

schema: $(VENV)/.base ## write suites/schema.json anew
	@$(BIN)/python -m suites.schema_json

clean: ## remove what the targets made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
