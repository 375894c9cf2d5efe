# make demo, make check, make test, make docs: each makes its virtual environment first, where it is missing or out of date.
# What the three tiers of tests are for is in CONTRIBUTING.md.
# make demo PYTHON=python3.12 chooses the interpreter, and with it the stack (constraints/).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin/python
WANTED = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
STAMP = $(VENV)/.installed-$(WANTED)
STACK = constraints/$(if $(filter 3.10 3.11,$(WANTED)),keras2,keras3).txt

# oneDNN's kernels, which TensorFlow leaves off on many x86 processors (docs/performance.md).
ifneq (,$(filter x86_64 amd64,$(shell uname -m)))
export TF_ENABLE_ONEDNN_OPTS ?= 1
endif

PYTEST = $(BIN) -m pytest -n 2 --dist worksteal

.PHONY: demo check test test-fast test-exhaustive docs venv clean

demo: venv
	$(BIN) -m launch.demo

check: venv
	$(BIN) -m ruff format --check --quiet .
	$(BIN) -m ruff check --quiet .
	$(BIN) -m mypy --no-error-summary
	$(BIN) -m tests.flags.every_flagfile

test: venv
	$(PYTEST) -m "not exhaustive"

test-fast: venv
	$(PYTEST) -m "not slow and not exhaustive"

test-exhaustive: venv
	$(PYTEST) -m exhaustive

docs: venv
	$(BIN) docs/reference/build.py build/docs

venv: $(STAMP)

$(STAMP): requirements.txt tests/requirements.txt $(STACK)
	@test -n "$(WANTED)" || { echo "$(PYTHON) does not run: choose a Python 3.10 or newer with PYTHON="; exit 2; }
	@echo "installing into $(VENV) for Python $(WANTED) (one to three minutes the first time)"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN) -m pip install --quiet --disable-pip-version-check --progress-bar on -c $(STACK) -r requirements.txt -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) demo_output build/docs
