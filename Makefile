# Named entry points only; what they do lives in cargo, npm, helm and the scripts under e2e/ and images/.
# TANX_CACHE (default ~/.cache/tanx) holds what is slow to build for tests: a Kubernetes, and its images.

.DEFAULT_GOAL := help
.PHONY: help demo web test fuzz lint generate pictures measure images e2e e2e-full soak clean

PORT ?= 8080
SECONDS ?= 3600
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)

help: ## Show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo PORT=9090                              the demo on another port"
	@echo "  make fuzz SECONDS=600                            each decoder for ten minutes instead of an hour"
	@echo "  make e2e KUBECONFIG=... ADDRESS=...              the same tests against your own cluster (docs/testing.md)"

demo: web ## Play on this machine: three servers in one process, bots, http://localhost:8080
	cargo run --release --locked -p gamed -- --demo --listen 127.0.0.1:$(PORT) --web web/dist

web: web/dist/index.html ## Build the web client

web/node_modules: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

web/dist/index.html: web/node_modules web/index.html web/vite.config.ts $(shell find web/src web/public -type f 2>/dev/null)
	cd web && npm run build
	touch $@

test: web ## All tests that need no cluster; installs redis-server and Chromium where it may
	e2e/cluster/requirements tests
	e2e/cluster/build api
	cd web && TANX_FUZZ_SECONDS=$${TANX_FUZZ_SECONDS:-10} npm test
	TANX_FUZZ_SECONDS=$${TANX_FUZZ_SECONDS:-10} cargo test --workspace --locked
	cargo test --locked -p sim -p gamed --features next-rules --test versions
	cargo build --locked -p gamed
	cd web && TANX_DEMO_BIN=$(TARGET)/debug/gamed npm run test:browser

fuzz: web/node_modules ## Try all decoders with hostile bytes, each for an hour; what is found goes into gamed/corpus
	TANX_FUZZ_SECONDS=$(SECONDS) TANX_FUZZ_KEEP=1 cargo test --locked -p gamed --lib -- --nocapture fuzzed
	cd web && TANX_FUZZ_SECONDS=$(SECONDS) npx vitest run src/protocol/changed.test.ts

lint: web/node_modules ## Formatting, clippy, types
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cd web && npm run check

generate: ## Write generated files anew: CRD, rendered chart, golden bytes (needs helm: e2e/cluster/build api)
	TANX_WRITE_GENERATED=1 cargo test --locked -q -p operator --test generated
	TANX_WRITE_VECTORS=1 cargo test --locked -q -p sim -p protocol --test vectors

pictures: web ## Take the documentation's pictures anew, from the demo in Chromium
	e2e/cluster/requirements pictures
	cargo build --locked -p gamed
	cd web && TANX_DEMO_BIN=$(TARGET)/debug/gamed npm run pictures

measure: web ## Measure the page in Chromium: work per displayed frame, and what bad networks do
	e2e/cluster/requirements pictures
	cargo build --release --locked -p gamed
	cd web && TANX_DEMO_BIN=$(TARGET)/release/gamed npm run measure

images: ## Build the images (VERSION=..., REPOSITORY=...) and write them to target/images
	images/build $(if $(VERSION),--version $(VERSION)) $(if $(REPOSITORY),--repository $(REPOSITORY))

e2e: ## The short set on a real Kubernetes, brought up on this machine (root, Linux) or KUBECONFIG=... ADDRESS=...
	e2e/run short

e2e-full: ## All scenarios on a real Kubernetes, with 60 games (REPORT=docs/reports/FILE.md keeps the tables)
	e2e/run full

soak: ## Scenarios drawn at random for an hour (TANX_E2E_MINUTES=N), with 60 games
	e2e/run soak

clean: ## Remove what was built here; the cache stays
	cargo clean
	rm -rf web/dist web/node_modules e2e-logs
