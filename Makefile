# weir: build, test, install. `make V=1` shows the commands; `make help` lists the targets.
# SPDX-License-Identifier: Apache-2.0

VERSION := $(shell cat VERSION)
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CLANG   ?= clang
# For another machine, where its libraries are: ARCH=arm64 tests/setup.sh build; make ARCH=arm64.
ARCH    ?= $(shell uname -m)
MACHINE := $(patsubst arm64,aarch64,$(patsubst amd64,x86_64,$(ARCH)))
CC      := $(if $(filter default,$(origin CC)),$(CLANG),$(CC))
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PYTHON  ?= python3

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	    -Wwrite-strings -Wvla -Werror
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPTIMISE ?= -O2 -g
CFLAGS   ?= $(OPTIMISE) $(HARDEN)
SANITIZE ?=
LIBS     := -lbpf -lelf -lz -lrdkafka -lyaml -lurcu-qsbr -lurcu-cds -lurcu-common -lzstd -llz4 \
	    -lmicrohttpd -ljansson -lcurl -lcrypto -lmaxminddb -lpcre2-8 -lcap-ng -lseccomp -lpthread -lm
CROSS   := $(if $(filter $(shell uname -m),$(MACHINE)),,--target=$(MACHINE)-linux-gnu)
override CFLAGS += -std=gnu11 $(CROSS) $(if $(filter x86_64,$(MACHINE)),-march=x86-64-v2) $(WARNINGS) $(SANITIZE) -D_GNU_SOURCE \
	    -DWEIR_VERSION='"$(VERSION)"' -I$(BUILD)/gen -Iagent -Ibpf -MMD -MP
override LDFLAGS += $(CROSS) $(SANITIZE) -pie -Wl,-z,relro,-z,now

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

SOURCES := $(filter-out agent/main.c,$(wildcard agent/*.c agent/*/*.c loaders/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
BPF     := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
GENERATED := $(BPF:%=$(BUILD)/gen/%.skel.h) $(BUILD)/gen/elements.inc $(BUILD)/gen/schema.inc
SCHEMA  := $(sort $(wildcard deploy/clickhouse/migrations/*.sql)) \
	   $(sort $(wildcard deploy/clickhouse/repeatable/*.sql)) proto/flow.proto

## make               build/weir
all: $(BUILD)/weir

$(BUILD)/weir: $(BUILD)/agent/main.o $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libweir.a: $(OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(if $(CROSS),llvm-ar,ar) rcs $@ $^

$(BUILD)/%.o: %.c | $(GENERATED)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/gen/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -g -O2 -Wall -Wextra -Werror -Ibpf \
		-I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

$(BUILD)/gen/%.skel.h: $(BUILD)/gen/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@.tmp && mv $@.tmp $@

$(BUILD)/gen/elements.inc: agent/decode/elements.awk agent/decode/elements.tsv \
		agent/decode/elements-enterprise.tsv
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && awk -f $^ > $@.tmp && mv $@.tmp $@

$(BUILD)/gen/schema.inc: loaders/schema.awk $(SCHEMA)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && awk -f $^ > $@.tmp && mv $@.tmp $@

$(BUILD)/loaders/schema.o: $(BUILD)/gen/schema.inc

include tests/tests.mk deploy/deploy.mk analytics/analytics.mk

## make setup         install what building, testing and the demo need (Debian; root)
setup:
	$(Q)tests/setup.sh

## make demo          real exporters through XDP to flows, in two network namespaces (root)
demo:
	$(Q)tests/setup.sh build demo
	$(Q)$(MAKE) -j$(JOBS) all
	$(Q)BUILD=$(BUILD) tests/demo.sh

## make demo-pipeline exporters to XDP, Kafka, the ClickHouse engine and Parquet in MinIO (root)
demo-pipeline:
	$(Q)tests/setup.sh build test demo
	$(Q)$(MAKE) -j$(JOBS) all
	$(Q)BUILD=$(BUILD) tests/demo_pipeline.sh

## make docs          what is made from tables: example settings, reference pages
docs: all
	$(call say,GEN,conf.example/weir.yaml docs/CONFIGURATION.md docs/METRICS.md)
	$(Q)mkdir -p conf.example docs
	$(Q)$(BUILD)/weir config --example > conf.example/weir.yaml
	$(Q)$(BUILD)/weir config --reference > docs/CONFIGURATION.md
	$(Q)$(BUILD)/weir status --reference > docs/METRICS.md

## make install       all of it under $(DESTDIR)$(PREFIX): program, manual page, completion, unit
SHARE = $(DESTDIR)$(PREFIX)/share
install: all $(BUILD)/weir.1 $(BUILD)/weir.bash $(BUILD)/weir.zsh
	install -Dm755 $(BUILD)/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -Dm644 $(BUILD)/weir.1 $(SHARE)/man/man1/weir.1
	install -Dm644 $(BUILD)/weir.bash $(SHARE)/bash-completion/completions/weir
	install -Dm644 $(BUILD)/weir.zsh $(SHARE)/zsh/site-functions/_weir
	install -Dm644 proto/flow.proto $(SHARE)/weir/flow.proto
	cd conf.example && find . -type f -exec install -Dm644 {} $(abspath $(SHARE))/weir/conf.example/{} \;
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/weir|$(PREFIX)/bin/weir|' deploy/systemd/weir.service \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service
	install -m644 deploy/systemd/weir-pins.service $(DESTDIR)$(PREFIX)/lib/systemd/system/
	install -Dm644 deploy/systemd/weir.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/weir.conf
	install -Dm644 deploy/systemd/weir.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/weir.conf

## make deb           a Debian package in $(BUILD)
deb: all
	$(Q)deploy/debian/build.sh $(BUILD) $(VERSION)

$(BUILD)/weir.bash $(BUILD)/weir.zsh: $(BUILD)/weir deploy/completion/make.sh
	$(call say,GEN,$@)
	$(Q)deploy/completion/make.sh $< $(subst .,,$(suffix $@)) > $@.tmp && mv $@.tmp $@

$(BUILD)/weir.1: $(BUILD)/weir docs/weir.1.in docs/man.sh
	$(call say,GEN,$@)
	$(Q)docs/man.sh $< > $@.tmp && mv $@.tmp $@

## make format-check  does clang-format agree with every C file?
format-check:
	$(Q)clang-format --dry-run --Werror $(shell git ls-files '*.c' '*.h')

## make format        let it
format:
	$(Q)clang-format -i $(shell git ls-files '*.c' '*.h')

## make clean         remove build and build-*
clean:
	rm -rf build build-*

## make help          this
help:
	@sed -n 's/^## //p' Makefile tests/tests.mk deploy/deploy.mk analytics/analytics.mk

-include $(OBJECTS:.o=.d) $(BUILD)/agent/main.d
.PHONY: all setup demo demo-pipeline docs install deb format format-check clean help
.DELETE_ON_ERROR:
.SECONDARY:
