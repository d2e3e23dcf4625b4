PYTHON ?= .venv/bin/python

.PHONY: install test lint docs notebook ci

install:
	python3 -m venv .venv && .venv/bin/pip install -e '.[test]'

test:
	$(PYTHON) -m pytest

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy tests/benchmarks

docs:
	PYTHONPATH=. $(PYTHON) tests/test_docs.py

notebook:
	MPLBACKEND=Agg $(PYTHON) notebooks/01_the_case.py

ci:
	.ci/run
