// SPDX-License-Identifier: GPL-2.0
/*
 * The syndrome and the RNR timer codes. The times stand here as IBA table 45 prints them, in
 * milliseconds with two decimals.
 */
#include <linux/array_size.h>
#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/wire/aeth.h"
#include "unit.h"

static const double table45_ms[] = {
	655.36, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32,
	0.48, 0.64, 0.96, 1.28, 1.92, 2.56, 3.84, 5.12, 7.68, 10.24, 15.36,
	20.48, 30.72, 40.96, 61.44, 81.92, 122.88, 163.84, 245.76, 327.68, 491.52,
};

UNIT_CASE(rnr_times)
{
	u32 code;

	CHECK_EQ(ARRAY_SIZE(table45_ms), 32);
	for (code = 0; code < 32; code++) {
		unit_note("code %u", code);
		CHECK_EQ(rxe_rnr_delay_us(code), (long long)(table45_ms[code] * 1000 + 0.5));
	}
}

/* Two codes up is twice as long, save at the small end where the table rounds. */
UNIT_CASE(rnr_times_double)
{
	u32 code;

	for (code = 4; code < 32; code++)
		CHECK_EQ(rxe_rnr_delay_us(code), 2 * rxe_rnr_delay_us(code - 2));
	CHECK_EQ(rxe_rnr_delay_us(0), 2 * rxe_rnr_delay_us(30));
}

UNIT_CASE(rnr_code_is_five_bits)
{
	u32 code;

	for (code = 32; code < 256; code++)
		CHECK_EQ(rxe_rnr_delay_us(code), rxe_rnr_delay_us(code % 32));
}

/* IBA table 44: bits 6:5 are 00 ACK, 01 RNR NAK, 10 reserved, 11 NAK; bit 7 is reserved. */
UNIT_CASE(syndrome_parts)
{
	static const enum rxe_aeth_kind kinds[] = {
		RXE_AETH_ACK, RXE_AETH_RNR, RXE_AETH_RSVD, RXE_AETH_NAK,
	};
	u32 s;

	for (s = 0; s < 256; s++) {
		unit_note("syndrome 0x%02x", s);
		CHECK_EQ(rxe_aeth_kind(s), kinds[s >> 5 & 3]);
		CHECK_EQ(rxe_aeth_value(s), s % 32);
	}
}

/* IBA table 46. */
UNIT_CASE(nak_codes)
{
	CHECK_EQ(RXE_AETH_NAK | RXE_NAK_PSN_SEQ, 0x60);
	CHECK_EQ(RXE_AETH_NAK | RXE_NAK_INV_REQ, 0x61);
	CHECK_EQ(RXE_AETH_NAK | RXE_NAK_REM_ACCESS, 0x62);
	CHECK_EQ(RXE_AETH_NAK | RXE_NAK_REM_OP, 0x63);
	CHECK_EQ(RXE_AETH_NAK | RXE_NAK_INV_RD_REQ, 0x64);
}

/* Credit count 11111 means that none are kept (IBA 9.7.7.2); the MSN has 24 bits (9.3.5). */
UNIT_CASE(credits_and_msn)
{
	CHECK_EQ(RXE_AETH_ACK | RXE_AETH_NO_CREDITS, 0x1f);
	CHECK_EQ(rxe_aeth_kind(RXE_AETH_ACK | RXE_AETH_NO_CREDITS), RXE_AETH_ACK);
	CHECK_EQ((0xffffff + 1) & RXE_MSN_MASK, 0);
	CHECK_EQ(0xfffffe & RXE_MSN_MASK, 0xfffffe);
}
