# Everything that is needed comes from the project's own files; nothing installed by hand is assumed.

CARGO ?= cargo
TARGET := wasm32-unknown-unknown

.PHONY: help demo test plugins tools lint deny bench torture

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

tools: ## the wasm target and a nats-server
	@rustup target list --installed 2>/dev/null | grep -qx $(TARGET) || rustup target add $(TARGET)
	@tests/tools/nats-server.sh > /dev/null

plugins: tools ## the plugins, those of tests, examples and benchmark too, as wasm
	$(CARGO) build --locked --profile guest --target $(TARGET) -p validator -p embedding-updater -p ranker \
	  -p nexmark-q0 -p nexmark-q1 -p nexmark-q2 -p tailrace-test-guest -p tailrace-bench-guest --lib --examples

demo: plugins ## the whole on real ratings, with figures
	$(CARGO) build --locked --release -p tailrace
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) target/release/tailrace demo

test: plugins ## every test
	$(CARGO) build --locked -p tailrace
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) $(CARGO) test --locked --workspace

# `make bench BENCH=--quick` is a look in some ten minutes, once everything is built.
BENCH ?=
PEER = $$(tests/bench/peers/install.sh) tests/bench/peers/nats_py.py --nats {nats} --stream {stream} --prefix {prefix}

bench: plugins ## what an event costs, as tables: target/bench.md and target/bench.json
	$(CARGO) build --locked --release -p tailrace -p tailrace-bench
	$(CARGO) bench --locked -p tailrace-wasm --bench call -- --rows $(CURDIR)/target/bench-call.jsonl
	$(CARGO) bench --locked -p tailrace-store --bench nearest -- $(filter --quick,$(BENCH)) --rows $(CURDIR)/target/bench-nearest.jsonl
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) TAILRACE_BINARY=target/release/tailrace \
	TAILRACE_PLUGINS=target/$(TARGET)/guest target/release/bench all $(BENCH) \
	  --call-rows target/bench-call.jsonl --nearest-rows target/bench-nearest.jsonl \
	  --peer "nats-py=$(PEER)" --peer "nats-py with uvloop and orjson=$(PEER) --fast" \
	  --markdown target/bench.md --json target/bench.json

torture: plugins ## every fault, long; the report is target/torture.md
	$(CARGO) build --locked -p tailrace -p tailrace-tests --bins
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) target/debug/torture all --report target/torture.md

lint: ## format, clippy, docs: no warnings
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: ## advisories, licences, sources (where cargo-deny is installed)
	cargo deny check
