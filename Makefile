# Every target does the set-up it needs; a second run finds it done. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

BIN := .venv/bin
PYTHON := $(BIN)/python
CODE := hostpod tests lab bench
PLACES := nspawn:trixie qemu:bookworm qemu:trixie

.PHONY: help setup images demo demo-stop test test-long lint unit integration systems test-systemd test-vm test-vagrant coverage bench golden docs tutorial deb lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Install what is missing: Debian packages and .venv
	@packaging/setup/system
	@packaging/setup/venv

images: setup ## Build the images of the tests from Debian's packages, and fetch their registry
	@$(PYTHON) -m lab.fetch

demo: images ## Run the classic nginx pod and remove it again (KEEP=1 leaves it running)
	@$(PYTHON) -m lab.demo $(if $(KEEP),--keep)

demo-stop: ## End a demo that KEEP=1 left running
	@$(PYTHON) -m lab.demo --stop

# Whole systems and integration tests each in a process of its own: one of them waits while the other works.
test: images systems lint ## Everything: lint, unit and integration tests, and the package in a real system
	@$(PYTHON) -m pytest -q -n 2 --dist loadgroup tests/unit tests/vm tests/integration

test-long: setup ## Made-up lives of a pod by the ten thousand (HISTORIES=20000 of each property)
	@HOSTPOD_HISTORIES=$(or $(HISTORIES),20000) $(PYTHON) -m pytest -q tests/unit/plan/test_convergence.py

lint: setup ## Format, lint, types and layers
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

unit: setup ## Unit tests: no root, seconds
	@$(PYTHON) -m pytest -q tests/unit

integration: images ## Tests with the real daemon, runc and kernel (root)
	@$(PYTHON) -m pytest -q tests/integration $(ARGS)

# Where its packages cannot be installed the tests of whole systems are skipped, each with the reason.
systems: setup
	@packaging/setup/system nspawn deb || echo 'set-up: going on without tests of whole systems' >&2

test-systemd: images systems ## The package in a real system (root): systemd in systemd-nspawn (SUITE=trixie)
	@HOSTPOD_PLACE=nspawn$(if $(SUITE),:$(SUITE)) $(PYTHON) -m pytest -q tests/vm $(ARGS)

test-vm: images systems ## The same on trixie and in virtual machines, and the integration tests in systemd-nspawn (root)
	@packaging/setup/system qemu
	@failed=; for place in $(PLACES); do \
	    echo "tests/vm in $$place"; HOSTPOD_PLACE=$$place $(PYTHON) -m pytest -q tests/vm $(ARGS) || failed+=" $$place"; \
	done; \
	echo 'tests/integration in systemd-nspawn'; $(PYTHON) -m lab.carried --place nspawn || failed+=' carried'; \
	[[ -z $$failed ]] || { echo "test-vm: failed in:$$failed" >&2; exit 1; }

test-vagrant: setup ## Run the integration tests in a machine of Vagrant (root where no box can be fetched; WHOLE=1: all though it is emulated)
	@$(PYTHON) -m lab.vagrant --test $(if $(WHOLE),--whole) $(if $(SUITE),--suite $(SUITE)) -- $(ARGS)

coverage: images ## Branch coverage of all tests; the pure packages must have all of it
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q tests/unit $(if $(UNIT),,tests/integration) || true
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='hostpod/plan/*,hostpod/manifest/*,hostpod/oci/*,hostpod/kube/*' --fail-under=100 >/dev/null \
	    || { echo 'coverage: plan, manifest, oci and kube are pure and have no excuse for less than 100 %' >&2; exit 1; }

# Compiled as an installed package is: some environments keep Python from doing it.
bench: images systems ## Measure against the floor (PEERS=podman adds podman, PROFILE=1 a profile of the daemon)
	@$(PYTHON) -m compileall -q hostpod
	@$(PYTHON) -m bench $(if $(PEERS),--peers $(PEERS)) $(if $(PROFILE),--profile)

golden: images ## Rewrite the golden files from what the code does now (root)
	@HOSTPOD_WRITE_GOLDEN=1 $(PYTHON) -m pytest -q tests/unit tests/integration -k golden

docs: setup ## Write the generated documents and diagrams anew
	@packaging/setup/docs

tutorial: images ## Run every command of docs/tutorial.md and write what it prints (root)
	@$(PYTHON) -m lab.tutorial

deb: ## Build the Debian package into dist/ (SUITE=trixie for another release, BUILD=2 for a newer one of the same tree)
	@packaging/setup/system deb
	@packaging/setup/venv
	@$(PYTHON) -m lab.deb $(if $(SUITE),--suite $(SUITE)) $(if $(BUILD),--build $(BUILD))

lock: ## Write requirements.lock anew (ARGS=--upgrade takes newer versions)
	@packaging/setup/system
	@packaging/setup/lock $(ARGS)

clean: ## Remove what was made here: .venv and caches
	rm -rf .venv .cache .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage bench/results
