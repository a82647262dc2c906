# Everything that is needed comes from the project's own files; nothing installed by hand is assumed.

CARGO ?= cargo
TARGET := wasm32-unknown-unknown

.PHONY: help demo test plugins tools lint doc deny

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

tools: ## the wasm target and a nats-server
	@rustup target list --installed 2>/dev/null | grep -qx $(TARGET) || rustup target add $(TARGET)
	@tests/tools/nats-server.sh > /dev/null

plugins: tools ## the three plugins, as wasm
	$(CARGO) build --locked --profile guest --target $(TARGET) -p validator -p embedding-updater -p ranker -p tailrace-test-guest

demo: plugins ## the whole on real ratings, with figures
	$(CARGO) build --locked --release -p tailrace
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) target/release/tailrace demo

test: plugins ## every test
	$(CARGO) build --locked -p tailrace
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) $(CARGO) test --locked --workspace

lint: ## format, clippy, docs: no warnings
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: ## advisories, licences, sources (where cargo-deny is installed)
	cargo deny check
