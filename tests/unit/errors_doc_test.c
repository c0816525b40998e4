// SPDX-License-Identifier: GPL-2.0
/*
 * Documentation/errors.rst says what the tables of resp_err.c and req_err.c do. Its tables are
 * printed from them, between marks; a case fails when the page says something else, and
 * UNIT_WRITE=1 writes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/array_size.h>
#include <linux/types.h>

#include "../../drivers/infiniband/sw/rxe/qp/req_err.h"
#include "../../drivers/infiniband/sw/rxe/qp/resp_err.h"
#include "../../drivers/infiniband/sw/rxe/wire/aeth.h"
#include "unit.h"

#define PAGE	"../../Documentation/errors.rst"
#define BEGIN	".. begin: printed by tests/unit/errors_doc_test.c\n"
#define END	".. end\n"

static const char *const what[RXE_RESP_NUM_ERRS] = {
	[RXE_RESP_DUPLICATE]	= "PSN before the expected one",
	[RXE_RESP_GAP]		= "PSN after the expected one",
	[RXE_RESP_RNR]		= "nothing posted to receive it",
	[RXE_RESP_SEQUENCE]	= "not the packet that the message goes on with",
	[RXE_RESP_UNSUPPORTED]	= "operation that the QP does not accept",
	[RXE_RESP_LENGTH]	= "payload and announced length do not fit",
	[RXE_RESP_MISALIGNED]	= "atomic not on an 8-byte boundary",
	[RXE_RESP_ACCESS]	= "R_Key, range or rights",
	[RXE_RESP_INVALIDATE]	= "R_Key that cannot be invalidated",
	[RXE_RESP_TOO_LONG]	= "more than the receive has room for",
	[RXE_RESP_RECV_MEMORY]	= "the receive's memory is not accessible",
	[RXE_RESP_RECV_WQE]	= "the receive is malformed",
	[RXE_RESP_MEMORY]	= "memory behind a valid R_Key is not accessible",
};

static const char *const why[RXE_REQ_NUM_ERRS] = {
	[RXE_REQ_NAK_REQUEST]	= "NAK, invalid request",
	[RXE_REQ_NAK_ACCESS]	= "NAK, remote access",
	[RXE_REQ_NAK_OPERATION]	= "NAK, remote operation",
	[RXE_REQ_NAK_RD]	= "NAK, invalid RD request",
	[RXE_REQ_SILENCE]	= "silence or loss, beyond retry_cnt in a row",
	[RXE_REQ_NOT_READY]	= "RNR NAK, beyond rnr_retry in a row",
	[RXE_REQ_BAD_ANSWER]	= "an answer that does not fit the request",
	[RXE_REQ_MEMORY]	= "L_Key, range, rights or memory of a list",
	[RXE_REQ_LENGTH]	= "a list, or inline data, that is too long",
	[RXE_REQ_UNSUPPORTED]	= "an operation that the QP does not have",
	[RXE_REQ_BIND]		= "binding or invalidating that is not allowed",
};

static const char *status_name(enum ib_wc_status status)
{
	static const char *const names[] = {
		[IB_WC_LOC_LEN_ERR] = "LOC_LEN_ERR",
		[IB_WC_LOC_QP_OP_ERR] = "LOC_QP_OP_ERR",
		[IB_WC_LOC_PROT_ERR] = "LOC_PROT_ERR",
		[IB_WC_MW_BIND_ERR] = "MW_BIND_ERR",
		[IB_WC_LOC_ACCESS_ERR] = "LOC_ACCESS_ERR",
		[IB_WC_REM_INV_REQ_ERR] = "REM_INV_REQ_ERR",
		[IB_WC_REM_ACCESS_ERR] = "REM_ACCESS_ERR",
		[IB_WC_REM_OP_ERR] = "REM_OP_ERR",
		[IB_WC_REM_INV_RD_REQ_ERR] = "REM_INV_RD_REQ_ERR",
		[IB_WC_RETRY_EXC_ERR] = "RETRY_EXC_ERR",
		[IB_WC_RNR_RETRY_EXC_ERR] = "RNR_RETRY_EXC_ERR",
		[IB_WC_BAD_RESP_ERR] = "BAD_RESP_ERR",
	};

	if (status >= ARRAY_SIZE(names) || !names[status])
		unit_fail(__FILE__, __LINE__, "status %d has no name here", status);
	return names[status];
}

static const char *event_name(enum ib_event_type event)
{
	static const char *const names[] = {
		[IB_EVENT_QP_FATAL] = "QP_FATAL",
		[IB_EVENT_QP_REQ_ERR] = "QP_REQ_ERR",
		[IB_EVENT_QP_ACCESS_ERR] = "QP_ACCESS_ERR",
	};

	if (event >= ARRAY_SIZE(names) || !names[event])
		unit_fail(__FILE__, __LINE__, "event %d has no name here", event);
	return names[event];
}

static const char *answer_name(const struct rxe_resp_fate *fate)
{
	static const char *const nak[] = {
		[RXE_NAK_PSN_SEQ] = "NAK, sequence", [RXE_NAK_INV_REQ] = "NAK, invalid request",
		[RXE_NAK_REM_ACCESS] = "NAK, remote access",
		[RXE_NAK_REM_OP] = "NAK, remote operation",
	};

	if (!fate->answer)
		return "none";
	if (rxe_aeth_kind(fate->syndrome) == RXE_AETH_RNR)
		return "RNR NAK";
	return nak[rxe_aeth_value(fate->syndrome)];
}

static const char *counter_name(u8 stat)
{
	static const char *const names[] = {
		[RXE_STAT_OUT_OF_SEQ] = "out_of_seq_request",
		[RXE_STAT_DROP_NO_RECV] = "drop_no_recv",
		[RXE_STAT_DROP_UC_REQUEST] = "drop_uc_request",
		[RXE_STAT_DROP_UD_LENGTH] = "drop_ud_length",
		[RXE_STAT_DROP_UD_MEMORY] = "drop_ud_memory",
		[RXE_STAT_REMOTE_INV_REQ_ERR] = "remote_invalid_req_err",
		[RXE_STAT_REMOTE_ACCESS_ERR] = "remote_access_err",
		[RXE_STAT_REMOTE_OP_ERR] = "remote_op_err",
		[RXE_STAT_RETRY_EXCEEDED] = "retry_exceeded_err",
		[RXE_STAT_RNR_EXCEEDED] = "retry_rnr_exceeded_err",
		[RXE_STAT_DROP_BAD_RESPONSE] = "drop_bad_response",
	};

	if (!stat)
		return "\\-";
	if (stat >= ARRAY_SIZE(names) || !names[stat])
		unit_fail(__FILE__, __LINE__, "counter %u has no name here", stat);
	return names[stat];
}

#define RULE	"============================================= ====================== " \
		"================ ===============\n"
#define ROW	"%-45s %-22s %-16s %s\n"

/* Has the table a row for it? */
static bool is_row(const struct rxe_resp_fate *fate)
{
	return fate->answer || fate->fatal || fate->drop;
}

