# The two commands: `make sweep` runs the main job, `make test` passes the tests. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.ready-dev
ARGS ?=

.PHONY: sweep test fast-test cluster-test lint setup clean

sweep: setup
	$(BIN)/python -m sweeps.lr_ablation $(ARGS)

test: fast-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "ray and not cluster" $(ARGS) || test $$? -eq 5 # 5: ARGS chose none of these

# Everything that needs no Ray, on every core.
fast-test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not ray and not cluster" $(ARGS) || test $$? -eq 5

# Several hosts out of network namespaces, a real `ray up`, faults on it; needs root and Debian's packages, else it is skipped.
cluster-test: $(TOOLS)
	$(BIN)/python -m pytest -m cluster $(ARGS)

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What a sweep needs; the tests bring their own tools beside it.
setup: $(READY)

$(READY): pyproject.toml requirements-frozen.txt
	$(call install,.,2 GB (6 GB with CUDA))
	@touch $(READY)

$(TOOLS): pyproject.toml requirements-frozen.txt
	$(call install,'.[dev]',3 GB (7 GB with CUDA))
	@touch $(READY) $(TOOLS)

define install
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "Python 3.11 or 3.12 is needed: make PYTHON=python3.12 ...")'
	@echo "Installing PyTorch, Ray and the rest into $(VENV), once: some minutes, $(2)."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements-frozen.txt --editable $(1)
endef

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
