# Tests: what `make test` and its parts run.
# SPDX-License-Identifier: Apache-2.0
# A unit test is tests/unit/test_NAME.c, linked with libweir.a and cmocka.

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libweir.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libweir.a -lcmocka $(LIBS)

test-unit: $(UNIT)
	$(Q)for t in $(UNIT); do $$t || exit 1; done

.PHONY: test-unit
