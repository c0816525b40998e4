// SPDX-License-Identifier: GPL-2.0
/*
 * The access-flag policy over its whole domain: named cases as a reader of the verbs expects them,
 * then every combination of flags that can matter against a second statement of the rules, one bit
 * at a time.
 */
#include <errno.h>

#include <linux/array_size.h>
#include <linux/types.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/odp_access.h>

#include "unit.h"

#define LW	IB_UVERBS_ACCESS_LOCAL_WRITE
#define RW	IB_UVERBS_ACCESS_REMOTE_WRITE
#define RR	IB_UVERBS_ACCESS_REMOTE_READ
#define RA	IB_UVERBS_ACCESS_REMOTE_ATOMIC
#define MW	IB_UVERBS_ACCESS_MW_BIND
#define ZB	IB_UVERBS_ACCESS_ZERO_BASED
#define OD	IB_UVERBS_ACCESS_ON_DEMAND
#define HT	IB_UVERBS_ACCESS_HUGETLB
#define RO	IB_UVERBS_ACCESS_RELAXED_ORDERING

/* What pinned memory implements. */
#define PINNED	(LW | RW | RR | RA | RO)

static const enum odp_access_origin origins[] = {
	ODP_ACCESS_USER, ODP_ACCESS_REREG, ODP_ACCESS_KERNEL_USER, ODP_ACCESS_KERNEL_DMA,
	ODP_ACCESS_KERNEL_ALLOC, ODP_ACCESS_KERNEL_REG,
};

static int ask(enum odp_access_origin origin, u32 requested, u32 supported)
{
	struct odp_access_request req = {
		.origin = origin,
		.requested = requested,
		.supported = supported,
	};

	return odp_access_effective(&req);
}

static int user(u32 requested, u32 supported)
{
	return ask(ODP_ACCESS_USER, requested, supported);
}

static int kernel(u32 requested, u32 supported)
{
	return ask(ODP_ACCESS_KERNEL_DMA, requested, supported);
}

/* A work request on a region with flags @before. */
static int reg_wr(u32 requested, u32 before, bool kernel_strict)
{
	struct odp_access_request req = {
		.origin = ODP_ACCESS_KERNEL_REG,
		.requested = requested,
		.before = before,
		.supported = PINNED,
		.kernel_strict = kernel_strict,
	};

	return odp_access_effective(&req);
}

UNIT_CASE(programs_get_what_they_ask)
{
	CHECK_EQ(user(0, PINNED), 0);
	CHECK_EQ(user(LW, PINNED), LW);
	CHECK_EQ(user(RR, PINNED), RR);
	CHECK_EQ(user(LW | RW | RR | RA, PINNED), LW | RW | RR | RA);
	CHECK_EQ(user(LW | RO, PINNED), LW | RO);
}

UNIT_CASE(rereg_forgets_what_was)
{
	struct odp_access_request req = {
		.origin = ODP_ACCESS_REREG,
		.requested = LW | RW,
		.before = LW | RO,
		.supported = PINNED,
	};

	CHECK_EQ(odp_access_effective(&req), LW | RW);
	req.requested |= RO;
	req.before = LW;
	CHECK_EQ(odp_access_effective(&req), LW | RW | RO);
}

UNIT_CASE(kernel_is_relaxed)
{
	CHECK_EQ(kernel(0, PINNED), RO);
	CHECK_EQ(kernel(LW, PINNED), LW | RO);
	CHECK_EQ(kernel(LW | RO, PINNED), LW | RO);
	CHECK_EQ(kernel(LW, PINNED & ~RO), LW);
	CHECK_EQ(ask(ODP_ACCESS_KERNEL_ALLOC, 0, PINNED), RO);
	CHECK_EQ(ask(ODP_ACCESS_KERNEL_ALLOC, 0, PINNED & ~RO), 0);
}

