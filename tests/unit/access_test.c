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
#define STRICT	ODP_ACCESS_STRICT_ORDERING

/* What pinned memory implements. */
#define PINNED	(LW | RW | RR | RA | RO)

static int user(u32 requested, u32 supported)
{
	return odp_access_effective(ODP_ACCESS_USER, requested, supported);
}

static int kernel(u32 requested, u32 supported)
{
	return odp_access_effective(ODP_ACCESS_KERNEL, requested, supported);
}

UNIT_CASE(programs_get_what_they_ask)
{
	CHECK_EQ(user(0, PINNED), 0);
	CHECK_EQ(user(LW, PINNED), LW);
	CHECK_EQ(user(RR, PINNED), RR);
	CHECK_EQ(user(LW | RW | RR | RA, PINNED), LW | RW | RR | RA);
	CHECK_EQ(user(LW | RO, PINNED), LW | RO);
}

UNIT_CASE(kernel_is_relaxed_unless_it_asks)
{
	CHECK_EQ(kernel(0, PINNED), RO);
	CHECK_EQ(kernel(LW, PINNED), LW | RO);
	CHECK_EQ(kernel(LW | RO, PINNED), LW | RO);
	CHECK_EQ(kernel(LW | STRICT, PINNED), LW);
	CHECK_EQ(kernel(LW, PINNED & ~RO), LW);
	CHECK_EQ(kernel(LW | STRICT | RO, PINNED), -EINVAL);
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
	/* The kernel's word is not a program's. */
	CHECK_EQ(user(LW | STRICT, PINNED), -EOPNOTSUPP);
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

static enum verdict judge(enum odp_access_origin origin, u32 requested, u32 supported, int bit)
{
	u32 flag = 1U << bit;

	if (origin == ODP_ACCESS_KERNEL && flag == STRICT)
		return DROPPED;
	if (flag == HT && !(requested & OD))
		return DROPPED;
	if (supported & flag)
		return GRANTED;
	return bit >= 20 && bit <= 29 ? DROPPED : REFUSED;
}

static int expected(enum odp_access_origin origin, u32 requested, u32 supported)
{
	bool relaxed = requested & RO, strict = requested & STRICT, refused = false;
	u32 granted = 0;
	int bit;

	if (requested & RW && !(requested & LW))
		return -EINVAL;
	if (requested & RA && !(requested & LW))
		return -EINVAL;
	if (origin == ODP_ACCESS_KERNEL) {
		if (relaxed && strict)
			return -EINVAL;
		if (!relaxed && !strict)
			granted = supported & RO;
	}
	for (bit = 0; bit < 32; bit++) {
		if (!(requested >> bit & 1))
			continue;
		switch (judge(origin, requested, supported, bit)) {
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
	return refused ? -EOPNOTSUPP : (int)granted;
}

static void compare(enum odp_access_origin origin, u32 requested, u32 supported)
{
	int got = odp_access_effective(origin, requested, supported);

	unit_note("origin %d, requested 0x%x, supported 0x%x", origin, requested, supported);
	CHECK_EQ(got, expected(origin, requested, supported));
	if (got < 0)
		return;
	CHECK_EQ(got & ~supported, 0);
	/* What is in force can be asked for, and is in force then. */
	CHECK_EQ(odp_access_effective(ODP_ACCESS_USER, got, supported), got);
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
			compare(ODP_ACCESS_USER, spread(n), supported[i]);
			compare(ODP_ACCESS_KERNEL, spread(n), supported[i]);
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
			compare(ODP_ACCESS_USER, unit_rand(), supported);
			compare(ODP_ACCESS_USER, unit_rand() & supported, supported);
			compare(ODP_ACCESS_KERNEL, unit_rand() | LW, supported);
			compare(ODP_ACCESS_KERNEL, spread(unit_below(1 << 17)), supported);
		}
	}
}
