// SPDX-License-Identifier: GPL-2.0
/*
 * The opcode table (IBA 9.2.1, tables 35 and 38, and annex A19; RoCE adds none).
 *
 * The upper three bits of an opcode name the service, the lower five what the packet is; the same
 * lower bits have the same meaning under every service, but not every service allows them. So one
 * macro per lower opcode describes it once, and the table instantiates it for each service that
 * allows it, with the headers which that service adds. A row that is missing is an opcode that is
 * unknown or illegal: reliable datagrams, raw, vendor opcodes, the congestion packet (0x81).
 *
 * The header length is computed from the flags, never written down.
 */
#include <linux/build_bug.h>
#include <linux/types.h>

#include "hdr.h"
#include "opcode.h"
#include "pkt.h"

#define HAS(flags, bit, type)	((flags) & (bit) ? sizeof(type) : 0)

#define HDR_LEN(flags)						\
	(sizeof(struct rxe_bth) +				\
	 HAS(flags, RXE_OPF_DETH, struct rxe_deth) +		\
	 HAS(flags, RXE_OPF_FETH, struct rxe_feth) +		\
	 HAS(flags, RXE_OPF_RETH, struct rxe_reth) +		\
	 HAS(flags, RXE_OPF_ATMETH, struct rxe_atmeth) +	\
	 HAS(flags, RXE_OPF_AETH, struct rxe_aeth) +		\
	 HAS(flags, RXE_OPF_ATMACK, struct rxe_atmack) +	\
	 HAS(flags, RXE_OPF_IMMDT, struct rxe_immdt) +		\
	 HAS(flags, RXE_OPF_IETH, struct rxe_ieth))

#define ROW(svc, op, knd, flg)					\
	[RXE_SVC_##svc | RXE_WOP_##op] = {			\
		.kind = RXE_KIND_##knd,				\
		.hdr_len = HDR_LEN(flg),			\
		.flags = (flg),					\
		.name = #svc "_" #op,				\
	}

#define F_ONLY		(RXE_OPF_FIRST | RXE_OPF_LAST)
#define F_SEND		(RXE_OPF_PAYLOAD | RXE_OPF_RECV)
#define F_WRITE		RXE_OPF_PAYLOAD
#define F_READ_RESP	(RXE_OPF_PAYLOAD | RXE_OPF_RESPONSE)
/* A write tells the receiver nothing, unless it carries immediate data. */
#define F_WRITE_IMM	(F_WRITE | RXE_OPF_RECV | RXE_OPF_IMMDT)

/* SEND and WRITE, which both connected services have alike. */
#define CONNECTED_ROWS(svc)								\
	ROW(svc, SEND_FIRST, SEND, F_SEND | RXE_OPF_FIRST),				\
	ROW(svc, SEND_MIDDLE, SEND, F_SEND),						\
	ROW(svc, SEND_LAST, SEND, F_SEND | RXE_OPF_LAST),				\
	ROW(svc, SEND_LAST_IMM, SEND, F_SEND | RXE_OPF_LAST | RXE_OPF_IMMDT),		\
	ROW(svc, SEND_ONLY, SEND, F_SEND | F_ONLY),					\
	ROW(svc, SEND_ONLY_IMM, SEND, F_SEND | F_ONLY | RXE_OPF_IMMDT),			\
	ROW(svc, WRITE_FIRST, WRITE, F_WRITE | RXE_OPF_FIRST | RXE_OPF_RETH),		\
	ROW(svc, WRITE_MIDDLE, WRITE, F_WRITE),						\
	ROW(svc, WRITE_LAST, WRITE, F_WRITE | RXE_OPF_LAST),				\
	ROW(svc, WRITE_LAST_IMM, WRITE, F_WRITE_IMM | RXE_OPF_LAST),			\
	ROW(svc, WRITE_ONLY, WRITE, F_WRITE | F_ONLY | RXE_OPF_RETH),			\
	ROW(svc, WRITE_ONLY_IMM, WRITE, F_WRITE_IMM | F_ONLY | RXE_OPF_RETH)

static const struct rxe_opcode table[256] = {
	CONNECTED_ROWS(RC),
	ROW(RC, READ_REQUEST, READ, F_ONLY | RXE_OPF_RETH),
	ROW(RC, READ_RESP_FIRST, READ_RESP, F_READ_RESP | RXE_OPF_FIRST | RXE_OPF_AETH),
	ROW(RC, READ_RESP_MIDDLE, READ_RESP, F_READ_RESP),
	ROW(RC, READ_RESP_LAST, READ_RESP, F_READ_RESP | RXE_OPF_LAST | RXE_OPF_AETH),
	ROW(RC, READ_RESP_ONLY, READ_RESP, F_READ_RESP | F_ONLY | RXE_OPF_AETH),
	ROW(RC, ACKNOWLEDGE, ACK, RXE_OPF_RESPONSE | F_ONLY | RXE_OPF_AETH),
	ROW(RC, ATOMIC_ACK, ATOMIC_ACK, RXE_OPF_RESPONSE | F_ONLY | RXE_OPF_AETH | RXE_OPF_ATMACK),
	ROW(RC, CMP_SWAP, ATOMIC, F_ONLY | RXE_OPF_ATMETH),
	ROW(RC, FETCH_ADD, ATOMIC, F_ONLY | RXE_OPF_ATMETH),
	ROW(RC, FLUSH, FLUSH, F_ONLY | RXE_OPF_FETH | RXE_OPF_RETH),
	ROW(RC, ATOMIC_WRITE, ATOMIC_WRITE, F_ONLY | RXE_OPF_RETH | RXE_OPF_PAYLOAD),
	ROW(RC, SEND_LAST_INV, SEND, F_SEND | RXE_OPF_LAST | RXE_OPF_IETH),
	ROW(RC, SEND_ONLY_INV, SEND, F_SEND | F_ONLY | RXE_OPF_IETH),

	CONNECTED_ROWS(UC),

	ROW(UD, SEND_ONLY, SEND, F_SEND | F_ONLY | RXE_OPF_DETH),
	ROW(UD, SEND_ONLY_IMM, SEND, F_SEND | F_ONLY | RXE_OPF_DETH | RXE_OPF_IMMDT),
};

static_assert(sizeof(struct rxe_bth) == RXE_BTH_LEN);
/* The longest rows: an atomic request, and a single write with immediate data. */
static_assert(HDR_LEN(RXE_OPF_ATMETH) <= RXE_MAX_HDR_LEN);
static_assert(HDR_LEN(RXE_OPF_RETH | RXE_OPF_IMMDT) <= RXE_MAX_HDR_LEN);

static const struct rxe_opcode unknown = {
	.kind = RXE_KIND_NONE,
	.hdr_len = sizeof(struct rxe_bth),
	.name = "unknown",
};

const struct rxe_opcode *rxe_opcode_info(u8 opcode)
{
	return table[opcode].kind == RXE_KIND_NONE ? &unknown : &table[opcode];
}
