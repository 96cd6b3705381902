# Nine targets, never more. Each sets up what it needs, or says in one line what is missing and how to get it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check audit bench fuzz e2e release

CARGO := cargo --locked

help: ## This list
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## (.*)/\1|\2/' | column -t -s'|'

run: ## The demo: a complete edge with sample backends on this machine
	@.ci/need build
	$(CARGO) run --package hedgerow-proxy -- demo

test: ## Unit, property and whole-program tests: no network, no fixed ports
	@.ci/need build
	$(CARGO) test --workspace --quiet

check: ## Style, lints, docs, and make test; what CI runs first
	@.ci/need build
	$(CARGO:--locked=) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets --quiet -- --deny warnings
	$(CARGO) clippy --workspace --test cluster --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --quiet
	$(CARGO) test --workspace --quiet

audit: ## Licences, advisories, sources of the dependencies
	@.ci/need build
	.ci/audit

bench: ## Lookup, compile, instructions per request, memory; beside peers
	@.ci/need build bench
	bench/run

fuzz: ## Each parser with random input; SECONDS_EACH=600 per target
	@.ci/need build fuzz
	tests/fuzz/run

e2e: ## Real nginx, Express, browser, h2load, Kubernetes; FULL=1 for the long ones
	@.ci/need build e2e
	tests/e2e/run

release: ## The optimised binary, in target/release
	@.ci/need build
	$(CARGO) build --release --package hedgerow-proxy
	@ls -l target/release/hedgerow
