# Every target makes and uses .venv; the first one takes a minute or two to install.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test test-slow lint bench clean

demo: .venv/core.stamp
	.venv/bin/neuroact demo -o demo

test: .venv/dev.stamp
	.venv/bin/python -m pytest -n auto

test-slow: .venv/dev.stamp
	.venv/bin/python -m pytest -n auto -m slow --timeout 7200

lint: .venv/dev.stamp
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: .venv/bench.stamp
	.venv/bin/python -m benchmarks.run

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "neuroact needs Python 3.11 or later: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv

.venv/core.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[dev]'
	$(PIP) --no-deps spikingjelly neurobench
	@touch $@ .venv/core.stamp

.venv/bench.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[bench]'
	$(PIP) --no-deps spikingjelly mambapy
	@touch $@

clean:
	rm -rf .venv demo build *.egg-info
