/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The transport headers as they travel (IBA 9.2 and 9.3). Only parse.c, build.c and opcode.c (for
 * the sizes) look at them; everyone else sees struct rxe_pkt.
 *
 * All fields are big endian. A received BTH stands wherever the link layer put it, and a 64-bit
 * field follows it at an offset of 12, so every struct is packed: the compiler then picks loads and
 * stores that bear any alignment. A field narrower than its word shares the word with its
 * neighbours; the masks below part them.
 */
#ifndef RXE_WIRE_HDR_H
#define RXE_WIRE_HDR_H

#include <linux/build_bug.h>
#include <linux/types.h>

/* Base transport header (IBA 9.2). */
struct rxe_bth {
	u8 opcode;
	u8 flags;
	__be16 pkey;
	__be32 qpn;
	__be32 psn;
} __packed;

#define RXE_BTH_SE		0x80		/* flags: solicited event */
#define RXE_BTH_MIG		0x40		/* flags: migration state */
#define RXE_BTH_PAD_SHIFT	4		/* flags: bytes of pad, two bits */
#define RXE_BTH_PAD_MASK	0x30
#define RXE_BTH_TVER_MASK	0x0f		/* flags: transport header version */
#define RXE_BTH_FECN		0x80000000U	/* qpn: forward congestion */
#define RXE_BTH_BECN		0x40000000U	/* qpn: backward congestion, then 6 reserved */
#define RXE_BTH_ACK_REQ		0x80000000U	/* psn: acknowledgement wanted, then 7 reserved */

/* QP numbers, PSNs and MSNs fill the low three bytes of their word. */
#define RXE_WIRE_24BIT		0x00ffffffU

/* Datagram extended transport header (IBA 9.3.2). */
struct rxe_deth {
	__be32 qkey;
	__be32 src_qpn;		/* the upper byte is reserved */
} __packed;

/* RDMA extended transport header (IBA 9.3.3). */
struct rxe_reth {
	__be64 va;
	__be32 rkey;
	__be32 dma_len;
} __packed;

/* Atomic extended transport header (IBA 9.3.4). */
struct rxe_atmeth {
	__be64 va;
	__be32 rkey;
	__be64 swap_add;
	__be64 compare;
} __packed;

/* ACK extended transport header (IBA 9.3.5). */
struct rxe_aeth {
	__be32 syndrome_msn;	/* the syndrome is the upper byte */
} __packed;

#define RXE_AETH_SYNDROME_SHIFT	24

/* Atomic ACK extended transport header (IBA 9.3.5.3). */
struct rxe_atmack {
	__be64 orig;
} __packed;

/* Immediate data (IBA 9.3.6). */
struct rxe_immdt {
	__be32 imm;
} __packed;

/* Flush extended transport header (IBA A19.4.1): what, and over which range. */
#define RXE_FETH_TYPE_MASK	0x0f
#define RXE_FETH_LEVEL_MASK	0x30
#define RXE_FETH_LEVEL_SHIFT	4

struct rxe_feth {
	__be32 bits;
} __packed;

/* Invalidate extended transport header (IBA 9.3.7). */
struct rxe_ieth {
	__be32 rkey;
} __packed;

static_assert(sizeof(struct rxe_bth) == 12);
static_assert(sizeof(struct rxe_deth) == 8);
static_assert(sizeof(struct rxe_reth) == 16);
static_assert(sizeof(struct rxe_atmeth) == 28);
static_assert(sizeof(struct rxe_aeth) == 4);
static_assert(sizeof(struct rxe_atmack) == 8);
static_assert(sizeof(struct rxe_immdt) == 4);
static_assert(sizeof(struct rxe_feth) == 4);
static_assert(sizeof(struct rxe_ieth) == 4);

#endif
