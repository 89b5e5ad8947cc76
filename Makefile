# Every target works in a fresh clone; `make` alone prints this list.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_DIR ?= .demo
DEMO_ARGS ?=
FORGE ?= git
CLUSTER ?= /tmp/stagewright-cluster
KEEP ?=
PYTEST_ARGS ?=
STAMP := $(VENV)/.installed
UV := $(BIN)/uv
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: help setup setup-doubles demo demo-cluster test test-real test-unit cluster-up cluster-down image check fmt lint type imports generate generated manifests lock cov clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## .venv with the locked dependencies and .venv/bin/stagewright

$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v=sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "Stagewright needs Python 3.11 to 3.13, this is %d.%d: set PYTHON=python3.12, say" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt requirements/uv.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## the main job on one machine: a bank's week, from training to a verified ledger (FORGE=gitea: on a real Gitea)
	@$(BIN)/stagewright demo --dir "$(DEMO_DIR)" --forge "$(FORGE)" $(DEMO_ARGS)

demo-cluster: setup ## a bank's week in a real Kubernetes, as root: Helm, Gitea, MLflow; removed at the end (KEEP=1: stays to look at)
	@$(BIN)/python -m tests.cluster.demo $(if $(KEEP),--keep)

test: setup ## every hermetic test: no network, no root
	$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

test-real: setup ## what must be built or needs root (Gitea, a cluster, GitHub's schemas); a machine that cannot says so and skips
	@bash .ci/real.sh $(BIN)/python $(PYTEST_ARGS)

setup-doubles: ## fetch GitHub's published schemas, which its double is held against, into the cache
	@$(PYTHON) tests/doubles/github/fetch-schemas

cluster-up: setup ## a real Kubernetes of one node in CLUSTER, as root; nothing is done when it runs already
	@$(BIN)/python -m tests.cluster up "$(CLUSTER)"

cluster-down: setup ## end it, and all that runs in it
	@$(BIN)/python -m tests.cluster down "$(CLUSTER)"

image: setup ## build the controller's image, without a daemon, as root; prints its archive
	@bash tests/cluster/image

test-unit: setup ## the quick ones: unit, property, vectors
	$(BIN)/python -m pytest tests/unit tests/property tests/vectors $(PYTEST_ARGS)

cov: setup ## branch coverage of the decisions and the ledger, which has to be whole
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

check: setup lint type imports generated ## lint, types, layers, generated files

lint: setup
	$(BIN)/ruff format --check --quiet controller tests benchmarks
	$(BIN)/ruff check --quiet controller tests benchmarks
	$(BIN)/python .ci/module_length.py

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff format controller tests benchmarks
	$(BIN)/ruff check --fix controller tests benchmarks

type: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports --no-cache

generate: setup ## write the files that are made from the code
	$(BIN)/python -m stagewright.cli.generate manifests
	$(BIN)/python .ci/chart.py crds

generated: setup
	$(BIN)/python -m stagewright.cli.generate --check manifests
	$(BIN)/python .ci/chart.py crds --check

manifests: setup generate ## write manifests/install and the chart's README, which are made from the chart (builds Helm once)
	programs="$$(bash tests/cluster/build)"; export HELM="$$programs/helm" HELM_DOCS="$$programs/helm-docs"; \
	  $(BIN)/python .ci/chart.py manifests && $(BIN)/python .ci/chart.py readme

lock: setup ## make requirements/*.txt anew
	$(UV) $(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(UV) $(COMPILE) requirements/build.in -o requirements/build.txt
	$(UV) $(COMPILE) pyproject.toml -o requirements/base.txt
	$(UV) $(COMPILE) pyproject.toml --extra s3 --extra tracing -o requirements/image.txt
	$(UV) $(COMPILE) pyproject.toml --extra local --extra s3 --extra tracing --group dev -o requirements/dev.txt

clean: ## remove what make made
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage build dist