UNIT_CASE(programs_memory_is_strict_whoever_registers)
{
	CHECK_EQ(ask(ODP_ACCESS_KERNEL_USER, LW | RR, PINNED), LW | RR);
	CHECK_EQ(ask(ODP_ACCESS_KERNEL_USER, LW | RO, PINNED), LW | RO);
}

UNIT_CASE(relaxed_sticks_to_fast_registration)
{
	CHECK_EQ(reg_wr(LW | RW, RO, false), LW | RW | RO);
	CHECK_EQ(reg_wr(RR, LW | RW | RO, false), RR | RO);
	CHECK_EQ(reg_wr(LW, LW, false), LW);
	CHECK_EQ(reg_wr(LW | RO, 0, false), LW | RO);
	/* Nothing else sticks. */
	CHECK_EQ(reg_wr(0, PINNED, false), RO);
}

UNIT_CASE(strict_is_for_kernel_consumers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(origins); i++) {
		bool program = origins[i] == ODP_ACCESS_USER || origins[i] == ODP_ACCESS_REREG;
		struct odp_access_request req = {
			.origin = origins[i],
			.requested = LW | RO,
			.before = RO,
			.supported = PINNED,
			.kernel_strict = true,
		};

		CHECK_EQ(odp_access_effective(&req), program ? LW | RO : LW);
	}
	CHECK_EQ(reg_wr(LW, RO, true), LW);
}

UNIT_CASE(remote_change_needs_local_write)
{
	CHECK_EQ(user(RW, PINNED), -EINVAL);
	CHECK_EQ(user(RA, PINNED), -EINVAL);
	CHECK_EQ(user(RW | RA | RR, PINNED), -EINVAL);
	CHECK_EQ(kernel(RW, PINNED), -EINVAL);
	/* Also where another flag alone would be refused: the contradiction is the caller's bug. */
	CHECK_EQ(user(RW | OD, PINNED), -EINVAL);
}

UNIT_CASE(missing_features_are_refused)
{
	CHECK_EQ(user(LW | OD, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | OD | HT, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | MW, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | ZB, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | 1 << 8, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | 1 << 9, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | 1 << 19, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | 1U << 31, PINNED), -EOPNOTSUPP);
	CHECK_EQ(kernel(LW | 1U << 31, PINNED), -EOPNOTSUPP);
	CHECK_EQ(user(LW | 1 << 30, PINNED), -EOPNOTSUPP);
}

UNIT_CASE(optional_flags_are_dropped)
{
	int bit;

	for (bit = 20; bit <= 29; bit++) {
		CHECK_EQ(user(LW | 1U << bit, LW), LW);
		CHECK_EQ(kernel(LW | 1U << bit, LW), LW);
		CHECK_EQ(user(LW | 1U << bit, LW | 1U << bit), LW | 1U << bit);
	}
}

UNIT_CASE(huge_pages_are_a_promise)
{
	CHECK_EQ(user(LW | HT, PINNED), LW);
	CHECK_EQ(user(LW | OD | HT, PINNED | OD), -EOPNOTSUPP);
	CHECK_EQ(user(LW | OD | HT, PINNED | OD | HT), LW | OD | HT);
	CHECK_EQ(user(LW | OD, PINNED | OD | HT), LW | OD);
	CHECK_EQ(user(LW | HT, PINNED | OD | HT), LW);
}

/* The rules once more, for one bit of a request. */
enum verdict {
	GRANTED,
	DROPPED,
	REFUSED,
};

static enum verdict judge(u32 requested, u32 supported, int bit)
{
	u32 flag = 1U << bit;

	if (flag == HT && !(requested & OD))
		return DROPPED;
	if (supported & flag)
		return GRANTED;
	return bit >= 20 && bit <= 29 ? DROPPED : REFUSED;
}

