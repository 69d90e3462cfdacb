# Doorstep. `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help install run test test-faults test-long test-image test-containers soak sim check bench contracts image sbom audit-deps clean promises pictures

VENV := .venv
BIN := $(VENV)/bin
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
STAMP := $(VENV)/.installed
RECORD := build/tried.jsonl
PYTHON ?= $(shell for python in python3.13 python3.12 python3 python3.14 python; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then echo $$python; break; fi; done)

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv with everything in it, and the `doorstep` command

$(STAMP): requirements-dev.txt pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Doorstep needs Python 3.12 or newer; none was found. Install it, or name one: make install PYTHON=/path/to/python3.13" >&2; exit 1; fi
	@if command -v uv >/dev/null 2>&1; then \
		test -x $(BIN)/python || uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); \
		uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt && \
		uv pip install --quiet --python $(BIN)/python --no-deps --editable .; \
	else \
		test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi
	@touch $@

run: install ## start the whole system with the demo shop: http://127.0.0.1:8080, Ctrl-C stops it; STORE=postgres
	@# On a terminal it gets Ctrl-C alone, without make, which would call an orderly end an interrupt.
	@if [ -t 0 ]; then set -m; fi; $(BIN)/doorstep up --demo --autopilot $(if $(STORE),--store $(STORE))

test: install ## run the tests (those that take minutes have two targets of their own)
	$(BIN)/pytest -m "not long" --numprocesses 2 --dist loadfile --record $(RECORD)

test-faults: install ## every row of the fault matrix (docs/faults.md), in ten minutes: killed, cut off, filled up, starved
	$(BIN)/python -m tests.faults.lanes --record $(RECORD)

test-long: install ## all that takes minutes and is no fault: the suites on the other store, images, manifests, the page
	$(BIN)/pytest -m long --record $(RECORD) $$($(BIN)/python -m tests.faults.matrix --tests | sed 's/^/--deselect /')

test-image: install image ## try the image, compose and the manifests' pods (needs a Docker engine with compose v2)
	$(BIN)/pytest tests/deploy/test_image.py tests/deploy/test_compose.py tests/deploy/test_story_in_containers.py \
		tests/deploy/test_manifests_run.py --record $(RECORD)

test-containers: ## the suites of the PostgreSQL store in a container; brings engine and image where they are missing (root)
	.ci/containers

soak: install ## an hour of orders, kills and lost leaders on a cluster of three, then everything is judged; MINUTES=60
	$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),60) --record $(RECORD) $(if $(SEED),--seed $(SEED))

promises: install ## write docs/promises.md from what the tests and the soak recorded
	$(BIN)/python -m tests.promises $(RECORD)

sim: install ## a thousand simulated histories with every fault, one seed each: make sim SEEDS=1000
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0)

check: install ## style, types, import rules, and contracts that must not change unnoticed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contracts.generate --check
	$(BIN)/python -m ops.contracts_document --check

bench: install ## measure; QUICK=1 for the first two measures only, STORE=postgres for the other store
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(STORE),--store $(STORE))

pictures: install ## draw the dashboards into docs/pictures, from their queries (needs prometheus and chromium); ten minutes
	$(BIN)/python -m tests.deploy.pictures

contracts: install ## write schemas, AsyncAPI and the contracts page again after a change
	$(BIN)/python -m contracts.generate
	$(BIN)/python -m ops.contracts_document

image: ## build the one container image; PYTHON_IMAGE=name to stand on another base, SOURCE=url for its label
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
		--build-arg CREATED=$$(git log -1 --format=%cI) $(if $(SOURCE),--build-arg SOURCE=$(SOURCE)) \
		$(if $(PYTHON_IMAGE),--build-arg PYTHON_IMAGE=$(PYTHON_IMAGE)) --tag doorstep:$(VERSION) .

sbom: install ## write build/sbom.json: what the image is made of, as CycloneDX (make image first)
	@mkdir -p build
	@if docker image inspect doorstep:$(VERSION) >/dev/null 2>&1; then \
		docker run --rm --network none --read-only doorstep:$(VERSION) \
			python -m deploy.sbom --version $(VERSION) >build/sbom.json; \
	else \
		echo "No image doorstep:$(VERSION) is here: build/sbom.json names the pinned Python packages, and none of the base." >&2; \
		PYTHONWARNINGS=ignore::UserWarning $(BIN)/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml \
			--output-file build/sbom.json requirements.txt; \
	fi

audit-deps: install ## ask pip-audit whether a vulnerability is known of any pinned version; says SKIPPED where it cannot; STRICT=1
	$(BIN)/python -m deploy.audit_dependencies $(if $(STRICT),--strict)

clean: ## remove what was built and installed; the data in var/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
