# The two commands a person needs: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROCESSES ?= $(shell echo $$((3 * $$(nproc))))
SOURCES := qtui workers tests benchmarks screenshots

.DEFAULT_GOAL := help
.PHONY: help help-texts demo test test-servers rq-suite soak coverage bench lint format screenshots snapshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## an embedded server, a worker, jobs of every kind, the dashboard
	@$(BIN)/qtui demo

# Three processes a core, as most tests wait: with two a core half of the time passed idle.
# And none of the many processes that they start should compile all sources anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/installed-test ## the whole suite, on a real server that it starts by itself
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadgroup

test-servers: $(VENV)/installed-test ## what talks to Redis, on every server that can be installed
	$(BIN)/python -m tests.servers --numprocesses $(PROCESSES)

soak: $(VENV)/installed-test ## workers and server killed at random while 5,000 jobs run; random keys on every screen: 10 minutes
	CHAOS_JOBS=5000 $(BIN)/pytest tests/chaos
	FUZZ_SECONDS=300 $(BIN)/pytest tests/screens/test_stuck_story.py -k random

# A bound in microseconds says nothing where every line is counted.
coverage: $(VENV)/installed-test ## the suite with its coverage, also of the processes it starts
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadgroup --cov --cov-report=term:skip-covered --cov-report=html \
		--deselect tests/workers/test_recording.py::test_recording_a_job_that_says_nothing_takes_well_under_100_microseconds

bench: $(VENV)/installed-test ## a short form of the benchmarks in one table, on a quiet machine: 3 minutes
	$(BIN)/python -m benchmarks

rq-suite: $(VENV)/installed-test ## RQ's own test suite, fetched, with our worker in the place of RQ's: 5 minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check psutil
	$(BIN)/python -m tests.rq_suite

lint: $(VENV)/installed-test ## ruff, mypy (strict), and luacheck where it is installed
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m tests.lua

format: $(VENV)/installed-test ## write the code as ruff would
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

help-texts: $(VENV)/installed ## write the kept help of the commands anew
	$(BIN)/python -m qtui.commands

screenshots: $(VENV)/installed-test ## make the pictures of the README anew
	$(BIN)/python -m screenshots.make

snapshots: $(VENV)/installed-test ## accept what the screens look like now
	$(BIN)/pytest tests/pictures --snapshot-update

clean: ## remove the virtual environment and all that was built
	rm -rf $(VENV) build dist htmlcov .coverage* *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/installed