/* Relaxed ordering, as a table: when asked, by default, when it was so; and may it be overruled? */
static bool expect_relaxed(const struct odp_access_request *req)
{
	static const struct {
		bool asked, always, sticky, overruled;
	} rule[] = {
		[ODP_ACCESS_USER]		= { true, false, false, false },
		[ODP_ACCESS_REREG]		= { true, false, false, false },
		[ODP_ACCESS_KERNEL_USER]	= { true, false, false, true },
		[ODP_ACCESS_KERNEL_DMA]		= { true, true, false, true },
		[ODP_ACCESS_KERNEL_ALLOC]	= { true, true, false, true },
		[ODP_ACCESS_KERNEL_REG]		= { true, false, true, true },
	};

	if (rule[req->origin].overruled && req->kernel_strict)
		return false;
	return rule[req->origin].always || (rule[req->origin].asked && req->requested & RO) ||
	       (rule[req->origin].sticky && req->before & RO);
}

static int expected(const struct odp_access_request *req)
{
	bool refused = false;
	u32 granted = 0;
	int bit;

	if (req->requested & RW && !(req->requested & LW))
		return -EINVAL;
	if (req->requested & RA && !(req->requested & LW))
		return -EINVAL;
	for (bit = 0; bit < 32; bit++) {
		if (!(req->requested >> bit & 1))
			continue;
		switch (judge(req->requested, req->supported, bit)) {
		case GRANTED:
			granted |= 1U << bit;
			break;
		case REFUSED:
			refused = true;
			break;
		case DROPPED:
			break;
		}
	}
	granted &= ~RO;
	if (expect_relaxed(req))
		granted |= RO & req->supported;
	return refused ? -EOPNOTSUPP : (int)granted;
}

static void compare(u32 requested, u32 before, u32 supported)
{
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(origins); i++) {
		struct odp_access_request req = {
			.origin = origins[i / 2],
			.requested = requested,
			.before = before,
			.supported = supported,
			.kernel_strict = i % 2,
		};
		int got = odp_access_effective(&req), want = expected(&req);

		if (got != want)
			unit_note("origin %d strict %d: 0x%x of 0x%x, before 0x%x", req.origin,
				  req.kernel_strict, requested, supported, before);
		CHECK_EQ(got, want);
		if (got < 0)
			continue;
		CHECK_EQ(got & ~supported, 0);
		/* What is in force can be asked for, and is in force then. */
		CHECK_EQ(user(got, supported), got);
	}
}

/* All bits with a rule of their own, and of those without, the first and last of each range. */
static const int bits[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 19, 20, 21, 29, 30, 31 };

static u32 spread(u32 n)
{
	u32 flags = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (n >> i & 1)
			flags |= 1U << bits[i];
	return flags;
}

UNIT_CASE(every_request)
{
	static const u32 supported[] = {
		0, LW, PINNED, PINNED & ~RO, PINNED & ~RA, PINNED | MW, PINNED | ZB,
		PINNED | OD, PINNED | HT, PINNED | OD | HT, PINNED | OD | HT | MW | ZB | 3 << 8,
		PINNED | 1 << 21, PINNED | 1 << 29,
	};
	u32 n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(supported); i++) {
		for (n = 0; n < 1U << ARRAY_SIZE(bits); n++) {
			compare(spread(n), 0, supported[i]);
			compare(spread(n), RO | LW, supported[i]);
		}
	}
}

UNIT_CASE(every_device)
{
	u32 n, supported;
	int i;

	/* Bits 0 to 9, and the optional 20, 21 and 29. */
	for (n = 0; n < 1U << 13; n++) {
		supported = (n & 0x3ff) | (n >> 10 & 3) << 20 | (n >> 12) << 29;
		for (i = 0; i < 64; i++) {
			compare(unit_rand(), unit_rand(), supported);
			compare(unit_rand() & supported, unit_rand() & supported, supported);
			compare(unit_rand() | LW, unit_rand(), supported);
			compare(spread(unit_below(1 << 17)), unit_rand(), supported);
		}
	}
}