static void print_table(FILE *f, enum ib_qp_type type)
{
	bool reliable = type == IB_QPT_RC;
	u32 err;

	fprintf(f, "\n%s" ROW RULE, RULE, "what is wrong", reliable ? "answer" : "dropped, counted",
		"receive", "or event");
	for (err = RXE_RESP_OK + 1; err < RXE_RESP_NUM_ERRS; err++) {
		const struct rxe_resp_fate *fate = rxe_resp_fate(type, err);

		if (!is_row(fate))
			continue;
		CHECK(what[err]);
		fprintf(f, ROW, what[err],
			reliable ? answer_name(fate) : counter_name(fate->drop),
			fate->fatal ? status_name(fate->status) : "\\-",
			fate->fatal ? event_name(fate->event) : "\\-");
	}
	fprintf(f, "%s", RULE);
}

#define REQ_RULE "=========================================== ====================== " \
		"======================\n"
#define REQ_ROW	"%-43s %-22s %s\n"

static void print_requester(FILE *f)
{
	u32 err;

	fprintf(f, "\n%s" REQ_ROW REQ_RULE, REQ_RULE, "what happened", "completion", "counted");
	for (err = RXE_REQ_OK + 1; err < RXE_REQ_NUM_ERRS; err++) {
		const struct rxe_req_fate *fate = rxe_req_fate(err);

		CHECK(why[err]);
		fprintf(f, REQ_ROW, why[err], status_name(fate->status), counter_name(fate->stat));
	}
	fprintf(f, "%s", REQ_RULE);
}

static char *print_all(void)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	CHECK(f);
	fprintf(f, "\nReliable connections:\n");
	print_table(f, IB_QPT_RC);
	fprintf(f, "\nUnreliable connections:\n");
	print_table(f, IB_QPT_UC);
	fprintf(f, "\nDatagrams, of which only the receive can be at fault:\n");
	print_table(f, IB_QPT_UD);
	fprintf(f, "\nThe requester:\n");
	print_requester(f);
	fprintf(f, "\n");
	fclose(f);
	return text;
}

static char *read_page(void)
{
	FILE *f = fopen(PAGE, "r");
	char *text = calloc(1, 1 << 16);

	CHECK(f && text);
	CHECK(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

static void write_page(const char *page, const char *from, const char *to, const char *text)
{
	FILE *f = fopen(PAGE, "w");

	CHECK(f);
	fprintf(f, "%.*s%s%s", (int)(from - page), page, text, to);
	fclose(f);
}

UNIT_CASE(the_page_says_what_the_tables_do)
{
	char *page = read_page(), *text = print_all(), *from, *to;

	from = strstr(page, BEGIN);
	CHECK(from);
	from += strlen(BEGIN);
	to = strstr(from, END);
	CHECK(to);
	if (getenv("UNIT_WRITE"))
		write_page(page, from, to, text);
	else if ((size_t)(to - from) != strlen(text) || memcmp(from, text, to - from))
		unit_fail(__FILE__, __LINE__, PAGE " is old: UNIT_WRITE=1 make -C tests/unit run");
	free(text);
	free(page);
}
