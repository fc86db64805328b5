# Set-up and everyday commands. The first command creates the environment in .venv from requirements.lock.
# `make talk TORCH=cpu` installs PyTorch without what only GPUs need, from PyTorch's own package index.
CORES ?= all
TORCH ?= gpu
PROCESSES ?= auto
# `make talk INSTRUCTION_SET=avx2` limits all libraries to AVX2, on processors with and without AVX-512.
INSTRUCTION_SET ?=
LOCK := $(if $(filter cpu,$(TORCH)),requirements-cpu.lock,requirements.lock)
VENV := $(CURDIR)/.venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(VENV)/bin:$(PATH)
export PYTHONNOUSERSITE := 1

.PHONY: talk report test test-slow docs lint format generated lock bench

## Build the default study: all figures and the page results/talk/index.html. It ends with the verdicts on the claims.
talk: $(VENV)/.complete
	@python -m auscult.cli.locks
	@snakemake --cores $(CORES) --logger auscult $(addprefix --config instruction_set=,$(INSTRUCTION_SET))
	@cat results/talk/claims.txt
	@echo "Page: $(CURDIR)/results/talk/index.html"
	@echo "To listen: $(CURDIR)/results/listen/index.html"

## Write Snakemake's report of the finished default study: every figure with its caption, how long each job took, and the rules.
report: $(VENV)/.complete
	@snakemake --cores 1 --report results/report.html
	@echo "Report: $(CURDIR)/results/report.html"

## Run all tests, including the smoke study from end to end, in PROCESSES processes (a core each).
test: $(VENV)/.complete
	pytest --numprocesses $(PROCESSES) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

## Run the slow tests: a real SLURM, an S3 server, kill -9 at 20 moments, a damaged build. About an hour on two cores.
test-slow: $(VENV)/.complete build/slow/.complete
	pytest -m slow

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

# Options of all locks: versions and hashes for Linux and macOS, and no address of an index.
COMPILE := uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
  --custom-compile-command "make lock" --quiet

## Regenerate the locks: of the environment, without what only GPUs need, and of the programs of the slow tests.
lock: $(VENV)/.complete
	$(COMPILE) pyproject.toml --extra dev -o requirements.lock
	$(COMPILE) pyproject.toml --extra dev -c requirements.lock -o requirements-cpu.lock \
	  $$(grep -oE '^(nvidia|cuda)-[a-z0-9-]+|^triton|^torch(audio)?' requirements.lock | sed 's/^/--no-emit-package /')
	$(COMPILE) tests/slow/requirements.in -o tests/slow/requirements.lock

$(VENV)/.complete: $(LOCK) pyproject.toml
	@command -v uv >/dev/null || { $(PYTHON) -m venv $(VENV) && $(VENV)/bin/python -m pip install --quiet uv==0.13.9; }
	@test -x $(VENV)/bin/python || uv venv --quiet --python 3.11 $(VENV)
	UV_HTTP_TIMEOUT=300 uv pip install --quiet --compile-bytecode --require-hashes --python $(VENV)/bin/python -r $(LOCK)
ifeq ($(TORCH),cpu)
	uv pip install --quiet --no-deps --torch-backend cpu --python $(VENV)/bin/python \
	  $$(grep -oE '^torch(audio)?==[0-9.]+' requirements.lock)
endif
	uv pip install --quiet --no-deps --no-build-isolation --python $(VENV)/bin/python -e .
	@touch $@

# Programs of the slow tests, apart from the environment: some of them need older versions of its packages.
build/slow/.complete: $(VENV)/.complete tests/slow/requirements.lock
	@test -x build/slow/bin/python || uv venv --quiet --python 3.11 build/slow
	uv pip install --quiet --require-hashes --python build/slow/bin/python -r tests/slow/requirements.lock
	@touch $@
