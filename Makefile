# Set-up and everyday commands. The first command creates the environment in .venv from requirements.lock.
CORES ?= all
VENV := $(CURDIR)/.venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(VENV)/bin:$(PATH)
export PYTHONNOUSERSITE := 1

.PHONY: talk test docs lint format generated lock bench

## Build the default study: all figures and the page results/talk/index.html. It ends with the verdicts on the claims.
talk: $(VENV)/.complete
	@python -m auscult.cli.locks
	snakemake --cores $(CORES) --quiet rules host
	@cat results/talk/claims.txt
	@echo "Page: $(CURDIR)/results/talk/index.html"
	@echo "To listen: $(CURDIR)/results/listen/index.html"

## Run all tests, including the smoke study from end to end.
test: $(VENV)/.complete
	pytest

## Build the documentation in build/site.
docs: $(VENV)/.complete
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

## Check style, types and import contracts, as the tests do.
lint: $(VENV)/.complete
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	codespell .
	lint-imports
	mypy

## Format code and workflow.
format: $(VENV)/.complete
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

## Generate dvc.yaml and the schema for editors from the declarations of the families.
generated: $(VENV)/.complete
	python -m auscult.study.generated

## Run the benchmarks and print one table. Run nothing else at the same time.
bench: $(VENV)/.complete
	python benchmarks/run.py

## Regenerate requirements.lock from pyproject.toml, with versions and hashes pinned for Linux and macOS.
lock: $(VENV)/.complete
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" --quiet -o requirements.lock

$(VENV)/.complete: requirements.lock pyproject.toml
	@command -v uv >/dev/null || { $(PYTHON) -m venv $(VENV) && $(VENV)/bin/python -m pip install --quiet uv==0.13.9; }
	@test -x $(VENV)/bin/python || uv venv --quiet --python 3.11 $(VENV)
	UV_HTTP_TIMEOUT=300 uv pip install --quiet --compile-bytecode --require-hashes --python $(VENV)/bin/python -r requirements.lock
	uv pip install --quiet --no-deps --no-build-isolation --python $(VENV)/bin/python -e .
	@touch $@
