# `make` lists what there is.
SHELL := /bin/bash
SEEDS ?= 1000
FROM ?= 1
ARGS ?=
imports := --explicit-target-dependency-import-check error

KILLS ?= 200
MINUTES ?= 30

.PHONY: help install build release demo test simulate torture bench check format clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

install: ## Install what is missing (Debian packages)
	@scripts/install

build: install ## Build everything, for debugging
	swift build --build-tests $(imports)

release: install ## Build the binary: .build/release/nightjar
	swift build -c release --product nightjar $(imports)

demo: release ## Run the order example, with a page to click on
	.build/release/nightjar demo $(ARGS)

test: build ## Build and run every test (NIGHTJAR_SEEDS=1000 simulations)
	sync # what the linker wrote reaches the disk before tests wait for fsync
	swift test --skip-build --no-parallel

simulate: install ## Run more simulations: make simulate SEEDS=5000 FROM=1
	NIGHTJAR_SEEDS=$(SEEDS) NIGHTJAR_FROM=$(FROM) swift test --filter SimulationTests/rulesHold

torture: build ## Kill the real binary again and again: make torture KILLS=200 MINUTES=30
	NIGHTJAR_KILLS=$(KILLS) NIGHTJAR_TORTURE_SECONDS=$$(( $(MINUTES) * 60 )) swift test --skip-build --filter TortureTests

bench: release ## Measure beside what the disk and SQLite can do at most
	.build/release/nightjar bench $(ARGS)

check: ## Format and lint
	swift format lint --strict --recursive Sources Tests Examples Package.swift

format: ## Format all sources
	swift format --in-place --recursive Sources Tests Examples Package.swift

clean: ## Remove what was built
	rm -rf .build
