// SPDX-License-Identifier: GPL-2.0
/*
 * How a send work request fails, against a table typed in from the specification: the statuses of
 * IBA 11.6.2, the NAK codes of table 46.
 */
#include <linux/array_size.h>
#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/qp/req_err.h"
#include "../../drivers/infiniband/sw/rxe/wire/aeth.h"
#include "unit.h"

static const struct row {
	enum rxe_req_err err;
	enum ib_wc_status status;
	int nak;	/* code of the AETH, or -1 */
	u8 stat;
} rows[] = {
	{ RXE_REQ_NAK_REQUEST, IB_WC_REM_INV_REQ_ERR, 1, RXE_STAT_REMOTE_INV_REQ_ERR },
	{ RXE_REQ_NAK_ACCESS, IB_WC_REM_ACCESS_ERR, 2, RXE_STAT_REMOTE_ACCESS_ERR },
	{ RXE_REQ_NAK_OPERATION, IB_WC_REM_OP_ERR, 3, RXE_STAT_REMOTE_OP_ERR },
	{ RXE_REQ_NAK_RD, IB_WC_REM_INV_RD_REQ_ERR, 4, RXE_STAT_REMOTE_INV_REQ_ERR },
	{ RXE_REQ_SILENCE, IB_WC_RETRY_EXC_ERR, -1, RXE_STAT_RETRY_EXCEEDED },
	{ RXE_REQ_NOT_READY, IB_WC_RNR_RETRY_EXC_ERR, -1, RXE_STAT_RNR_EXCEEDED },
	{ RXE_REQ_BAD_ANSWER, IB_WC_BAD_RESP_ERR, -1, RXE_STAT_DROP_BAD_RESPONSE },
	{ RXE_REQ_MEMORY, IB_WC_LOC_PROT_ERR, -1, 0 },
	{ RXE_REQ_LENGTH, IB_WC_LOC_LEN_ERR, -1, 0 },
	{ RXE_REQ_UNSUPPORTED, IB_WC_LOC_QP_OP_ERR, -1, 0 },
	{ RXE_REQ_BIND, IB_WC_MW_BIND_ERR, -1, 0 },
};

UNIT_CASE(every_row)
{
	size_t i;

	CHECK_EQ(ARRAY_SIZE(rows) + 1, RXE_REQ_NUM_ERRS);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rxe_req_fate *fate = rxe_req_fate(rows[i].err);

		unit_note("error %u", rows[i].err);
		CHECK_EQ(rows[i].err, i + 1);
		CHECK_EQ(fate->status, rows[i].status);
		CHECK_EQ(fate->stat, rows[i].stat);
	}
}

/* A sequence NAK asks for more; the codes from 5 on are reserved. */
UNIT_CASE(every_nak_code)
{
	u32 code, i;

	for (code = 0; code < 32; code++) {
		enum rxe_req_err want = RXE_REQ_OK;

		for (i = 0; i < ARRAY_SIZE(rows); i++)
			if (rows[i].nak == (int)code)
				want = rows[i].err;
		unit_note("code %u", code);
		CHECK_EQ(rxe_req_nak_err(code), want);
	}
}

UNIT_CASE(own_memory)
{
	CHECK_EQ(rxe_req_mem_err(RXE_MEM_LENGTH), RXE_REQ_LENGTH);
	CHECK_EQ(rxe_req_mem_err(RXE_MEM_FAULT), RXE_REQ_MEMORY);
	CHECK_EQ(rxe_req_mem_err(RXE_MEM_ALIGN), RXE_REQ_MEMORY);
}
