# SPDX-License-Identifier: GPL-2.0
# How the test programs of a folder are built. The Makefile that includes it names them in PROGRAMS,
# and the objects of each in a variable of the program's name.

OUT ?= build
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -pthread
LDLIBS += -libverbs -pthread

# What some release of libibverbs lacks: HAVE_NAME is defined where its header has NAME. Cases that
# need it skip elsewhere.
PROBED := IBV_WR_FLUSH
probe = $(shell echo 'int it = $(1);' | \
	$(CC) -include infiniband/verbs.h -fsyntax-only -xc - 2>/dev/null && echo -DHAVE_$(1))
CPPFLAGS := $(CPPFLAGS) $(foreach name,$(PROBED),$(call probe,$(name)))

all: $(PROGRAMS:%=$(OUT)/%)

$(OUT)/%.o: %.c | $(OUT)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT):
	mkdir -p $@

define program
$(OUT)/$(1): $$($(1):%=$(OUT)/%.o)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

clean:
	rm -rf $(OUT)

-include $(wildcard $(OUT)/*.d)

.PHONY: all clean
.SECONDARY:
