/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The facts of every opcode, one row each (IBA table 38 and 9.2): which extended headers follow
 * the BTH, where the packet stands in its message, what the message does. Everything that parses,
 * builds or checks a packet asks this table; no other file lists opcodes.
 */
#ifndef RXE_WIRE_OPCODE_H
#define RXE_WIRE_OPCODE_H

#include <linux/types.h>

/* The service is the upper three bits of the opcode. */
enum rxe_service {
	RXE_SVC_RC	= 0x00,
	RXE_SVC_UC	= 0x20,
	RXE_SVC_UD	= 0x60,
	RXE_SVC_MASK	= 0xe0,
};

/* The lower five bits, common to all services. */
enum rxe_wire_op {
	RXE_WOP_SEND_FIRST		= 0x00,
	RXE_WOP_SEND_MIDDLE		= 0x01,
	RXE_WOP_SEND_LAST		= 0x02,
	RXE_WOP_SEND_LAST_IMM		= 0x03,
	RXE_WOP_SEND_ONLY		= 0x04,
	RXE_WOP_SEND_ONLY_IMM		= 0x05,
	RXE_WOP_WRITE_FIRST		= 0x06,
	RXE_WOP_WRITE_MIDDLE		= 0x07,
	RXE_WOP_WRITE_LAST		= 0x08,
	RXE_WOP_WRITE_LAST_IMM		= 0x09,
	RXE_WOP_WRITE_ONLY		= 0x0a,
	RXE_WOP_WRITE_ONLY_IMM		= 0x0b,
	RXE_WOP_READ_REQUEST		= 0x0c,
	RXE_WOP_READ_RESP_FIRST		= 0x0d,
	RXE_WOP_READ_RESP_MIDDLE	= 0x0e,
	RXE_WOP_READ_RESP_LAST		= 0x0f,
	RXE_WOP_READ_RESP_ONLY		= 0x10,
	RXE_WOP_ACKNOWLEDGE		= 0x11,
	RXE_WOP_ATOMIC_ACK		= 0x12,
	RXE_WOP_CMP_SWAP		= 0x13,
	RXE_WOP_FETCH_ADD		= 0x14,
	RXE_WOP_SEND_LAST_INV		= 0x16,
	RXE_WOP_SEND_ONLY_INV		= 0x17,
	RXE_WOP_FLUSH			= 0x1c,
	RXE_WOP_ATOMIC_WRITE		= 0x1d,
};

/* What a message does. */
enum rxe_kind {
	RXE_KIND_NONE,		/* opcode not known or not allowed for its service */
	RXE_KIND_SEND,
	RXE_KIND_WRITE,
	RXE_KIND_READ,		/* request */
	RXE_KIND_ATOMIC,	/* request, compare-swap or fetch-add */
	RXE_KIND_FLUSH,		/* request, answered like a READ of no bytes */
	RXE_KIND_ATOMIC_WRITE,	/* likewise */
	RXE_KIND_READ_RESP,
	RXE_KIND_ACK,
	RXE_KIND_ATOMIC_ACK,
};

enum rxe_opcode_flags {
	RXE_OPF_FIRST	= 1 << 0,	/* begins a message (FIRST or ONLY) */
	RXE_OPF_LAST	= 1 << 1,	/* ends a message (LAST or ONLY) */
	RXE_OPF_DETH	= 1 << 2,	/* extended headers present, in wire order */
	RXE_OPF_RETH	= 1 << 3,
	RXE_OPF_ATMETH	= 1 << 4,
	RXE_OPF_AETH	= 1 << 5,
	RXE_OPF_ATMACK	= 1 << 6,
	RXE_OPF_IMMDT	= 1 << 7,
	RXE_OPF_IETH	= 1 << 8,
	RXE_OPF_PAYLOAD	= 1 << 9,	/* payload may follow */
	RXE_OPF_RESPONSE = 1 << 10,	/* travels from responder to requester */
	RXE_OPF_RECV	= 1 << 11,	/* consumes a receive work request at its LAST */
	RXE_OPF_FETH	= 1 << 12,	/* before the RETH */
};

struct rxe_opcode {
	u8 kind;	/* enum rxe_kind */
	u8 hdr_len;	/* BTH and extended headers, bytes */
	u16 flags;	/* enum rxe_opcode_flags */
	const char *name;
};

/**
 * rxe_opcode_info() - the facts of an opcode
 * @opcode: BTH opcode as on the wire, service included
 *
 * Context: any.
 * Return: never NULL; kind is RXE_KIND_NONE for what is unknown or illegal.
 */
const struct rxe_opcode *rxe_opcode_info(u8 opcode);

#endif
