// SPDX-License-Identifier: GPL-2.0
/*
 * The requester's error table: why a send work request fails, whoever found it, and the status of
 * its completion (IBA 9.9.2, 11.6.2). A reliable connection is in the error state then, other QPs
 * in the send queue error state.
 */
#include <linux/build_bug.h>

#include "../wire/aeth.h"
#include "req_err.h"

static const struct rxe_req_fate fates[RXE_REQ_NUM_ERRS] = {
	[RXE_REQ_NAK_REQUEST]	= { IB_WC_REM_INV_REQ_ERR, RXE_STAT_REMOTE_INV_REQ_ERR },
	[RXE_REQ_NAK_ACCESS]	= { IB_WC_REM_ACCESS_ERR, RXE_STAT_REMOTE_ACCESS_ERR },
	[RXE_REQ_NAK_OPERATION]	= { IB_WC_REM_OP_ERR, RXE_STAT_REMOTE_OP_ERR },
	[RXE_REQ_NAK_RD]	= { IB_WC_REM_INV_RD_REQ_ERR, RXE_STAT_REMOTE_INV_REQ_ERR },
	[RXE_REQ_SILENCE]	= { IB_WC_RETRY_EXC_ERR, RXE_STAT_RETRY_EXCEEDED },
	[RXE_REQ_NOT_READY]	= { IB_WC_RNR_RETRY_EXC_ERR, RXE_STAT_RNR_EXCEEDED },
	[RXE_REQ_BAD_ANSWER]	= { IB_WC_BAD_RESP_ERR, RXE_STAT_DROP_BAD_RESPONSE },
	[RXE_REQ_MEMORY]	= { IB_WC_LOC_PROT_ERR },
	[RXE_REQ_LENGTH]	= { IB_WC_LOC_LEN_ERR },
	[RXE_REQ_UNSUPPORTED]	= { IB_WC_LOC_QP_OP_ERR },
	/* IBA's memory management operation error. */
	[RXE_REQ_BIND]		= { IB_WC_MW_BIND_ERR },
};

const struct rxe_req_fate *rxe_req_fate(enum rxe_req_err err)
{
	/* Number 0 stands for no counter, so it must be none of those here. */
	BUILD_BUG_ON(RXE_STAT_SENT_PKTS != 0);
	return &fates[err];
}

enum rxe_req_err rxe_req_nak_err(u8 code)
{
	switch (code) {
	case RXE_NAK_INV_REQ:
		return RXE_REQ_NAK_REQUEST;
	case RXE_NAK_REM_ACCESS:
		return RXE_REQ_NAK_ACCESS;
	case RXE_NAK_REM_OP:
		return RXE_REQ_NAK_OPERATION;
	case RXE_NAK_INV_RD_REQ:
		return RXE_REQ_NAK_RD;
	default:
		return RXE_REQ_OK;
	}
}

enum rxe_req_err rxe_req_mem_err(enum rxe_mem_err err)
{
	return err == RXE_MEM_LENGTH ? RXE_REQ_LENGTH : RXE_REQ_MEMORY;
}
