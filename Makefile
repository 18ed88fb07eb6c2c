# `make` lists what there is.
SHELL := /bin/bash
SEEDS ?= 1000
FROM ?= 1
ARGS ?=
imports := --explicit-target-dependency-import-check error

KILLS ?= 200
MINUTES ?= 30

.PHONY: help install build release demo test simulate torture torture-brokers bench bench-brokers brokers check format clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-15s %s\n", $$1, $$2 }'

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
	@scripts/test

simulate: install ## Run more simulations: make simulate SEEDS=5000 FROM=1
	NIGHTJAR_SEEDS=$(SEEDS) NIGHTJAR_FROM=$(FROM) swift test --filter SimulationTests/rulesHold

torture: build ## Kill the real binary again and again: make torture KILLS=200 MINUTES=30
	NIGHTJAR_KILLS=$(KILLS) NIGHTJAR_TORTURE_SECONDS=$$(( $(MINUTES) * 60 )) swift test --skip-build --filter TortureTests

torture-brokers: build ## 20,000 messages for each broker while nodes are killed and brokers cut off
	NIGHTJAR_BROKER_MESSAGES=20000 NIGHTJAR_BROKER_KILLS=10 swift test --skip-build --no-parallel --filter BrokerTests/nothingLost

bench: release ## Measure beside what the disk and SQLite can do at most
	.build/release/nightjar bench $(ARGS)

bench-brokers: install ## Measure RabbitMQ and Kafka beside plain C clients: make bench-brokers ARGS=kafka
	swift build -c release --product BrokerBench $(imports)
	LD_PRELOAD=$$(scripts/librdkafka) .build/release/BrokerBench $(ARGS)

brokers: install ## Start RabbitMQ, a Kafka broker and an SQS server on this machine, until interrupted
	@scripts/brokers

check: ## Format and lint
	swift format lint --strict --recursive Sources Tests Examples Benchmarks Package.swift

format: ## Format all sources
	swift format --in-place --recursive Sources Tests Examples Benchmarks Package.swift

clean: ## Remove what was built
	rm -rf .build
