# Two commands do everything: `make demo` runs the main job, `make check` passes the tests.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pipeline agents tests bench
STARTED := $(shell date +%s)
say = @printf '\033[1m%s\033[0m\n' "── $(1)"
took = @printf '\033[2m%s\033[0m\n' "   $(1), $$(( $$(date +%s) - $(STARTED) )) s since the start"

.PHONY: help install demo check lint format test service kafka bench chaos schemas clean
.DEFAULT_GOAL := help

help: ## What there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

install: .venv/installed ## Install everything into ./.venv (about 1 minute)

.venv/installed: pyproject.toml constraints.txt
	$(call say,Installing into ./.venv (about 1 minute))
	@$(PYTHON) -c 'import sys; sys.exit("Heartline needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
	$(call took,installed)

demo: install ## Start the embedded servers and all agents, replay a story, show it live (Ctrl-C ends it)
	$(call say,Starting Heartline with its sample story)
	@$(BIN)/heartline up --demo

check: install lint test ## Every check and test that needs no Docker (about 8 minutes)
	@$(MAKE) --no-print-directory -j4 $(HALVES)
	$(call took,all checks and tests passed)

lint: install ## Format, lint, types, import contracts (about 20 seconds)
	$(call say,Format lint types and import contracts)
	@$(BIN)/ruff format --check --quiet $(SOURCES)
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	$(call took,clean)

format: install ## Put the sources into form
	@$(BIN)/ruff format --quiet $(SOURCES)
	@$(BIN)/ruff check --quiet --fix $(SOURCES)

test: install ## The fast tests: nothing but Python
	$(call say,Fast tests: nothing but Python)
	@$(BIN)/pytest -q -m 'not service and not kafka and not chaos'
	$(call took,done)

service: install ## The service tests: on the embedded servers
	$(call say,Service tests: on Tansu and Valkey)
	@$(BIN)/pytest -q -m 'service and not chaos'
	$(call took,done)

kafka: install ## The Kafka tests: on Apache Kafka itself, where Java 17 and Maven are there
	$(call say,Kafka tests: on Apache Kafka (needs Java 17 or newer and Maven; skipped with the reason otherwise))
	@$(BIN)/pytest -q -m 'kafka and not chaos'
	$(call took,done)

# The service and the Kafka tests in two halves each, for `check` to run side by side: they wait for sessions to end most
# of the time. Each half starts servers of its own.
HALVES := service-workers service-others kafka-workers kafka-others
WORKERS := tests/faults/test_engine.py tests/faults/test_processes.py

%-workers: install
	$(call say,The $* tests of whole workers)
	@$(BIN)/pytest -q -m '$* and not chaos' $(WORKERS)

%-others: install
	$(call say,The other $* tests)
	@$(BIN)/pytest -q -m '$* and not chaos' $(addprefix --ignore=,$(WORKERS))

bench: install ## Measure, against peers, in one run (about 20 minutes on a quiet machine)
	$(call say,Benchmarks on Apache Kafka)
	@$(BIN)/python -m bench all

chaos: install ## The long fault tests; SEED=1 repeats a run
	$(call say,Long fault tests)
	@$(BIN)/pytest -q -m chaos

schemas: install ## Write the JSON Schemas and the AsyncAPI document anew
	@$(BIN)/python -m pipeline.schemas

clean: ## Remove what was installed and cached
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
