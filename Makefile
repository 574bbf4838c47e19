# The front door. `make` lists the targets; what they do lies in CMakeLists.txt and scripts/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# $(call compile,FOLDER,TYPE,OPTIONS,TARGET): configures build/FOLDER if that was not done yet, and builds all of it or
# the one target.
compile = { test -f build/$(1)/build.ninja || \
  cmake -S . -B build/$(1) -G Ninja -DCMAKE_BUILD_TYPE=$(2) $(3); } && \
  cmake --build build/$(1) $(if $(4),--target $(4))
ctest = ctest --no-tests=error --output-on-failure
sources = find lib cmd tests \( -name '*.h' -o -name '*.cpp' \) -print0
# ThreadSanitizer cannot place its shadow memory on kernels that shuffle addresses a lot.
unshuffled := $(shell setarch -R true 2>/dev/null && echo setarch -R)

.PHONY: $(shell sed -n 's/^\([a-z0-9/]*\):.*/\1/p' Makefile)

help: ## List the targets
	@sed -nE 's/^([a-z0-9/]+):.*## /\1\t/p' Makefile | expand -t 14

run: ## Build, start Kafka, Redis and the collector, show a session, stay up until Ctrl-C
	@scripts/setup build run
	@$(MAKE) build
	@env --default-signal=INT scripts/run

compose/up: ## The same in containers, by Docker; ends when all are healthy
	@scripts/compose up

compose/logs: ## What the containers say, until Ctrl-C
	@scripts/compose logs

compose/down: ## Stop the containers; what Kafka holds stays
	@scripts/compose down

compose/wipe: ## Stop the containers; what Kafka holds is gone
	@scripts/compose wipe

build: ## The programs, Release, into build/bin/
	@scripts/setup build
	@$(call compile,release,Release,,programs)

debug: ## With ASan and UBSan into build/debug/
	@scripts/setup build
	@$(call compile,debug,Debug)

test: ## Unit tests (debug build), simulator, tests with a real broker (release build)
	@scripts/setup test
	@$(call compile,release,Release)
	@$(MAKE) debug
	@# The tests with a broker wait most of the time: the others run beside them.
	@failed=; \
	$(ctest) --test-dir build/release -L broker -V >build/broker.log & broker=$$!; \
	$(ctest) --test-dir build/debug -L unit | tee build/unit.log || failed=1; \
	$(ctest) --test-dir build/release -L sim -V | tee build/sim.log || failed=1; \
	wait $$broker || failed=1; \
	cat build/broker.log; \
	$(ctest) --test-dir build/release -L compose -V | tee build/compose.log || failed=1; \
	for ring in unit sim broker compose; do \
	  printf '\n== %s ==\n' $$ring; \
	  grep -E '(passed|failed|errors?).* in [0-9.]+s|tests passed|NOT TESTED' build/$$ring.log || \
	    { echo 'NOT RUN'; failed=1; }; \
	done; \
	test -z "$$failed"

unit: debug ## Only the unit tests
	@$(ctest) --test-dir build/debug -L unit

sim: ## Simulator: SEEDS=n runs (5000) from SEED=k (1) on
	@scripts/setup build
	@$(call compile,release,Release,,muster_sim)
	@build/bin/muster_sim $(or $(SEEDS),5000) $(or $(SEED),1)

tsan: ## Unit tests with ThreadSanitizer
	@scripts/setup build
	@$(call compile,tsan,Debug,-DMUSTER_SANITIZER=thread)
	@# librdkafka is not built with it: what its threads do to its own memory only looks like races.
	@$(unshuffled) $(ctest) --test-dir build/tsan -L unit -E unit_kafka

fuzz: ## Fuzz every decoder of bytes, FUZZ_SECONDS=n (60) each; TARGETS="events ..." only these
	@scripts/setup fuzz
	@$(call compile,fuzz,Debug,-DMUSTER_SANITIZER=fuzzer -DCMAKE_CXX_COMPILER=clang++-19,fuzzers)
	@tests/fuzz/run $(or $(FUZZ_SECONDS),60) $(TARGETS)

debian13: ## All tests on Debian 13, in a container (needs Docker)
	@scripts/debian13

chaos: ## Kill, stop and cut all there is, MINUTES=n (5) SEED=k KILLS_PER_MINUTE=n (12)
	@scripts/setup test
	@$(call compile,release,Release,,programs)
	@scripts/chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(KILLS_PER_MINUTE),--kills-per-minute $(KILLS_PER_MINUTE))

bench: ## Measure the collector beside the raw loop and its peers; about 35 minutes
	@scripts/setup test
	@$(call compile,release,Release)
	@scripts/bench

format: ## Lay out all C++ by .clang-format
	@$(sources) | xargs -0r clang-format -i

check: ## Layout and unit tests, for before a commit
	@scripts/setup build
	@$(sources) | xargs -0r clang-format --dry-run -Werror
	@$(MAKE) unit

clean: ## Remove build/
	@rm -rf build
