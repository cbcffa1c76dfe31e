# Everything that a newcomer, a commit hook and the continuous integration run, in one place.
#
#   make demo    install, invent a Latvian cohort, run a semester, publish it, serve it on http://127.0.0.1:8866
#   make test    install what the tests need, the browser included, and run them all
#   make requirements   each requirement of the domain with the tests that hold it, or why there are none

PYTHON ?= python3
SERVE ?= yes
PUBLIC_DATA ?= ../shared/data
PORT ?= 8866
DEMO_CUT_OFF := 2024-12-20
DEMO_DELIVERY := data/incoming/demo
STORE := data/store
WORKERS ?= 2

BIN := .venv/bin
SYSTEM := PYTHON=$(PYTHON) bash .ci/system

# One thread each for the numeric libraries: parallel fits and tests share the cores better, and results do not
# depend on how many there are.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export RISKMODEL_PUBLIC_DATA ?= $(abspath $(PUBLIC_DATA))

.PHONY: help install check test demo requirements lock bench clean

help:
	@sed -n 's/^#   //p' Makefile

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(SYSTEM) library
	@echo "Installing the locked packages into .venv (two to five minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch .venv/installed
	@echo "Installed: $$($(BIN)/riskmodel --version)"

demo: install
	@test -e $(DEMO_DELIVERY)/.complete || { rm -rf $(DEMO_DELIVERY); $(BIN)/riskmodel synthesise --pupils 4000 --schools 24 --years 5 --vet-share 0.3 --seed 7 --out $(DEMO_DELIVERY); }
	$(BIN)/riskmodel run --delivery $(DEMO_DELIVERY) --cut-off $(DEMO_CUT_OFF) --store $(STORE)
	$(BIN)/riskmodel runs --store $(STORE)
	$(BIN)/riskmodel user demo --store $(STORE)
ifeq ($(SERVE),yes)
	$(BIN)/riskmodel portal --store $(STORE) --port $(PORT)
else
	@echo "To look at it: $(BIN)/riskmodel portal --store $(STORE)"
endif

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/house

test: check
	@$(SYSTEM) browser compiler database
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --durations 15

requirements: install
	@$(BIN)/python .ci/requirements.py

bench: install
	@for name in uci697 oulad bootstrap shapley features ingest worlds; do $(BIN)/riskmodel bench $$name --data $(PUBLIC_DATA) --json; done

lock:
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --upgrade --output-file requirements.lock
	$(BIN)/python .ci/environment.py > environment.yml

clean:
	rm -rf .venv $(STORE) $(STORE).key $(STORE).register.* $(DEMO_DELIVERY)
