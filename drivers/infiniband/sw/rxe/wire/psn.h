/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packet sequence numbers: 24 bits, circular (IBA 9.7.2). A difference is a signed number in
 * [-2^23, 2^23): "a is after b" means that a lies in the half circle that follows b.
 */
#ifndef RXE_WIRE_PSN_H
#define RXE_WIRE_PSN_H

#include <linux/types.h>

#define RXE_PSN_MASK	0x00ffffffU

/* a - b as a signed distance on the circle. */
static inline s32 rxe_psn_diff(u32 a, u32 b)
{
	return (s32)((a - b) << 8) >> 8;
}

static inline u32 rxe_psn_add(u32 psn, u32 n)
{
	return (psn + n) & RXE_PSN_MASK;
}

static inline bool rxe_psn_before(u32 a, u32 b)
{
	return rxe_psn_diff(a, b) < 0;
}

static inline bool rxe_psn_after(u32 a, u32 b)
{
	return rxe_psn_diff(a, b) > 0;
}

#endif
