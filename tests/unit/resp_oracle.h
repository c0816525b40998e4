/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is right with a request, seen from the other end: it is right if a requester that obeys IBA
 * chapter 9 could send it now. The oracle knows which PSNs can be under way, which opcode may
 * follow which, what the two ends agreed on, and how a message is cut into packets. It has none of
 * the responder's rules, and none of the driver's opcode table. What is wrong first is told in the
 * order of the clauses 9.7.4.1.2 to 9.7.4.1.6.
 */
#ifndef UNIT_RESP_ORACLE_H
#define UNIT_RESP_ORACLE_H

#include <string.h>

#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/qp/resp_check.h"
#include "opcodes.h"

#define PSN_CIRCLE	(1U << 24)
/* PSNs that a requester has under way at most (IBA 9.7.2), and bytes of the longest message. */
#define PSN_WINDOW	(1U << 23)
#define LONGEST_MESSAGE	(1U << 31)

/* All requests of the service, by what they may follow (IBA 9.7.4.1.3). */
static const u8 oracle_first[] = { 0x00, 0x04, 0x05, 0x06, 0x0a, 0x0b, 0x0c, 0x13, 0x14, 0x17,
				   0x1c, 0x1d };
static const u8 oracle_after_send[] = { 0x01, 0x02, 0x03, 0x16 };
static const u8 oracle_after_write[] = { 0x07, 0x08, 0x09 };

#define oracle_lists(list, opcode)	(!!memchr(list, opcode, sizeof(list)))

static inline bool oracle_is_request(u8 opcode)
{
	return oracle_lists(oracle_first, opcode) || oracle_lists(oracle_after_send, opcode) ||
	       oracle_lists(oracle_after_write, opcode);
}

/*
 * A responder expects the oldest PSN under way, or a later one, or the one behind the newest. In
 * the first case all others lie after it, one less than a window; in the last case all of the
 * window lie before it. Together with the expected one that is the whole circle.
 */
static inline enum rxe_resp_err oracle_psn(u32 expected, u32 psn)
{
	u32 ahead = (psn + PSN_CIRCLE - expected) % PSN_CIRCLE;

	if (!ahead)
		return RXE_RESP_OK;
	return ahead <= PSN_WINDOW - 1 ? RXE_RESP_GAP : RXE_RESP_DUPLICATE;
}

/* Only SENDs and WRITEs have more than one request packet. */
static inline bool oracle_may_follow(u8 in_message, u8 opcode)
{
	switch (in_message) {
	case RXE_KIND_NONE:
		return oracle_lists(oracle_first, opcode);
	case RXE_KIND_SEND:
		return oracle_lists(oracle_after_send, opcode);
	case RXE_KIND_WRITE:
		return oracle_lists(oracle_after_write, opcode);
	}
	return false;
}

static inline bool oracle_agreed(const struct rxe_resp_view *view, const struct iba_opcode *op,
				 const struct rxe_pkt *pkt)
{
	switch (op->kind) {
	case 'W':
		return view->remote_write;
	case 'R':
		return view->remote_read && view->max_rd_atomic;
	case 'X':
		return view->remote_atomic && view->max_rd_atomic;
	case 'B':
		return view->remote_write;
	case 'F':
		/* Some type, and none that was not agreed to. */
		return pkt->flush_type &&
		       (pkt->flush_type | view->flush_types) == view->flush_types;
	}
	return true;
}

struct oracle_cut {
	char position;
	u32 payload;
};

/* The next packet of a message, @left bytes of which are unsent. */
static inline struct oracle_cut oracle_next_cut(bool begun, u32 left, u32 mtu)
{
	if (left > mtu)
		return (struct oracle_cut) { begun ? 'M' : 'F', mtu };
	/* The packet before was the last one. */
	if (begun && !left)
		return (struct oracle_cut) { 0, 0 };
	return (struct oracle_cut) { begun ? 'L' : 'O', left };
}

static inline bool oracle_begins(const struct iba_opcode *op)
{
	return op->position == 'F' || op->position == 'O';
}

static inline bool oracle_is_next_cut(const struct iba_opcode *op, u32 payload, u32 left, u32 mtu)
{
	struct oracle_cut want = oracle_next_cut(!oracle_begins(op), left, mtu);

	return op->position == want.position && payload == want.payload;
}

static inline bool oracle_length_fits(const struct rxe_resp_view *view,
				      const struct iba_opcode *op, const struct rxe_pkt *pkt)
{
	u32 len = pkt->payload_len, left = oracle_begins(op) ? pkt->dma_len : view->resid;

	switch (op->kind) {
	case 'S':
		/* How much is left is not told: it can be this packet, or this and more. */
		return oracle_is_next_cut(op, len, len, view->mtu) ||
		       oracle_is_next_cut(op, len, len + 1, view->mtu);
	case 'W':
		return left <= LONGEST_MESSAGE && oracle_is_next_cut(op, len, left, view->mtu);
	case 'R':
		return pkt->dma_len <= LONGEST_MESSAGE;
	case 'F':
		return pkt->dma_len <= LONGEST_MESSAGE && pkt->flush_level < 2;
	case 'B':
		return len == 8 && pkt->dma_len == 8;
	}
	return true;
}

static inline enum rxe_resp_err oracle_verdict(const struct rxe_resp_view *view,
					       const struct rxe_pkt *pkt)
{
	const struct iba_opcode *op = iba_find(pkt->opcode);
	enum rxe_resp_err psn = oracle_psn(view->psn, pkt->psn);

	if (psn)
		return psn;
	if (!oracle_may_follow(view->in_message, pkt->opcode))
		return RXE_RESP_SEQUENCE;
	if (!oracle_agreed(view, op, pkt))
		return RXE_RESP_UNSUPPORTED;
	if (!oracle_length_fits(view, op, pkt))
		return RXE_RESP_LENGTH;
	if ((op->kind == 'X' || op->kind == 'B') && pkt->va % 8)
		return RXE_RESP_MISALIGNED;
	return RXE_RESP_OK;
}

#endif
