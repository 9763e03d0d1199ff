# Tests: what `make test` and its parts run. Counting and reporting is tests/run.sh's.
# SPDX-License-Identifier: Apache-2.0
#
# A unit test is tests/unit/test_NAME.c, a test of BPF programs tests/bpf/test_NAME.c, one over
# the captures tests/corpus/test_NAME.c: all linked with libweir.a and cmocka. Other tests are scripts tests/GROUP/NAME.sh; what they need compiled is
# tests/tools/NAME.c, or tests/GROUP/NAME.c where it needs libweir.a.

UNIT  := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
BPFTEST := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
CORPUSTEST := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/corpus/test_*.c))
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/%,$(wildcard tests/tools/*.c)) \
	 $(BUILD)/tests/slow_disk.so \
	 $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/netns/*.c tests/integration/*.c))
BENCH := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
TEST_GROUPS = unit bpf corpus netns integration deploy faults instructions
# Those that take seconds first.
TEST_ORDER = unit unit@build-asan bpf corpus corpus@build-asan instructions netns deploy integration faults
ASAN  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
JOBS  := $(shell nproc)
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
TIME  ?= 60
C11_THREADS := $(if $(findstring thread,$(SANITIZE)),tests/tsan/c11_threads.c)

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libweir.a -lcmocka $(LIBS)

$(BUILD)/tests/bpf/%: tests/bpf/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libweir.a -lcmocka $(LIBS)

$(BUILD)/tests/corpus/%: tests/corpus/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libweir.a -lcmocka $(LIBS)

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/rcu.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< tests/fuzz/rcu.c \
		$(BUILD)/libweir.a $(LIBS)

# The sender has a BPF program of its own.
$(BUILD)/gen/live.skel.h: tests/tools/live/live.bpf.c tests/tools/live/live.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -g -O2 -Wall -Wextra -Werror \
		-I/usr/include/$(shell uname -m)-linux-gnu -c -o $(@D)/live.bpf.o $<
	$(Q)$(BPFTOOL) gen skeleton $(@D)/live.bpf.o name live_bpf > $@.tmp && mv $@.tmp $@

$(BUILD)/tests/send_load: tests/tools/send_load.c $(wildcard tests/tools/load/*.[ch]) tests/tools/live/loader.c \
		tests/tools/live/loader.h $(BUILD)/gen/live.skel.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lbpf -lelf -lz -lm

$(BUILD)/tests/slow_disk.so: tests/faults/slow_disk.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/tests/%: tests/tools/%.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/tests/netns/%: tests/netns/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libweir.a $(LIBS)

$(BUILD)/tests/integration/%: tests/integration/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(C11_THREADS) \
		$(BUILD)/libweir.a $(LIBS)

$(BUILD)/tests/bench/%: tests/bench/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libweir.a $(LIBS)

test-programs: all $(UNIT) $(BPFTEST) $(CORPUSTEST) $(TOOLS) $(BUILD)/tests/bench/bench_stages \
		$(BUILD)/tests/bench/bench_enrich

sanitized:
	$(Q)$(MAKE) BUILD=build-asan SANITIZE="$(ASAN)" OPTIMISE="-O1 -g" test-programs

## make test          everything there is (root); ends with 'N passed, N failed, N skipped'
test:
	$(Q)tests/setup.sh build test
	$(Q)$(MAKE) -j$(JOBS) test-programs
	$(Q)$(MAKE) -j$(JOBS) sanitized
	$(Q)tests/run.sh $(TEST_ORDER)

## make test-GROUP    one group of them: unit, bpf, corpus, netns, integration, deploy, faults, instructions
$(TEST_GROUPS:%=test-%): test-%: test-programs
	$(Q)BUILD=$(BUILD) tests/run.sh $*

test-faults: export FAULT_DATAGRAMS = 500000

## make test-asan     unit tests and corpus with address and undefined-behaviour sanitizers
test-asan: sanitized
	$(Q)tests/run.sh unit@build-asan corpus@build-asan

## make test-tsan     the tests with several threads, with the thread sanitizer
THREADED := test_idtable test_sequence test_exporter test_shared_store test_spool
test-tsan:
	$(Q)$(MAKE) BUILD=build-tsan SANITIZE=-fsanitize=thread OPTIMISE="-O1 -g" \
		$(THREADED:%=build-tsan/tests/%) build-tsan/tests/integration/kafka_flows
	$(Q)TSAN_OPTIONS=suppressions=tests/tsan.supp tests/run.sh unit@build-tsan tsan@build-tsan

## make coverage      lines of agent/decode that unit tests, corpus and fuzz corpora reach
coverage:
	$(Q)tests/coverage.sh $(LINES)

## make soak          the whole agent for TIME=60 seconds at changing load (root)
soak: all $(BUILD)/tests/send_load $(BUILD)/tests/integration/kafka_flows
	$(Q)BUILD=$(realpath $(BUILD)) WEIR=$(realpath $(BUILD))/weir tests/soak.sh $(TIME)

bench-programs: all $(BENCH) $(BUILD)/tests/send_load

## make bench         weir and its peers on the same load, and each stage: about 10 minutes (root)
bench:
	$(Q)tests/setup.sh build test bench
	$(Q)$(MAKE) -j$(JOBS) bench-programs
	$(Q)BUILD=$(BUILD) tests/bench/bench.sh $(PARTS)
	$(if $(PARTS),,$(Q)$(PYTHON) tests/bench/report.py $(BUILD)/bench/result.json docs/PERFORMANCE.md \
		docs/performance.svg)

## make bench-instructions  instructions a flow of each stage against tests/instructions/baseline.tsv
bench-instructions: bench-programs
	$(Q)BUILD=$(BUILD) tests/instructions/stages.sh

## make bench-encode  ns a flow of each format
bench-encode: $(BUILD)/tests/bench/bench_encode
	$(Q)$<

## make bench-load    loaders at real volume; WHERE=local or clickhouse (chdb)
WHERE ?= local
bench-load: all
	$(Q)BUILD=$(BUILD) tests/bench/load_volume.sh $(WHERE)

## make bench-clickhouse  ingest of each format, bytes a row, codecs, questions; FLOWS=2000000
FLOWS ?= 2000000
bench-clickhouse: all $(BUILD)/tests/integration/kafka_flows
	$(Q)BUILD=$(BUILD) tests/bench/clickhouse_ingest.sh $(FLOWS)
	$(Q)BUILD=$(BUILD) tests/bench/clickhouse_storage.sh $(FLOWS) codecs

fuzzers: $(FUZZERS)

## make fuzz          fuzz every decoder and reader for TIME=60 seconds each
fuzz:
	$(Q)$(MAKE) CC=$(CLANG) BUILD=build-fuzz OPTIMISE="-O1 -g" \
		SANITIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" fuzzers
	$(Q)tests/fuzz/run.sh $(TIME)

-include $(BENCH:=.d) $(UNIT:=.d) $(BPFTEST:=.d) $(CORPUSTEST:=.d) $(TOOLS:=.d)
.PHONY: bench-load bench-clickhouse coverage test-tsan bench bench-programs bench-instructions bench-encode test test-programs test-asan sanitized fuzz fuzzers $(TEST_GROUPS:%=test-%)
