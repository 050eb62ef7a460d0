# Two commands do all set-up: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help run test unit e2e validity fuzz kills soak engine model build debug bench format lint clean install tools

HOST ?= 127.0.0.1
PORT ?= 1234
PREFIX ?= /usr/local
ATELIER_HOME ?= $(HOME)/.atelier
export ATELIER_HOME

# The engine's prefix: built by scripts/engine.sh, or an installed llama.cpp when ENGINE_PREFIX is given.
with_engine = PKG_CONFIG_PATH="$$(cat .build/engine-prefix)/lib/pkgconfig:$$PKG_CONFIG_PATH"
swift_release = swift build -c release --static-swift-stdlib

help: ## this list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: build ## build what is missing, fetch a small model if there is none, serve on 127.0.0.1:1234
	@scripts/model.sh "$(ATELIER_HOME)/models" > /dev/null
	@exec .build/release/atelier serve --host $(HOST) --port $(PORT) $(SERVE_FLAGS)

test: lint unit e2e ## every test: lint, unit tests, end-to-end tests with a real model

unit: engine model ## unit tests only (debug build); FILTER=name runs some
	@$(with_engine) ATELIER_TEST_MODEL="$$(scripts/model.sh)" \
	  ATELIER_TEST_EMBEDDING_MODEL="$$(scripts/test-models.sh minilm)" \
	  ATELIER_TEST_VISION_MODELS="$$(scripts/test-models.sh vision)" swift test $(if $(FILTER),--filter '$(FILTER)')

e2e: build model ## end-to-end tests only (release build); ARGS=... goes to pytest
	@scripts/e2e.sh $(ARGS)

fuzz: build model ## the fuzzers, each for SECONDS=n (60)
	@$(with_engine) ATELIER_FUZZ_SECONDS="$(or $(SECONDS),60)" swift test --filter Fuzz
	@ATELIER_FUZZ_SECONDS="$(or $(SECONDS),60)" scripts/e2e.sh -s -k test_template_fuzz

kills: build model ## kill -9 engines in the middle of answers (200 times) and the server at work (100), and compare; N=n
	@ATELIER_KILLS="$(or $(N),200)" scripts/e2e.sh -s Tests/EndToEnd/test_failover.py -k killed_at_random
	@ATELIER_KILLS="$(or $(N),100)" scripts/e2e.sh -s -k test_kill_server

soak: build model ## mixed traffic for MINUTES=n (10); fails when memory or descriptors grow
	@scripts/soak.sh --minutes "$(or $(MINUTES),10)"

engine: .build/engine-prefix ## fetch and build llama.cpp (kept in the cache)

# Asked at every run, written only when it changes, so that what depends on it is rebuilt then.
.build/engine-prefix: tools
	@mkdir -p .build
	@scripts/engine.sh $(if $(ENGINE_PREFIX),installed '$(ENGINE_PREFIX)',build) > $@.new
	@cmp -s $@.new $@ || cp $@.new $@
	@rm $@.new

model: tools ## fetch the embedded default model and the tests' models (kept in the cache)
	@scripts/model.sh > /dev/null
	@scripts/test-models.sh minilm > /dev/null
	@scripts/test-models.sh vision > /dev/null

build: .build/release/.built ## release build of atelier and atelier-worker

# A stamp, because finding out that nothing is to be done takes SwiftPM twenty seconds.
.build/release/.built: .build/engine-prefix Package.swift $(shell find Sources)
	@scripts/say.sh "building Atelier (about seven minutes the first time on two cores)"
	@$(with_engine) $(swift_release) --product atelier
	@$(with_engine) $(swift_release) --product atelier-worker
	@touch $@

debug: engine ## debug build
	@$(with_engine) swift build

validity: build model ## N=200 required calls and as many answers to a schema, on both real models: all must be valid
	@ATELIER_VALIDITY=$(or $(N),200) scripts/e2e.sh -k test_validity -s

bench: build model ## benchmarks against llama-server of the same tree; WORKLOAD=name, ROUNDS=n, PEER=none
	@scripts/bench.sh

format: ## format all Swift sources
	@swift format --in-place --recursive --parallel --configuration .swift-format Sources Tests Package.swift

lint: tools ## formatting, import rules
	@swift format lint --strict --recursive --parallel --configuration .swift-format Sources Tests Package.swift
	@python3 scripts/check-imports.py

install: build ## install under PREFIX (default /usr/local); LMS=1 under the name lms too
	@install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/libexec/atelier"
	@install -m 755 .build/release/atelier .build/release/atelier-worker "$(DESTDIR)$(PREFIX)/libexec/atelier/"
	@ln -sf ../libexec/atelier/atelier "$(DESTDIR)$(PREFIX)/bin/atelier"
	@$(if $(LMS),ln -sf ../libexec/atelier/atelier "$(DESTDIR)$(PREFIX)/bin/lms")
	@scripts/say.sh "installed $(DESTDIR)$(PREFIX)/bin/atelier"

clean: ## remove build products; engine and model stay in the cache
	@rm -rf .build .build-* Benchmarks/.build

tools: ## install missing system tools when possible, else say which
	@scripts/tools.sh
