# Set-up and daily commands. The environment is made on first use, from requirements.lock, in .venv.
CORES ?= all
VENV := $(CURDIR)/.venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(VENV)/bin:$(PATH)
export PYTHONNOUSERSITE := 1

.PHONY: talk test docs lint format generated lock bench

## The default study: every figure and the page results/talk/index.html.
talk: $(VENV)/.complete
	snakemake --cores $(CORES) --quiet rules host

## All tests, the smoke study end to end among them.
test: $(VENV)/.complete
	pytest

## The documentation, in build/site.
docs: $(VENV)/.complete
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

## What the tests check of style, types and the direction of imports.
lint: $(VENV)/.complete
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	codespell .
	lint-imports
	mypy

format: $(VENV)/.complete
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

## Files that follow from the families' declarations: dvc.yaml and the schema that editors read.
generated: $(VENV)/.complete
	python -m auscult.study.generated

## Speed beside peers, in one table; run nothing else meanwhile.
bench: $(VENV)/.complete
	python benchmarks/run.py

## Write requirements.lock anew from pyproject.toml: pinned, hashed, for Linux and macOS.
lock: $(VENV)/.complete
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" --quiet -o requirements.lock

$(VENV)/.complete: requirements.lock pyproject.toml
	@command -v uv >/dev/null || { $(PYTHON) -m venv $(VENV) && $(VENV)/bin/python -m pip install --quiet uv==0.13.9; }
	@test -x $(VENV)/bin/python || uv venv --quiet --python 3.11 $(VENV)
	UV_HTTP_TIMEOUT=300 uv pip install --quiet --compile-bytecode --require-hashes --python $(VENV)/bin/python -r requirements.lock
	uv pip install --quiet --no-deps --no-build-isolation --python $(VENV)/bin/python -e .
	@touch $@
