# Everything that a newcomer, a hook and the continuous integration run, in one place.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE ?= yes
PUBLIC_DATA ?= ../shared/data

.PHONY: install check test demo bench lock help

help:
	@echo "make demo   install, make an invented Latvian cohort, run a semester, publish it and serve it (SERVE=no: stop before serving)"
	@echo "make test   install what the tests need, the browser included, and run them all"
	@echo "make check  lint, types, import contracts, notebook hygiene, fresh documents"

lock:
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
