# Every command of this repository. `make help` lists them.
# Variables: SEED=123 repeats a test run; JOBS=0 runs one test after the other; T=tests/unit/crypto narrows it; ONCE=1 ends the demonstration by itself.

PY := .venv/bin/python
PRODUCT := $(wildcard app.py errors.py agencies broker cli config crypto custody demo desk evidence exchange \
                     identity matching migrations storage)
# As many files at once as there are cores, four at the most; JOBS=0 runs one after the other.
PYTEST = $(PY) -m pytest -n $(or $(JOBS),auto) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(if $(SEED),--seed $(SEED),) $(ARGS) $(T)

# Python that does not come from brew finds brew's Pango only in this way. It stands in each recipe, because
# macOS removes the variable when a shell of its own starts.
ifeq ($(shell uname -s),Darwin)
LIBS = DYLD_FALLBACK_LIBRARY_PATH=$(shell brew --prefix 2>/dev/null)/lib
endif

.DEFAULT_GOAL := help
.PHONY: help demo test long lint types imports vectors migrate bench check run-broker run-desk format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: ## start three made-up agencies and a broker on this machine (ONCE=1: play the story through and end)
	@./bootstrap run
	@$(LIBS) .venv/bin/amparo demo $(if $(ONCE),--once,)

test: ## all tests at sample count (SEED=, T=, ARGS=)
	@./bootstrap test
	$(LIBS) $(PYTEST)

long: ## all tests at full count
	@./bootstrap test
	$(LIBS) $(PYTEST) --full

lint: ## style, traps and security of the source (rules of bandit among them)
	@./bootstrap dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: ## the type check
	@./bootstrap dev
	$(PY) -m mypy $(PRODUCT)

imports: ## the import directions
	@./bootstrap test
	.venv/bin/lint-imports

vectors: ## check the published test vectors
	@./bootstrap test
	$(PY) -m pytest -k vector $(ARGS)

check: lint types imports test ## everything that must hold before a change is handed in

bench: ## each yardstick beside its peer
	@./bootstrap test
	@set -e; for script in bench/[a-z]*.py; do $(LIBS) $(PY) -m "bench.$$(basename "$$script" .py)"; done

migrate: ## bring the databases named in the environment up to date (ROLE=broker or ROLE=desk)
	@./bootstrap run
	.venv/bin/amparo $(or $(ROLE),broker) migrate

run-broker: ## run a broker with the settings in the environment
	@./bootstrap run
	$(LIBS) .venv/bin/amparo broker run

run-desk: ## run a desk with the settings in the environment
	@./bootstrap run
	$(LIBS) .venv/bin/amparo desk run

format: ## rewrite the source in the one format
	@./bootstrap dev
	$(PY) -m ruff check -q --fix .
	$(PY) -m ruff format .

lock: ## write requirements/*.txt anew from pyproject.toml
	@./bootstrap dev
	requirements/lock
