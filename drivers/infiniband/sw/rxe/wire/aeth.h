/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The acknowledge syndrome (IBA 9.7.5.1): bits 6:5 tell ACK, RNR NAK or NAK; bits 4:0 are the
 * credit count, the RNR timer code or the NAK code.
 */
#ifndef RXE_WIRE_AETH_H
#define RXE_WIRE_AETH_H

#include <linux/types.h>

enum rxe_aeth_kind {
	RXE_AETH_ACK	= 0x00,
	RXE_AETH_RNR	= 0x20,
	RXE_AETH_RSVD	= 0x40,
	RXE_AETH_NAK	= 0x60,
};

enum rxe_nak_code {
	RXE_NAK_PSN_SEQ		= 0,
	RXE_NAK_INV_REQ		= 1,
	RXE_NAK_REM_ACCESS	= 2,
	RXE_NAK_REM_OP		= 3,
	RXE_NAK_INV_RD_REQ	= 4,
};

#define RXE_AETH_KIND_MASK	0x60
#define RXE_AETH_VALUE_MASK	0x1f
/* Credit count 31: the responder keeps no end-to-end credits (IBA 9.7.7.2). */
#define RXE_AETH_NO_CREDITS	0x1f
#define RXE_MSN_MASK		0x00ffffffU

static inline enum rxe_aeth_kind rxe_aeth_kind(u8 syndrome)
{
	return syndrome & RXE_AETH_KIND_MASK;
}

static inline u8 rxe_aeth_value(u8 syndrome)
{
	return syndrome & RXE_AETH_VALUE_MASK;
}

/**
 * rxe_rnr_delay_us() - RNR NAK timer code to time
 * @code: the 5-bit timer code
 *
 * Return: the least time in microseconds to wait before the retry (IBA table 45).
 */
u32 rxe_rnr_delay_us(u8 code);

#endif
