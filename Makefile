# Two commands do all the set-up on a fresh machine with Python 3.11 or newer:
#   make demo   environment, install, the whole pipeline on generated data, the result
#   make test   lint, type check, tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test lint plots install clean

demo: $(VENV)/.installed
	test -d .git || (git init -q && git add -A)
	dvc repro
	@echo "The report: reports/index.html. An experiment: dvc exp run --temp -S model.lr=3e-4"

test: lint $(VENV)/.formats # in two processes of one thread each, which two cores finish soonest
	OMP_NUM_THREADS=1 pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed
	ruff check .
	ruff format --check .
	lint-imports
	mypy

plots: $(VENV)/.installed # dvc plots show, with Vega inside its page: works without a network
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots]'
	$(BIN)/python -m mentor3ad.cli.offline_plots .dvc/plots/offline.html
	dvc config --local plots.html_template plots/offline.html
	dvc plots show

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.x")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,light]'
	touch $@

$(VENV)/.formats: $(VENV)/.installed # extras whose tests skip without them
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[formats,s3-tests,serve-tests,cluster,parquet]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
