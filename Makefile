# Everything that is needed comes from the project's own files; nothing installed by hand is assumed.
#
# Every cargo command selects the whole workspace and then names what it builds: `--workspace --bin tailrace`,
# not `-p tailrace`. Cargo chooses the features of a dependency from the packages that are selected, so one
# selection means one set of features, and nothing is compiled twice.

CARGO ?= cargo
# Further flags of every build, as `--message-format=json`.
FLAGS ?=
PREFIX ?= $(or $(CARGO_HOME),$(HOME)/.cargo)
BIN = $(DESTDIR)$(PREFIX)/bin
TARGET := wasm32-unknown-unknown
GUESTS := $(CARGO) build --locked $(FLAGS) --profile guest --target $(TARGET)
# Of the demonstration; `plugins` builds those of the examples, the tests and the benchmark as well.
PLUGINS := -p validator -p embedding-updater -p ranker -p item-learner -p table-ranker
OTHERS := -p minutes -p nexmark-q0 -p nexmark-q1 -p nexmark-q2 -p nexmark-queries -p tailrace-test-guest -p tailrace-bench-guest

# What the console is built of, and what tells that it was.
CONSOLE := engine/console/web
SITE := engine/console/built/site/files.tsv
CONSOLE_SOURCES := $(shell find $(CONSOLE) \( -name node_modules -o -name e2e -o -name generated.ts \) -prune -o -type f -print)
NPM = PATH="$$(engine/console/tools/node.sh):$$PATH" npm --prefix $(CONSOLE)

.PHONY: help console console-check console-test tools plugins demo-plugins engine demo install test test-build bench torture lint fmt pages deploy clippy docs deny

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

tools: ## the wasm target and a nats-server
	@rustup target list --installed 2>/dev/null | grep -qx $(TARGET) || rustup target add $(TARGET)
	@tests/tools/nats-server.sh > /dev/null

plugins: tools ## the plugins, those of tests, examples and benchmark too, as wasm
	$(GUESTS) $(PLUGINS) $(OTHERS) --lib --examples

demo-plugins: tools
	$(GUESTS) $(PLUGINS) --lib

console: $(SITE) ## the console, which the next build of the engine takes in

$(SITE): $(CONSOLE_SOURCES) $(CONSOLE)/node_modules/.package-lock.json docs/reference/openapi.json
	@$(NPM) run --silent build >&2

$(CONSOLE)/node_modules/.package-lock.json: $(CONSOLE)/package-lock.json
	@$(NPM) ci --silent --no-audit --no-fund >&2
	@touch $@

console-check: console ## the console's types, lints and unit tests
	@$(NPM) run --silent check
	@$(NPM) run --silent test

console-test: console plugins ## the console in a headless Chromium against a real engine
	$(CARGO) build --locked --workspace --bin tailrace
	engine/console/tools/browser-tests.sh

engine: console ## the engine as a release: target/release/tailrace
	$(CARGO) build --locked --release --workspace --bin tailrace

demo: ## the whole on real ratings, with figures
	@test -x target/debug/tailrace || echo "Compiling the engine and five plugins: about seven minutes on two cores, the first time. Then the demonstration runs for some eight."
	@$(MAKE) --no-print-directory console demo-plugins
	$(CARGO) build --locked --workspace --bin tailrace
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) target/debug/tailrace demo

install: engine ## the engine into PREFIX/bin (~/.cargo), stripped, with its debug information beside it
	mkdir -p $(BIN)
	objcopy --only-keep-debug target/release/tailrace $(BIN)/tailrace.debug
	objcopy --strip-all --add-gnu-debuglink=$(BIN)/tailrace.debug target/release/tailrace $(BIN)/tailrace.new
	mv $(BIN)/tailrace.new $(BIN)/tailrace

# Two tests a core: those that start servers wait most of the time.
TEST_THREADS ?= $$((2 * $$(getconf _NPROCESSORS_ONLN)))

test: plugins console-check test-build ## every test
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --locked --workspace
	engine/console/tools/browser-tests.sh --where-possible

test-build: console
	$(CARGO) build --locked $(FLAGS) --workspace --bins --tests --examples

# `make bench BENCH=--quick` is a look in some ten minutes, once everything is built.
BENCH ?=
PEER = $$(tests/bench/peers/install.sh nats-py) tests/bench/peers/nats_py.py --nats {nats} --stream {stream} --prefix {prefix}
PATHWAY = $$(tests/bench/peers/install.sh pathway) tests/bench/peers/pathway_jobs.py --nats {nats} --stream {stream} --prefix {prefix} --output {output}

bench: plugins ## what an event costs, as tables: target/bench.md and target/bench.json
	$(CARGO) build --locked --release --workspace --bin tailrace --bin bench
	$(CARGO) bench --locked --workspace --bench call -- --rows $(CURDIR)/target/bench-call.jsonl
	$(CARGO) bench --locked --workspace --bench nearest -- $(filter --quick,$(BENCH)) --rows $(CURDIR)/target/bench-nearest.jsonl
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) TAILRACE_BINARY=target/release/tailrace \
	TAILRACE_PLUGINS=target/$(TARGET)/guest target/release/bench all $(BENCH) \
	  --call-rows target/bench-call.jsonl --nearest-rows target/bench-nearest.jsonl \
	  --peer "nats-py=$(PEER)" --peer "nats-py with uvloop and orjson=$(PEER) --fast" \
  --peer "pathway=$(PATHWAY) --job check" --peer-over-time "pathway=$(PATHWAY) --job {job}" \
	  --markdown target/bench.md --json target/bench.json

torture: plugins ## every fault, long; the report is target/torture.md
	$(CARGO) build --locked --workspace --bin tailrace --bin torture
	TAILRACE_NATS_SERVER=$$(tests/tools/nats-server.sh) TAILRACE_BEFORE=$$(tests/tools/version-before.sh) \
	target/debug/torture all --report target/torture.md

lint: fmt pages deploy clippy docs ## format, pages, deploy/, clippy, docs: no warnings

fmt:
	$(CARGO) fmt --all --check

pages: ## links, anchors and sentences of the documentation
	python3 tests/tools/pages.py

deploy: ## image, compose file, systemd unit and Helm chart
	tools=$$(tests/tools/deploy/install.sh) && python3 -B tests/tools/deploy/check.py "$$tools"

clippy:
	$(CARGO) clippy --locked $(FLAGS) --workspace --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: ## advisories, licences, sources (where cargo-deny is installed)
	cargo deny check
