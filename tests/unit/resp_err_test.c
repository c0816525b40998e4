// SPDX-License-Identifier: GPL-2.0
/*
 * What follows from an error at the responder, against a table typed in from the specification:
 * each error's class and NAK code (IBA 9.9.3.1 and table 46), the completion status of a receive
 * work request that the message has taken (11.6.2), and the affiliated asynchronous error if it has
 * taken none (11.6.3.2).
 */
#include <linux/array_size.h>
#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/qp/resp_err.h"
#include "../../drivers/infiniband/sw/rxe/wire/aeth.h"
#include "unit.h"

/* Syndromes as bytes: 011 and the NAK code, or 001 and the timer code. */
#define NAK_SEQUENCE	0x60
#define NAK_INVALID	0x61
#define NAK_ACCESS	0x62
#define NAK_OPERATION	0x63
#define NAK_RNR		0x20

/* "Invalid Request", "Local Access Violation" and "Local Work Queue Catastrophic" in 11.6.3.2. */
#define INVALID		IB_EVENT_QP_REQ_ERR
#define VIOLATION	IB_EVENT_QP_ACCESS_ERR
#define CATASTROPHIC	IB_EVENT_QP_FATAL

static const struct row {
	const char *name;
	enum rxe_resp_err err;
	char class;
	u8 syndrome;
	enum ib_wc_status status;
	enum ib_event_type event;
} rows[] = {
	{ "out of sequence request packet", RXE_RESP_GAP, 'B', NAK_SEQUENCE, 0, 0 },
	{ "resources not ready", RXE_RESP_RNR, 'B', NAK_RNR, 0, 0 },
	{ "out of sequence opcode", RXE_RESP_SEQUENCE, 'C', NAK_INVALID,
	  IB_WC_REM_INV_REQ_ERR, INVALID },
	{ "unsupported opcode", RXE_RESP_UNSUPPORTED, 'C', NAK_INVALID,
	  IB_WC_REM_INV_REQ_ERR, INVALID },
	{ "length of a packet or a RETH", RXE_RESP_LENGTH, 'C', NAK_INVALID,
	  IB_WC_REM_INV_REQ_ERR, INVALID },
	{ "misaligned atomic", RXE_RESP_MISALIGNED, 'C', NAK_INVALID,
	  IB_WC_REM_INV_REQ_ERR, INVALID },
	{ "R_Key violation", RXE_RESP_ACCESS, 'C', NAK_ACCESS,
	  IB_WC_REM_ACCESS_ERR, VIOLATION },
	{ "R_Key of a SEND with invalidate", RXE_RESP_INVALIDATE, 'C', NAK_ACCESS,
	  IB_WC_MW_BIND_ERR, VIOLATION },
	{ "SEND longer than the receive", RXE_RESP_TOO_LONG, 'C', NAK_INVALID,
	  IB_WC_LOC_LEN_ERR, INVALID },
	{ "scatter list not accessible", RXE_RESP_RECV_MEMORY, 'A', NAK_OPERATION,
	  IB_WC_LOC_PROT_ERR, CATASTROPHIC },
	{ "malformed WQE", RXE_RESP_RECV_WQE, 'A', NAK_OPERATION,
	  IB_WC_LOC_QP_OP_ERR, CATASTROPHIC },
	{ "local error at a remote buffer", RXE_RESP_MEMORY, 'A', NAK_OPERATION,
	  IB_WC_LOC_ACCESS_ERR, CATASTROPHIC },
};

UNIT_CASE(every_row)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rxe_resp_fate *fate = rxe_resp_fate(IB_QPT_RC, rows[i].err);

		unit_note("%s", rows[i].name);
		CHECK(fate->answer);
		CHECK_EQ(fate->syndrome, rows[i].syndrome);
		CHECK_EQ(fate->fatal, rows[i].class != 'B');
		if (rows[i].class == 'B')
			continue;
		CHECK_EQ(fate->status, rows[i].status);
		CHECK_EQ(fate->event, rows[i].event);
	}
}

/* An error that is added without a row here, and so perhaps without one there. */
UNIT_CASE(every_error_has_a_row)
{
	u32 err, i, found;

	for (err = RXE_RESP_OK + 1; err < RXE_RESP_NUM_ERRS; err++) {
		if (err == RXE_RESP_DUPLICATE)
			continue;
		unit_note("error %u", err);
		for (found = i = 0; i < ARRAY_SIZE(rows); i++)
			found += rows[i].err == err;
		CHECK_EQ(found, 1);
		CHECK(rxe_resp_fate(IB_QPT_RC, err)->answer);
	}
	CHECK_EQ(ARRAY_SIZE(rows) + 2, RXE_RESP_NUM_ERRS);
}

