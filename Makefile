# Every target makes and uses .venv; the first one takes a minute or two to install.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Lava runs on Python 3.10 alone; pyenv has its versions beside each other, and one at a time by that name.
PYTHON310 ?= $(firstword $(foreach python,python3.10 $(wildcard $(HOME)/.pyenv/versions/3.10.*/bin/python3.10),\
	$(shell $(python) -c 'import sys; print(sys.executable)' 2>/dev/null)))
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test test-slow test-lava python310 lint bench clean

demo: .venv/core.stamp
	.venv/bin/neuroact demo -o demo

test: .venv/dev.stamp
	.venv/bin/python -m pytest -n auto

test-slow: .venv/dev.stamp
	.venv/bin/python -m pytest -n auto -m slow --timeout 7200

test-lava: .venv/dev.stamp .venv-lava/lava.stamp
	PATH="$(CURDIR)/.venv-lava/bin:$$PATH" NEUROACT_LAVA_PYTHON="$(CURDIR)/.venv-lava/bin/python" \
		.venv/bin/python -m pytest -m lava tests/hardware/lava

python310:
	@echo $(PYTHON310)

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
	$(PIP) --no-deps spikingjelly neurobench norse
	@touch $@ .venv/core.stamp

.venv/bench.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[bench]'
	$(PIP) --no-deps spikingjelly mambapy
	@touch $@

# uv reads what the simulation's program asks for, for tests that start it and for those that leave that to uv.
.venv-lava/lava.stamp: neuroact/hardware/lava/simulation.py
	@test -n "$(PYTHON310)" || { echo "Lava needs Python 3.10: make test-lava PYTHON310=/path/to/python3.10"; exit 1; }
	$(PYTHON310) -m venv .venv-lava
	.venv-lava/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt uv
	.venv-lava/bin/uv pip install --quiet --python .venv-lava/bin/python --no-deps --requirements $<
	@touch $@

clean:
	rm -rf .venv .venv-lava demo build *.egg-info
