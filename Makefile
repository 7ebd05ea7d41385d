# Two commands do all their set-up in a fresh clone, in a virtual environment inside it:
#   make demo    the main job on an embedded default: no Docker, no account, no key
#   make test    the linter, the type checker and the tests

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/pip --disable-pip-version-check install --quiet --constraint requirements/constraints.txt
PYTEST_FLAGS ?= --numprocesses auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit test-rules docs generate test-all test-sdk test-versions test-neighbours test-hostile \
        components stack test-stack test-compose drill test-loss test-page test-mutants bench bench-instructions bench-dashboards load growth clean

help:  ## these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/cli.stamp: pyproject.toml requirements/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[cli]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/cli.stamp requirements/dev.txt
	$(PIP) --requirement requirements/dev.txt
	@touch $@

# Where the stack is up, the demo runs for longer and is seen in its dashboards too.
STACK_IS_UP = $(BIN)/claude-otel stack status >/dev/null 2>&1

demo: $(VENV)/cli.stamp  ## a fake Claude API, an application with three surfaces, and what claude-otel says of it
	$(BIN)/claude-otel demo $$($(STACK_IS_UP) && echo --seconds 90 --forward http://127.0.0.1:4318)

test: lint types unit  ## everything below that is not longer than a few minutes

lint: $(VENV)/dev.stamp  ## ruff, on code and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev.stamp  ## mypy, strict
	$(BIN)/mypy

unit: $(VENV)/dev.stamp  ## the tests
	$(BIN)/pytest $(PYTEST_FLAGS) -m "not components"

test-rules: $(VENV)/dev.stamp components  ## rules, routes and messages, asked of promtool, amtool and Alertmanager
	$(BIN)/pytest $(PYTEST_FLAGS) -m components

generate: $(VENV)/cli.stamp  ## write alerts/ and stack/ anew from the default claude-otel.yaml
	$(BIN)/claude-otel generate --config /dev/null

docs: $(VENV)/dev.stamp  ## write the generated parts of docs/ anew
	$(BIN)/python tools/write_docs.py
	$(BIN)/python tools/write_cli_docs.py
	$(BIN)/python tools/write_dashboard_docs.py

test-sdk: $(VENV)/dev.stamp  ## the SDK's own tests with and without us; RECORD=1 writes the outcomes without us
	$(BIN)/python tests/sdk_suite/run.py $(if $(RECORD),--record)

test-versions: $(VENV)/dev.stamp  ## the same calls on all versions; EXTREMES=1 only on the oldest and the newest
	$(BIN)/python tests/versions/run.py $(if $(EXTREMES),--extremes)

test-neighbours: $(VENV)/dev.stamp  ## every way into the SDK beside each other instrumentor; ONLY=logfire for one
	$(BIN)/python tests/neighbours/run.py $(ONLY)

test-hostile: export PYTHONPATH = tests
test-hostile: $(VENV)/dev.stamp  ## 50,000 answers that no API should give, and planted bugs; SEED=2 for others, CASE=7 for one
	$(BIN)/python -m hostile $(if $(SEED),--seed $(SEED)) $(if $(CASE),--case $(CASE))
	$(if $(CASE),,$(BIN)/python -m hostile.planted)

components: $(VENV)/cli.stamp  ## build Collector, Prometheus, promtool, Alertmanager and amtool with Go; no root, no packages
	$(BIN)/claude-otel stack components

stack: $(VENV)/cli.stamp $(if $(NATIVE),components)  ## the stack up, in Docker; NATIVE=1 for processes of this machine
	$(BIN)/claude-otel stack up $(if $(NATIVE),--native)

test-stack: $(VENV)/dev.stamp components  ## the native stack with its real programs: up, used, down
	$(BIN)/pytest tests/stack/real_stack.py tests/stack/real_optional.py

test-compose: $(VENV)/dev.stamp components  ## the Compose file on a Docker engine of its own; START_DOCKERD=1 says it may start
	$(BIN)/pytest tests/stack/real_compose.py

drill: $(VENV)/cli.stamp components  ## every alert caused, seen to fire, arrive and resolve; and half an hour's outage
	$(BIN)/claude-otel drill
	$(BIN)/claude-otel drill --outage 30m

test-page: $(VENV)/dev.stamp  ## the page of a run in headless Chromium: light and dark, wide and narrow
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  { echo 'This needs Chromium on PATH. On Debian or Ubuntu: sudo apt-get install chromium' >&2; exit 1; }
	$(BIN)/pytest tests/real_page.py

test-loss: $(VENV)/dev.stamp components  ## programs, Collector and Prometheus killed: what Prometheus has equals the API's journal
	$(BIN)/pytest tests/stack/real_loss.py

test-mutants: $(VENV)/dev.stamp components  ## each number of each alert changed, and a test of the rules seen to fail
	$(BIN)/python tests/rule_mutants.py

test-all: test test-rules test-sdk test-versions test-neighbours test-hostile test-page test-stack test-compose drill test-loss  ## every test there is

bench: $(VENV)/dev.stamp  ## what recording a call costs, beside the SDK's own tracing
	$(BIN)/python benchmarks/cost_of_a_call.py $(if $(WRITE),--write)

bench-instructions: $(VENV)/dev.stamp  ## the same in instructions, counted by valgrind: the same in every run
	$(BIN)/python benchmarks/instructions.py

bench-dashboards: export PYTHONPATH = tests:tests/dashboards:tests/stack
bench-dashboards: $(VENV)/dev.stamp components  ## the queries of each dashboard on a month of history; writes docs/dashboards-cost.md
	$(BIN)/python benchmarks/bench_dashboards.py

load: export PYTHONPATH = tests:tests/stack
load: $(VENV)/dev.stamp components  ## calls a second through Collector and Prometheus, and what they cost; writes docs/load.md
	$(BIN)/python benchmarks/load_of_the_stack.py

growth: $(VENV)/dev.stamp  ## a million calls with ever new names, and what they leave in memory; CALLS=50000 for fewer
	$(BIN)/python benchmarks/growth.py --calls $(or $(CALLS),1000000) $(if $(WRITE),--write)

clean:  ## remove the virtual environment and every cache
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
