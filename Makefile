# hebraud: every target sets up what it needs by itself, in .venv, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PRESET ?= demo

.DEFAULT_GOAL := help
.PHONY: help fig2 fig3 test lint bench docs validate md-demo campaign clean

help:  ## what one can make
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## */\1\t/' | expand -t 12

fig3: $(VENV)/.core  ## the paper's Fig. 3, to figures/fig3.png and .pdf
	$(BIN)/python validation/fig3.py

fig2: $(VENV)/.core  ## the model's rescaled flow curves, to figures/fig2.png and .pdf
	$(BIN)/python validation/fig2.py

test: $(VENV)/.dev  ## all tests
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev  ## ruff, mypy --strict, the floors
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## measures of speed; ARGS=--write updates docs/benchmarks.md
	$(BIN)/python validation/bench.py $(ARGS)

docs: $(VENV)/.docs  ## the documentation, to docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

validate: $(VENV)/.dev  ## every claim in validation/, checked in numbers and drawn
	@set -e; for script in validation/fig2.py validation/fig3.py validation/transients.py validation/work_precision.py validation/universality.py validation/modified_model.py validation/particle_flow_curve.py validation/particle_measures.py validation/fit_examples.py validation/fit_recovery.py validation/reliability.py; do \
	  echo "$$script"; $(BIN)/python $$script; done

md-demo: $(VENV)/.dev  ## the particle simulation behind inset (b), live (minutes on two cores)
	$(BIN)/hebraud md run --preset demo $(ARGS)

campaign: $(VENV)/.dev  ## a campaign of particle runs, live: PRESET=demo (minutes), laptop, paper
	$(BIN)/hebraud md run --preset $(PRESET) --output runs/$(PRESET) $(ARGS)

clean:  ## remove what the other targets made (not the environment)
	rm -rf figures runs docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# -- the environment: one, with stamps for what is in it -------------------------------------------
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "hebraud needs Python 3.11 or newer, %s is %d.%d; try: make PYTHON=python3.11 ..." \
	  % (sys.executable, *sys.version_info[:2]))'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,md,campaign]'
	@touch $@ $(VENV)/.core

$(VENV)/.docs: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/.core
