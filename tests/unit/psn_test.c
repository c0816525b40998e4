// SPDX-License-Identifier: GPL-2.0
/*
 * Circular arithmetic of PSNs, checked against the definition: the distance from b to a is the d in
 * [-2^23, 2^23) for which b + d is a modulo 2^24.
 */
#include <linux/array_size.h>
#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/wire/psn.h"
#include "unit.h"

#define CIRCLE	(1 << 24)
#define HALF	(1 << 23)

static const u32 edges[] = {
	0, 1, 2, HALF - 2, HALF - 1, HALF, HALF + 1, HALF + 2, CIRCLE - 2, CIRCLE - 1,
};

/* By the definition, in numbers wide enough for no trick to be needed. */
static s64 distance(s64 a, s64 b)
{
	s64 d = ((a - b) % CIRCLE + CIRCLE) % CIRCLE;

	return d < HALF ? d : d - CIRCLE;
}

static void check_pair(u32 a, u32 b)
{
	s64 d = distance(a, b);

	unit_note("a 0x%x b 0x%x", a, b);
	CHECK_EQ(rxe_psn_diff(a, b), d);
	CHECK_EQ(rxe_psn_before(a, b), d < 0);
	CHECK_EQ(rxe_psn_after(a, b), d > 0);
	CHECK_EQ(rxe_psn_add(a, b), (a + (s64)b) % CIRCLE);
	/* Adding the distance leads back. */
	CHECK_EQ(rxe_psn_add(b, rxe_psn_diff(a, b)), a);
}

UNIT_CASE(edges_by_definition)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(edges); i++)
		for (j = 0; j < ARRAY_SIZE(edges); j++)
			check_pair(edges[i], edges[j]);
}

UNIT_CASE(random_by_definition)
{
	int i;

	for (i = 0; i < 1000000; i++)
		check_pair(unit_below(CIRCLE), unit_below(CIRCLE));
}

UNIT_CASE(walk_across_the_wrap)
{
	u32 psn = CIRCLE - 1000;
	int i;

	for (i = 0; i < 2000; i++) {
		u32 next = rxe_psn_add(psn, 1);

		unit_note("psn 0x%x", psn);
		CHECK(next < CIRCLE);
		CHECK(rxe_psn_after(next, psn));
		CHECK(rxe_psn_before(psn, next));
		CHECK_EQ(rxe_psn_diff(next, CIRCLE - 1000), i + 1);
		psn = next;
	}
	CHECK_EQ(psn, 1000);
}

/* The point opposite has no side: its distance is -2^23 both ways, so neither is "after". */
UNIT_CASE(opposite_point)
{
	CHECK_EQ(rxe_psn_diff(HALF, 0), -HALF);
	CHECK_EQ(rxe_psn_diff(0, HALF), -HALF);
	CHECK(!rxe_psn_after(HALF, 0));
	CHECK(!rxe_psn_after(0, HALF));
}

/* A caller's number wider than 24 bits must not leak into the result. */
UNIT_CASE(upper_byte_ignored)
{
	CHECK_EQ(rxe_psn_diff(0xab000005, 0x12000003), 2);
	CHECK_EQ(rxe_psn_add(0xffffffff, 1), 0);
}
