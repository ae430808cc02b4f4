# Every developer command. Nothing to install first but Python 3.11 or newer and make.
BIN := .venv/bin
WORKERS ?= 2
# Each worker begins with whole modules, so that both do not start the server of each.
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist worksteal
FAST := not postgres and not slow and not browser and not detail
STATIC := check-console check-format check-lint check-imports
MAKEFLAGS += --no-print-directory
# Keeps the output of jobs that run side by side apart, where this make can.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Where it is set, every test process compiles every module anew: twice the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve console dist lint-deploy test check check-static faults mutants screenshots bench docs lock fmt openapi readme clean
.PHONY: check-format check-lint check-types check-imports check-tests check-console

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

serve: $(BIN)/.run-ready ## start the server on http://127.0.0.1:8080 (settings: RUNPLANE_*)
	@tools/console.sh offer
	@$(BIN)/runplane serve

console: ## build the web console that the server shows at / (needs Node.js 20.19 or newer)
	@tools/console.sh build

dist: $(BIN)/.dev-ready ## build the wheel and the source package, with the console, into dist/
	@tools/dist.sh

lint-deploy: $(BIN)/.dev-ready ## check the Dockerfile, the compose file, the chart and the units with what is installed
	@$(BIN)/python tools/lint_deploy.py

test: $(BIN)/.dev-ready ## run all tests (those that need PostgreSQL, Node.js or Chromium where these are installed)
	@tools/console.sh offer
	@$(PYTEST)
	@tools/console.sh test

check: $(BIN)/.dev-ready ## format, lint, types, imports, architecture and fast tests; under 90 seconds
	@$(MAKE) -k -j $(WORKERS) $(SYNC) check-types check-tests $(STATIC)

check-static: $(BIN)/.dev-ready ## what check does besides the tests; the build machine runs it after `make test`
	@$(MAKE) -k -j $(WORKERS) $(SYNC) check-types $(STATIC)

check-format:
	@$(BIN)/ruff format --check

check-lint:
	@$(BIN)/ruff check

check-types:
	@$(BIN)/pyright --project pyproject.toml

check-imports:
	@$(BIN)/lint-imports --no-logo

check-tests:
	@$(PYTEST) -m "$(FAST)"

check-console:
	@tools/console.sh check

faults: $(BIN)/.dev-ready ## break things on purpose, as often as the figures need, and print them
	@RUNPLANE_FULL=1 $(BIN)/pytest -n 0 -p no:randomly --timeout 3600 tests/faults

mutants: $(BIN)/.dev-ready ## break authz/ and identity/ line by line: do tests notice? (COUNT=300 SEED=1)
	@$(BIN)/python -m tools.mutation --count $(or $(COUNT),300) --seed $(or $(SEED),1) --jobs $(WORKERS)

screenshots: $(BIN)/.dev-ready ## photograph every page of the console into build/screenshots (needs Chromium)
	@tools/console.sh offer
	@cd tests && PYTHONPATH=.:../src ../$(BIN)/python -m browser.screenshots ../build/screenshots

bench: $(BIN)/.dev-ready ## measure requests per CPU-second against the peers (needs wrk and two cores)
	@$(BIN)/python -m bench --check
	@if [ -n "$$BENCH_GROWTH" ]; then $(BIN)/python -m bench.growth; fi

docs: $(BIN)/.dev-ready ## build the documentation site into site/
	@$(BIN)/python tools/docs_pages.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: $(BIN)/.dev-ready ## pin dependencies again after editing pyproject.toml (ARGS=--upgrade for newer ones)
	@tools/lock.sh $(ARGS)

fmt: $(BIN)/.dev-ready ## format the code and apply the linter's safe fixes
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

openapi: $(BIN)/.dev-ready ## write the server's OpenAPI document to openapi.json
	@$(BIN)/python tools/openapi_document.py > openapi.json

readme: $(BIN)/.dev-ready ## write the table of operations into README.md
	@$(BIN)/python tools/contract_facts.py readme

clean: ## remove what make made (the server's data stays)
	rm -rf console/node_modules console/src/api/schema.d.ts src/runplane/server/console build
	rm -rf .venv site docs/reference dist openapi.json .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/.run-ready: requirements/run.lock pyproject.toml tools/setup.sh
	@tools/setup.sh run

.venv/bin/.dev-ready: requirements/dev.lock pyproject.toml tools/setup.sh
	@tools/setup.sh dev
