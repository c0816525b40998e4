// SPDX-License-Identifier: GPL-2.0
/* The driver's opcode table against the listing in opcodes.h, all 256 opcodes. */
#include <string.h>

#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/wire/opcode.h"
#include "../../drivers/infiniband/sw/rxe/wire/pkt.h"
#include "opcodes.h"
#include "unit.h"

static int kind_of(char c)
{
	switch (c) {
	case 'S': return RXE_KIND_SEND;
	case 'W': return RXE_KIND_WRITE;
	case 'R': return RXE_KIND_READ;
	case 'X': return RXE_KIND_ATOMIC;
	case 'F': return RXE_KIND_FLUSH;
	case 'B': return RXE_KIND_ATOMIC_WRITE;
	case 'P': return RXE_KIND_READ_RESP;
	case 'A': return RXE_KIND_ACK;
	case 'Y': return RXE_KIND_ATOMIC_ACK;
	}
	return RXE_KIND_NONE;
}

static u32 flag_of(char header)
{
	switch (header) {
	case 'D': return RXE_OPF_DETH;
	case 'R': return RXE_OPF_RETH;
	case 'T': return RXE_OPF_ATMETH;
	case 'A': return RXE_OPF_AETH;
	case 'K': return RXE_OPF_ATMACK;
	case 'I': return RXE_OPF_IMMDT;
	case 'V': return RXE_OPF_IETH;
	case 'E': return RXE_OPF_FETH;
	}
	return 0;
}

static u32 flags_of(const struct iba_opcode *op)
{
	const char *h;
	u32 flags = 0;

	for (h = op->headers; *h; h++)
		flags |= flag_of(*h);
	if (op->position == 'F' || op->position == 'O')
		flags |= RXE_OPF_FIRST;
	if (op->position == 'L' || op->position == 'O')
		flags |= RXE_OPF_LAST;
	if (op->payload)
		flags |= RXE_OPF_PAYLOAD;
	if (op->response)
		flags |= RXE_OPF_RESPONSE;
	if (op->receive)
		flags |= RXE_OPF_RECV;
	return flags;
}

UNIT_CASE(every_known_opcode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iba_opcodes); i++) {
		const struct iba_opcode *op = &iba_opcodes[i];
		const struct rxe_opcode *info = rxe_opcode_info(op->opcode);

		unit_note("opcode 0x%02x %s", op->opcode, op->name);
		CHECK_EQ(info->kind, kind_of(op->kind));
		CHECK_EQ(info->flags, flags_of(op));
		CHECK_EQ(info->hdr_len, iba_headers_bytes(op));
		CHECK(!strcmp(info->name, op->name));
		CHECK(info->hdr_len <= RXE_MAX_HDR_LEN);
	}
}

UNIT_CASE(every_other_opcode_is_refused)
{
	u32 opcode, none = 0;

	for (opcode = 0; opcode < 256; opcode++) {
		const struct rxe_opcode *info = rxe_opcode_info(opcode);

		unit_note("opcode 0x%02x", opcode);
		CHECK(info);
		CHECK(info->name);
		CHECK_EQ(info->kind == RXE_KIND_NONE, !iba_find(opcode));
		none += info->kind == RXE_KIND_NONE;
	}
	CHECK_EQ(none, 256 - ARRAY_SIZE(iba_opcodes));
}

/* What the driver calls an operation is the same number under each service (IBA table 35). */
UNIT_CASE(service_and_operation_numbers)
{
	CHECK_EQ(RXE_SVC_RC | RXE_WOP_SEND_ONLY_INV, 0x17);
	CHECK_EQ(RXE_SVC_RC | RXE_WOP_FETCH_ADD, 0x14);
	CHECK_EQ(RXE_SVC_RC | RXE_WOP_ACKNOWLEDGE, 0x11);
	CHECK_EQ(RXE_SVC_UC | RXE_WOP_WRITE_ONLY_IMM, 0x2b);
	CHECK_EQ(RXE_SVC_UD | RXE_WOP_SEND_ONLY, 0x64);
	CHECK_EQ(RXE_SVC_MASK, 0xe0);
}
