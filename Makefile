# make compare   set up .venv, then run every case
# make docs      write the pages of docs/ that are made from the code
# make test      set up .venv with the development tools, then lint, types, layers and tests
# make opinfo    translate the samples of PyTorch's own op database, and compare with the committed table
#
# The stamp files in .venv make a second call quick: set-up runs again only after pyproject.toml or
# constraints.txt changed. `make PYTHON=/path/to/python3.12 compare` chooses the interpreter of a new .venv.

VENV := .venv
BIN := $(VENV)/bin
# --no-compile: compiling all of torch ahead of time costs twice what installing it does.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# --no-build-isolation: the build backend comes from constraints.txt too, not from wherever it stands today.
INSTALL_PROJECT := $(INSTALL) --no-build-isolation --editable

# Fresh interpreters import both frameworks hundreds of times: their bytecode is compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: compare test lint benchmark opinfo clean
.DELETE_ON_ERROR:

compare: $(VENV)/.installed
	$(BIN)/python -m compare all

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark: $(VENV)/.installed
	$(BIN)/python benchmarks/cost.py
	$(BIN)/python benchmarks/recording.py
	$(BIN)/python benchmarks/translated.py

# About five minutes: the samples of PyTorch's own op database, against docs/opinfo.csv.
opinfo: $(VENV)/.installed-dev
	$(BIN)/python tests/opinfo.py

clean:
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@for candidate in $(PYTHON) python3.11 python3 python; do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Creating $(VENV) with $$($$candidate --version)" && \
	        $$candidate -m venv --clear $(VENV) && touch $@; exit $$?; \
	    fi; \
	done; \
	echo "compare needs Python 3.11 or newer: no python3.11, python3 or python on the path is." >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing torch, jax and the rest into $(VENV)"
	$(INSTALL) hatchling
	$(INSTALL_PROJECT) .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing torch, jax, the rest and the development tools into $(VENV)"
	$(INSTALL) hatchling
	$(INSTALL_PROJECT) '.[dev]'
	@touch $(VENV)/.installed $@