/*
 * Of the three things that follow from what ends a connection, each tells the same story as the
 * others (IBA 9.9.3.1): whose fault it was, to the peer and at home.
 */
UNIT_CASE(nak_event_and_status_agree)
{
	u32 err;

	for (err = RXE_RESP_OK + 1; err < RXE_RESP_NUM_ERRS; err++) {
		const struct rxe_resp_fate *fate = rxe_resp_fate(IB_QPT_RC, err);

		if (!fate->fatal)
			continue;
		unit_note("error %u", err);
		CHECK_EQ(rxe_aeth_kind(fate->syndrome), RXE_AETH_NAK);
		CHECK(fate->status != IB_WC_SUCCESS);
		CHECK_EQ(fate->event == CATASTROPHIC, fate->syndrome == NAK_OPERATION);
		CHECK_EQ(fate->event == VIOLATION, fate->syndrome == NAK_ACCESS);
		CHECK_EQ(fate->event == INVALID, fate->syndrome == NAK_INVALID);
		CHECK_EQ(fate->status == IB_WC_REM_ACCESS_ERR || fate->status == IB_WC_MW_BIND_ERR,
			 fate->syndrome == NAK_ACCESS);
	}
}

/*
 * On an unreliable connection nobody is ever told (IBA 9.9.3.1, classes D and E): what the peer did
 * wrong is dropped and counted; what is wrong with our own resources ends the connection, with the
 * status and the event that a reliable one has for it.
 */
UNIT_CASE(unreliable_is_silent)
{
	u32 err;

	for (err = RXE_RESP_OK + 1; err < RXE_RESP_NUM_ERRS; err++) {
		const struct rxe_resp_fate *fate = rxe_resp_fate(IB_QPT_UC, err);
		bool ours = err == RXE_RESP_RECV_MEMORY || err == RXE_RESP_RECV_WQE ||
			    err == RXE_RESP_MEMORY;

		unit_note("error %u", err);
		CHECK(!fate->answer);
		CHECK_EQ(fate->fatal, ours);
		CHECK_EQ(!fate->drop, ours);
		if (!ours)
			continue;
		CHECK_EQ(fate->status, rxe_resp_fate(IB_QPT_RC, err)->status);
		CHECK_EQ(fate->event, rxe_resp_fate(IB_QPT_RC, err)->event);
	}
}

/* Of a datagram only the receive can be at fault; the rest never comes so far. */
UNIT_CASE(datagrams_are_silent)
{
	static const struct {
		enum rxe_resp_err err;
		u8 drop;
	} lost[] = {
		{ RXE_RESP_RNR, RXE_STAT_DROP_NO_RECV },
		{ RXE_RESP_TOO_LONG, RXE_STAT_DROP_UD_LENGTH },
		{ RXE_RESP_RECV_MEMORY, RXE_STAT_DROP_UD_MEMORY },
		{ RXE_RESP_RECV_WQE, RXE_STAT_DROP_UD_MEMORY },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lost); i++) {
		const struct rxe_resp_fate *fate = rxe_resp_fate(IB_QPT_UD, lost[i].err);
		bool ours = i >= 2;

		unit_note("error %u", lost[i].err);
		CHECK_EQ(rxe_resp_fate(IB_QPT_GSI, lost[i].err), fate);
		CHECK(!fate->answer);
		CHECK_EQ(fate->drop, lost[i].drop);
		CHECK_EQ(fate->fatal, ours);
		if (!ours)
			continue;
		CHECK_EQ(fate->status, rxe_resp_fate(IB_QPT_RC, lost[i].err)->status);
		CHECK_EQ(fate->event, rxe_resp_fate(IB_QPT_RC, lost[i].err)->event);
	}
}

/* The QP's timer code is put into the low bits, which therefore are clear. */
UNIT_CASE(rnr_leaves_room_for_the_timer)
{
	u8 syndrome = rxe_resp_fate(IB_QPT_RC, RXE_RESP_RNR)->syndrome;
	u32 timer;

	CHECK_EQ(rxe_aeth_value(syndrome), 0);
	for (timer = 0; timer < 32; timer++) {
		CHECK_EQ(rxe_aeth_kind(syndrome | timer), RXE_AETH_RNR);
		CHECK_EQ(rxe_rnr_delay_us(syndrome | timer), rxe_rnr_delay_us(timer));
	}
}
