/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IBA table 38 and its like for each service, typed in from the specification opcode by opcode,
 * so that the driver's table is not checked against itself. Neither its constants nor its lengths
 * are used here.
 *
 * kind: S send, W write, R read, X atomic, F flush, B atomic write (both annex A19), P read
 * response, A acknowledge, Y atomic acknowledge.
 * position: F first, M middle, L last, O only.
 * headers, in wire order: D DETH (8 bytes), R RETH (16), T AtomicETH (28), A AETH (4),
 * K AtomicAckETH (8), I ImmDt (4), V IETH (4), E FETH (4).
 * payload: may data follow. response: does it travel to the requester. receive: does the message
 * use up a receive work request.
 */
#ifndef UNIT_OPCODES_H
#define UNIT_OPCODES_H

#include <linux/array_size.h>
#include <linux/types.h>

struct iba_opcode {
	u8 opcode;
	const char *name;
	char kind;
	char position;
	const char *headers;
	bool payload;
	bool response;
	bool receive;
};

static const struct iba_opcode iba_opcodes[] = {
	/* reliable connection, 000 */
	{ 0x00, "RC_SEND_FIRST",	'S', 'F', "",	true,	false,	true },
	{ 0x01, "RC_SEND_MIDDLE",	'S', 'M', "",	true,	false,	true },
	{ 0x02, "RC_SEND_LAST",		'S', 'L', "",	true,	false,	true },
	{ 0x03, "RC_SEND_LAST_IMM",	'S', 'L', "I",	true,	false,	true },
	{ 0x04, "RC_SEND_ONLY",		'S', 'O', "",	true,	false,	true },
	{ 0x05, "RC_SEND_ONLY_IMM",	'S', 'O', "I",	true,	false,	true },
	{ 0x06, "RC_WRITE_FIRST",	'W', 'F', "R",	true,	false,	false },
	{ 0x07, "RC_WRITE_MIDDLE",	'W', 'M', "",	true,	false,	false },
	{ 0x08, "RC_WRITE_LAST",	'W', 'L', "",	true,	false,	false },
	{ 0x09, "RC_WRITE_LAST_IMM",	'W', 'L', "I",	true,	false,	true },
	{ 0x0a, "RC_WRITE_ONLY",	'W', 'O', "R",	true,	false,	false },
	{ 0x0b, "RC_WRITE_ONLY_IMM",	'W', 'O', "RI",	true,	false,	true },
	{ 0x0c, "RC_READ_REQUEST",	'R', 'O', "R",	false,	false,	false },
	{ 0x0d, "RC_READ_RESP_FIRST",	'P', 'F', "A",	true,	true,	false },
	{ 0x0e, "RC_READ_RESP_MIDDLE",	'P', 'M', "",	true,	true,	false },
	{ 0x0f, "RC_READ_RESP_LAST",	'P', 'L', "A",	true,	true,	false },
	{ 0x10, "RC_READ_RESP_ONLY",	'P', 'O', "A",	true,	true,	false },
	{ 0x11, "RC_ACKNOWLEDGE",	'A', 'O', "A",	false,	true,	false },
	{ 0x12, "RC_ATOMIC_ACK",	'Y', 'O', "AK",	false,	true,	false },
	{ 0x13, "RC_CMP_SWAP",		'X', 'O', "T",	false,	false,	false },
	{ 0x14, "RC_FETCH_ADD",		'X', 'O', "T",	false,	false,	false },
	{ 0x16, "RC_SEND_LAST_INV",	'S', 'L', "V",	true,	false,	true },
	{ 0x17, "RC_SEND_ONLY_INV",	'S', 'O', "V",	true,	false,	true },
	{ 0x1c, "RC_FLUSH",		'F', 'O', "ER",	false,	false,	false },
	{ 0x1d, "RC_ATOMIC_WRITE",	'B', 'O', "R",	true,	false,	false },
	/* unreliable connection, 001 */
	{ 0x20, "UC_SEND_FIRST",	'S', 'F', "",	true,	false,	true },
	{ 0x21, "UC_SEND_MIDDLE",	'S', 'M', "",	true,	false,	true },
	{ 0x22, "UC_SEND_LAST",		'S', 'L', "",	true,	false,	true },
	{ 0x23, "UC_SEND_LAST_IMM",	'S', 'L', "I",	true,	false,	true },
	{ 0x24, "UC_SEND_ONLY",		'S', 'O', "",	true,	false,	true },
	{ 0x25, "UC_SEND_ONLY_IMM",	'S', 'O', "I",	true,	false,	true },
	{ 0x26, "UC_WRITE_FIRST",	'W', 'F', "R",	true,	false,	false },
	{ 0x27, "UC_WRITE_MIDDLE",	'W', 'M', "",	true,	false,	false },
	{ 0x28, "UC_WRITE_LAST",	'W', 'L', "",	true,	false,	false },
	{ 0x29, "UC_WRITE_LAST_IMM",	'W', 'L', "I",	true,	false,	true },
	{ 0x2a, "UC_WRITE_ONLY",	'W', 'O', "R",	true,	false,	false },
	{ 0x2b, "UC_WRITE_ONLY_IMM",	'W', 'O', "RI",	true,	false,	true },
	/* unreliable datagram, 011 */
	{ 0x64, "UD_SEND_ONLY",		'S', 'O', "D",	true,	false,	true },
	{ 0x65, "UD_SEND_ONLY_IMM",	'S', 'O', "DI",	true,	false,	true },
};

/* The listing's row, or NULL: no such opcode. */
static inline const struct iba_opcode *iba_find(u8 opcode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iba_opcodes); i++)
		if (iba_opcodes[i].opcode == opcode)
			return &iba_opcodes[i];
	return NULL;
}

static inline u32 iba_header_bytes(char header)
{
	switch (header) {
	case 'D': return 8;
	case 'R': return 16;
	case 'T': return 28;
	case 'A': return 4;
	case 'K': return 8;
	case 'I': return 4;
	case 'E':
	case 'V': return 4;
	}
	return 0;
}

/* BTH and extended headers. */
static inline u32 iba_headers_bytes(const struct iba_opcode *op)
{
	const char *h;
	u32 n = 12;

	for (h = op->headers; *h; h++)
		n += iba_header_bytes(*h);
	return n;
}

#endif
