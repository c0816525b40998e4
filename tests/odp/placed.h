/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory placement: FLUSH and ATOMIC WRITE, for which releases of libibverbs before 43 have no
 * calls, and no names. There placed_need() skips the case, and nothing else of this is called.
 */
#ifndef TESTS_ODP_PLACED_H
#define TESTS_ODP_PLACED_H

#include "kit.h"

enum {
	/* Types of a FLUSH; each is a right of a region and of a QP, too. */
	PLACED_GLOBAL = 1, PLACED_PERSISTENT = 2,
	/* And what it is about. */
	PLACED_RANGE = 0, PLACED_MR = 1,
};

/* Of device_cap_flags_ex. */
#define PLACED_CAP_GLOBAL	(1ULL << 38)
#define PLACED_CAP_PERSISTENT	(1ULL << 39)
#define PLACED_CAP_WORD		(1ULL << 40)

/* placed_need - skip the case unless library and responder's device can do all of @caps. */
void placed_need(uint64_t caps);

/* placed_rights - access flags of a region, or of a QP, for FLUSH of @types. */
int placed_rights(unsigned int types);

/* placed_open - a connected pair with FLUSH of @types, and ATOMIC WRITE; @cfg is changed. */
void placed_open(struct ep_pair *p, struct ep_cfg *cfg, unsigned int types);

/* placed_flush, placed_word - post FLUSH, or ATOMIC WRITE of @word; signaled. */
void placed_flush(struct ep *e, uint32_t rkey, uint64_t addr, size_t len, unsigned int type,
		  unsigned int level, uint64_t id);
void placed_word(struct ep *e, uint32_t rkey, uint64_t addr, uint64_t word, uint64_t id);

#endif
