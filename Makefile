# Every chore is one command, and CI runs these same commands.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help install demo demo-training browser test test-slow screenshots check format organisms schema judge-sae bench bench-smoke truth truth-smoke clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

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

demo-training: $(VENV)/.base ## train a model on data that go bad, and stop it, in two minutes
	@$(BIN)/audit demo --training

browser: ## Debian's chromium, for the tests of the page; nothing where it is there
	@command -v chromium >/dev/null || { \
	  sudo="$$([ "$$(id -u)" = 0 ] || echo sudo)"; \
	  echo "installing chromium ..."; \
	  $$sudo apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	} || echo "no chromium: the tests of the page in a browser are skipped"

test: $(VENV)/.dev browser ## all tests
	@$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(VENV)/.dev ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow

screenshots: $(VENV)/.dev browser ## the organisms' reports as pictures, in docs/screenshots
	@PYTHONPATH=. $(BIN)/python docs/screenshots.py

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

# The reference implementations want versions that ours does not, so they live apart. Point JUDGE
# at an environment that has them, or let this make one (a gigabyte or two). CI does not run it.
JUDGE ?= .venv-judge
JUDGED := .venv-judge/goldens

.venv-judge/bin/python: tests/judge/requirements.txt
	@$(PYTHON) -m venv .venv-judge
	@echo "installing the reference implementations into .venv-judge ..."
	@$@ -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$@ -m pip install --quiet --disable-pip-version-check -r $<

judge-sae: $(VENV)/.dev $(JUDGE)/bin/python ## SAE loaders and export against sae-lens and others
	@rm -rf $(JUDGED) && mkdir -p $(JUDGED)
	@HF_HUB_OFFLINE=1 $(JUDGE)/bin/python tests/judge/make_goldens.py $(JUDGED)/made
	@PYTHONPATH=. $(BIN)/python tests/judge/compare.py $(JUDGED)/made $(JUDGED)/exported tests/probes/sae/golden
	@HF_HUB_OFFLINE=1 $(JUDGE)/bin/python tests/judge/read_exports.py $(JUDGED)/exported

$(VENV)/.bench: $(VENV)/.base
	@$(PIP) -e '.[bench]'
	@touch $@

# sae-lens is timed where JUDGE has it; without it that row says so.
BENCH = PYTHONPATH=. HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 SAELENS=$(JUDGE)/bin/python $(BIN)/python -m benchmarks.speed

bench: $(VENV)/.bench ## what it costs beside the bare forward pass and its peers, in an hour
	@$(BENCH)

bench-smoke: $(VENV)/.bench ## the same on less work, under two minutes
	@$(BENCH) --smoke

truth-smoke: $(VENV)/.dev ## the ground-truth bench on four models, in five minutes
	@rm -rf build/truth-smoke
	@OMP_NUM_THREADS=1 $(BIN)/audit bench run --preset smoke --jobs 2 -o build/truth-smoke
	@PYTHONPATH=. $(BIN)/python -m benchmarks.truth_smoke build/truth-smoke

SEED ?= 0
truth: $(VENV)/.dev ## how often the audit is right, on some 70 models from SEED on, in an hour and more
	@OMP_NUM_THREADS=1 $(BIN)/audit bench run --preset standard --seed $(SEED) --jobs 2 -o build/truth-$(SEED)

clean: ## remove what the targets made
	rm -rf $(VENV) .venv-judge build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
