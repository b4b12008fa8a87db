# The user's words. `make help` lists them. Everything runs as root on Debian 12; what is missing is installed.

CC ?= gcc
BUILD ?= build
JOBS ?= $(shell nproc)

.PHONY: help build up down test unit e2e sanitize crash bench cost conformance fuzz docs protos lint clean

help:
	@sed -n 's/^## //p' Makefile

## make build     build/sagong, the program
build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) --quiet

$(BUILD)/build.ninja:
	@tools/install build
	@CC="$(CC)" meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }; rm -f $(BUILD).log

## make up        a one-node cluster, with examples/hello running in it
up: build
	@tools/install run
	@examples/hello/image $(BUILD)/hello.tar
	@$(BUILD)/sagong up --image $(BUILD)/hello.tar --apply examples/hello/hello.yaml

## make down      stop it and clean up
down:
	@$(BUILD)/sagong down

## make test      every test: unit (plain and with sanitizers), crash, end to end
test: unit sanitize e2e

## make unit      unit and integration tests
unit: build
	@tools/install run test
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs --num-processes $(JOBS)

## make sanitize  the same, and the end-to-end tests, under AddressSanitizer and UBSan
sanitize:
	@tools/install build run test
	@test -f $(BUILD)-asan/build.ninja || CC="$(CC)" meson setup $(BUILD)-asan -Doptimization=1 -Db_sanitize=address,undefined >/dev/null
	@ninja -C $(BUILD)-asan -j $(JOBS) --quiet
	@UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1 \
	  meson test -C $(BUILD)-asan --no-rebuild --print-errorlogs --num-processes $(JOBS) --timeout-multiplier 4
	@SAGONG=$(CURDIR)/$(BUILD)-asan/sagong KUBECTL_VERSIONS=1.32 tests/e2e/run

## make e2e       a real cluster with the real kubectl, in network namespaces of its own
e2e: build
	@tools/install run test
	@tests/e2e/run

## make bench     what users feel, measured in one run: build/bench.json
bench: build
	@tools/install run bench
	@tools/bench/run $(BUILD)

## make cost      what requests cost the server, in instructions: build/cost.json
cost: build
	@tools/install run bench test
	@tools/bench/cost $(BUILD)

## make conformance  Kubernetes' own conformance tests; FOCUS='regex', AGAIN=1 (what failed), JOBS=n
conformance: build
	@tools/install run conformance
	@tools/conformance/run

## make fuzz      every parser of outside bytes, SECONDS each (60); SEED=N hunts elsewhere
fuzz:
	@tools/install build test fuzz
	@tools/fuzz $(or $(SECONDS),60) $(SEED)

## make docs      what docs/api.md says of the kinds, from their declarations
DECLARATIONS = $(wildcard api/*.api api/*/*.api)
docs:
	@python3 tools/apigen docs/api.md $(DECLARATIONS)

## make protos    the kinds as .proto files for clients in any language: build/protos
protos:
	@python3 tools/apigen --proto $(BUILD)/protos $(DECLARATIONS)

## make lint      layout, shell scripts, and whether docs/api.md is true
lint:
	@tools/install lint
	@page=$$(mktemp --suffix=.md) && cp docs/api.md $$page && python3 tools/apigen $$page $(DECLARATIONS) && \
	  { cmp -s docs/api.md $$page || { echo "docs/api.md is behind the declarations: make docs" >&2; exit 1; }; } && rm $$page
	@clang-format --dry-run -Werror $$(git ls-files 'src/*.[ch]' 'tests/*.[ch]')
	@shellcheck -x -S warning tools/install tools/kubectl tools/client-node tools/cel-spec tests/cel/conformance tools/fuzz tools/bench/run \
	  tools/bench/cost examples/hello/image tools/conformance/suite \
	  tools/conformance/cluster tools/conformance/run tests/e2e/run tests/e2e/*.bash .ci/run

## make clean     remove what was built
clean:
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz
