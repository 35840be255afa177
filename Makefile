# `make demo` shows the pipeline at work, `make test` proves it. Both install what they need
# into .venv; all that must be there is Python 3.11 or later. The bench targets, `burst`, `fuzz`
# and `evidence` take minutes and are no part of `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check format clean \
	bench-up bench-down bench-images bench-lambda bench-cli burst fuzz evidence

demo: $(VENV)/.installed
	$(BIN)/pipeline-ctl demo

test: check
	$(BIN)/python -m pytest --numprocesses 2

check: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench-up: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.up --rounds 5

bench-down: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.down

bench-images: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.images

# The deployed function under Lambda's limits; needs root and control groups.
bench-lambda: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.images_lambda

bench-cli: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.cli

burst: $(VENV)/.installed-dev
	BURST=1000 $(BIN)/python -m pytest tests/local/test_load.py

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.fuzz 10000 --pillow

# Everything that the README's table of what was tried counts; ten minutes.
evidence: $(VENV)/.installed-dev
	CRASH_POINTS=all SEEDS=100 $(BIN)/python -m pytest --numprocesses 2 \
		--write-evidence README.md tests/local \
		tests/aws/test_crashes.py tests/aws/test_killed.py tests/aws/test_moving.py \
		tests/aws/test_aws_time.py

clean:
	rm -rf $(VENV) dist demo-output .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable '.[local]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --group dev
	touch $@
