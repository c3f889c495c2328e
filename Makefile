## make verify      check every claim on this machine; prints the ledger, writes report.html
## make test        run the tests                         (make test-slow: only the slow ones)
## make lint        ruff, and the types of the three packages
## make notebooks   execute every notebook, top to bottom, two at a time
## make claims      the main job at five seeds; writes docs/claims.md
## make bench       the speed table, side by side with the alternatives
## make setup       only make the environment, .venv, which every target above does by itself
## make lock        renew the pinned versions in constraints.txt
##
## PYTHON=python3.13 picks the Python of a new .venv (remove the old one first);
## ARGS="--claim C2" is passed on to verify, bench and the tests.

PYTHON ?= python3
EXTRAS := dev,notebooks
STAMP := .venv/.installed
WORKERS := -n auto --maxprocesses 8 --dist loadfile

.PHONY: help setup verify claims test test-slow lint notebooks bench lock
help:
	@sed -n 's/^## \{0,1\}//p' Makefile

setup: $(STAMP)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "infoloop needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@rm -rf .venv
	@if command -v uv >/dev/null; then uv venv --quiet --python "$$(command -v $(PYTHON))" .venv; \
	else $(PYTHON) -m venv --without-pip .venv; fi

# Without uv, pip comes from ensurepip, or, where Debian has taken that out, from the pip of the system.
$(STAMP): pyproject.toml constraints.txt | .venv/bin/python
	@if command -v uv >/dev/null; then \
	  uv pip install --python .venv/bin/python -c constraints.txt -e '.[$(EXTRAS)]'; \
	else \
	  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --default-pip >/dev/null 2>&1 || \
	  $(PYTHON) -m pip --python .venv/bin/python install --quiet pip || { \
	    echo "No pip for .venv: install uv, or Debian's python3-venv, or pip." >&2; exit 1; }; \
	  echo "Installing into .venv, a minute or two ..."; \
	  .venv/bin/python -m pip install --quiet -c constraints.txt -e '.[$(EXTRAS)]'; \
	fi
	@touch $@

verify bench: $(STAMP)
	.venv/bin/infoloop $@ $(ARGS)

claims: $(STAMP)
	.venv/bin/infoloop verify --seeds 5 --out runs/claims $(ARGS)
	cp runs/claims/claims.md docs/claims.md

test: $(STAMP)
	.venv/bin/pytest -m 'not slow' $(WORKERS) $(ARGS)

test-slow: $(STAMP)
	.venv/bin/pytest -m slow $(WORKERS) $(ARGS)

lint: $(STAMP)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/basedpyright --pythonpath .venv/bin/python

notebooks: $(STAMP)
	@ls notebooks/*.ipynb | xargs -P 2 -I NOTEBOOK sh -c 'echo NOTEBOOK; \
	  .venv/bin/jupyter-nbconvert --log-level=WARN --to notebook --execute --stdout NOTEBOOK >/dev/null'

# Not after $(STAMP): pins that no longer fit pyproject.toml must not stand in the way of new ones.
lock:
	@uv=$$(command -v uv || command -v .venv/bin/uv) || { $(MAKE) setup && uv=.venv/bin/uv; } && \
	{ echo "# Every extra on every Python from 3.11 on; made by make lock (uv pip compile --universal --all-extras)." && \
	  "$$uv" pip compile --universal --all-extras --python-version 3.11 --no-header --no-annotate pyproject.toml; \
	} >constraints.txt.new && mv constraints.txt.new constraints.txt
