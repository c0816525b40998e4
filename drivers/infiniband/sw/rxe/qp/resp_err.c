// SPDX-License-Identifier: GPL-2.0
/*
 * The responder's error tables (IBA 9.9.3.1, tables 59 and 60).
 *
 * Reliable. Classes: B is answered and forgotten (sequence gap, RNR); C is answered and ends the
 * connection; A is found in the responder's own resources, answered as a remote operational error,
 * and ends it too.
 *
 * Unreliable. Nobody is told. Class D is dropped, with the rest of the message, and a receive work
 * request that it has taken waits for the next one; what is found in the responder's own resources
 * ends the connection. So it is with datagrams, which have no more to be wrong with.
 */
#include <linux/build_bug.h>

#include "../wire/aeth.h"
#include "resp_err.h"

#define CLASS_B(s) \
	{ .answer = true, .syndrome = (s) }
#define FATAL(code, wc, ev) \
	{ .answer = true, .fatal = true, .syndrome = RXE_AETH_NAK | (code), .status = (wc), \
	  .event = (ev) }

#define DROPPED(stat) \
	{ .drop = (stat) }
#define FATAL_SILENT(wc) \
	{ .fatal = true, .status = (wc), .event = IB_EVENT_QP_FATAL }
#define FATAL_DROPPED(wc, stat) \
	{ .fatal = true, .status = (wc), .event = IB_EVENT_QP_FATAL, .drop = (stat) }

static const struct rxe_resp_fate reliable_fates[RXE_RESP_NUM_ERRS] = {
	[RXE_RESP_GAP]		= CLASS_B(RXE_AETH_NAK | RXE_NAK_PSN_SEQ),
	[RXE_RESP_RNR]		= CLASS_B(RXE_AETH_RNR),
	[RXE_RESP_SEQUENCE]	= FATAL(RXE_NAK_INV_REQ, IB_WC_REM_INV_REQ_ERR,
					IB_EVENT_QP_REQ_ERR),
	[RXE_RESP_UNSUPPORTED]	= FATAL(RXE_NAK_INV_REQ, IB_WC_REM_INV_REQ_ERR,
					IB_EVENT_QP_REQ_ERR),
	[RXE_RESP_LENGTH]	= FATAL(RXE_NAK_INV_REQ, IB_WC_REM_INV_REQ_ERR,
					IB_EVENT_QP_REQ_ERR),
	[RXE_RESP_MISALIGNED]	= FATAL(RXE_NAK_INV_REQ, IB_WC_REM_INV_REQ_ERR,
					IB_EVENT_QP_REQ_ERR),
	[RXE_RESP_ACCESS]	= FATAL(RXE_NAK_REM_ACCESS, IB_WC_REM_ACCESS_ERR,
					IB_EVENT_QP_ACCESS_ERR),
	[RXE_RESP_INVALIDATE]	= FATAL(RXE_NAK_REM_ACCESS, IB_WC_MW_BIND_ERR,
					IB_EVENT_QP_ACCESS_ERR),
	[RXE_RESP_TOO_LONG]	= FATAL(RXE_NAK_INV_REQ, IB_WC_LOC_LEN_ERR, IB_EVENT_QP_REQ_ERR),
	[RXE_RESP_RECV_MEMORY]	= FATAL(RXE_NAK_REM_OP, IB_WC_LOC_PROT_ERR, IB_EVENT_QP_FATAL),
	[RXE_RESP_RECV_WQE]	= FATAL(RXE_NAK_REM_OP, IB_WC_LOC_QP_OP_ERR, IB_EVENT_QP_FATAL),
	[RXE_RESP_MEMORY]	= FATAL(RXE_NAK_REM_OP, IB_WC_LOC_ACCESS_ERR, IB_EVENT_QP_FATAL),
};

static const struct rxe_resp_fate unreliable_fates[RXE_RESP_NUM_ERRS] = {
	[RXE_RESP_DUPLICATE]	= DROPPED(RXE_STAT_OUT_OF_SEQ),
	[RXE_RESP_GAP]		= DROPPED(RXE_STAT_OUT_OF_SEQ),
	[RXE_RESP_SEQUENCE]	= DROPPED(RXE_STAT_OUT_OF_SEQ),
	[RXE_RESP_RNR]		= DROPPED(RXE_STAT_DROP_NO_RECV),
	[RXE_RESP_UNSUPPORTED]	= DROPPED(RXE_STAT_DROP_UC_REQUEST),
	[RXE_RESP_LENGTH]	= DROPPED(RXE_STAT_DROP_UC_REQUEST),
	[RXE_RESP_MISALIGNED]	= DROPPED(RXE_STAT_DROP_UC_REQUEST),
	[RXE_RESP_ACCESS]	= DROPPED(RXE_STAT_DROP_UC_REQUEST),
	[RXE_RESP_INVALIDATE]	= DROPPED(RXE_STAT_DROP_UC_REQUEST),
	[RXE_RESP_TOO_LONG]	= DROPPED(RXE_STAT_DROP_UC_REQUEST),
	[RXE_RESP_RECV_MEMORY]	= FATAL_SILENT(IB_WC_LOC_PROT_ERR),
	[RXE_RESP_RECV_WQE]	= FATAL_SILENT(IB_WC_LOC_QP_OP_ERR),
	[RXE_RESP_MEMORY]	= FATAL_SILENT(IB_WC_LOC_ACCESS_ERR),
};

static const struct rxe_resp_fate datagram_fates[RXE_RESP_NUM_ERRS] = {
	[RXE_RESP_RNR]		= DROPPED(RXE_STAT_DROP_NO_RECV),
	[RXE_RESP_TOO_LONG]	= DROPPED(RXE_STAT_DROP_UD_LENGTH),
	[RXE_RESP_RECV_MEMORY]	= FATAL_DROPPED(IB_WC_LOC_PROT_ERR, RXE_STAT_DROP_UD_MEMORY),
	[RXE_RESP_RECV_WQE]	= FATAL_DROPPED(IB_WC_LOC_QP_OP_ERR, RXE_STAT_DROP_UD_MEMORY),
};

const struct rxe_resp_fate *rxe_resp_fate(enum ib_qp_type type, enum rxe_resp_err err)
{
	/* Number 0 stands for no counter, so it must be none of those here. */
	BUILD_BUG_ON(RXE_STAT_SENT_PKTS != 0);
	switch (type) {
	case IB_QPT_RC:
		return &reliable_fates[err];
	case IB_QPT_UC:
		return &unreliable_fates[err];
	default:
		return &datagram_fates[err];
	}
}
