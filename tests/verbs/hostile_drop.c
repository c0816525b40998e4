// SPDX-License-Identifier: GPL-2.0
/*
 * hostile.drop.*: a packet that is dropped raises one counter by one, that which names the reason,
 * and no other. Each packet is a good one in all but what its row says.
 *
 * The counters are the driver's own; without them (COUNTER is "-") it is still checked that the
 * packet leaves no trace. The reasons that are not here need memory to run out (drop_nomem) or
 * pages that are slow to come (drop_backlog); drop_multicast is in the table of groups.
 */
#include <string.h>

#include "hostile.h"

enum { LEN = 57, UC = 0x20, RD = 0x40 };

static const char *const reasons[] = {
	"drop_ip_header", "drop_short", "drop_version", "drop_opcode", "drop_length", "drop_icrc",
	"drop_qpn", "drop_qp_state", "drop_service", "drop_pkey", "drop_qkey", "drop_address",
	"drop_multicast", "drop_backlog", "drop_duplicate", "drop_no_recv", "drop_uc_request",
	"drop_ud_length", "drop_ud_memory", "drop_stale_response", "drop_bad_response",
	"drop_nomem",
};

enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

/* struct tally - what each counter was, and by how much it should have risen since. */
struct tally {
	uint64_t was[REASONS];
	int more[REASONS];
};

static void tally_open(struct tally *t, struct victim *v)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0; i < REASONS; i++)
		t->was[i] = victim_drops(v, reasons[i]);
}

static void tally_add(struct tally *t, const char *reason)
{
	for (int i = 0; i < REASONS; i++)
		if (!strcmp(reason, reasons[i])) {
			t->more[i]++;
			return;
		}
	t_fail("%s is not in the list of reasons", reason);
}

static void tally_want(const struct tally *t, struct victim *v)
{
	for (int i = 0; i < REASONS; i++)
		victim_dropped(v, reasons[i], t->was[i], t->more[i]);
}

/* struct row - one bad packet; @bend changes the fields of the good one, @warp the image. */
struct row {
	const char *what, *reason;
	uint8_t opcode;
	void (*bend)(struct victim *v, struct roce *r);
	void (*warp)(struct roce_img *img);
	bool reset;		/* to a QP in RESET */
};

static void version(struct victim *v, struct roce *r)
{
	(void)v;
	r->flags |= 5;
}

static void pad_only(struct victim *v, struct roce *r)
{
	(void)v;
	r->len = 0;
	r->flags |= 3 << 4;
}

static void nobody(struct victim *v, struct roce *r)
{
	(void)v;
	r->qpn = 0xfffffe;
}

static void partition(struct victim *v, struct roce *r)
{
	(void)v;
	r->pkey = 0x7ffe;
}

static void stranger(struct victim *v, struct roce *r)
{
	r->src.raw[v->me.family == 6 ? 15 : 3] += 70;
}

/* An address of the victim's host that is not on its netdev: up_elsewhere() of hostile.sh. */
static void elsewhere(struct victim *v, struct roce *r)
{
	r->dst.raw[v->it.family == 6 ? 15 : 3] += 100;
}

static void acked_before(struct victim *v, struct roce *r)
{
	r->psn = (v->e.psn - 1) & 0xffffff;
}

static void never_sent(struct victim *v, struct roce *r)
{
	r->psn = v->e.psn;
}

/* IPv4 options, or an IPv6 header of destination options: both do nothing. */
static void more_ip(struct roce_img *img)
{
	static const uint8_t nops[4] = { 1, 1, 1, 0 }, options[8] = { IPPROTO_UDP, 0, 1, 4 };
	size_t n = img->ip == 40 ? sizeof(options) : sizeof(nops);
	uint8_t *len = img->p + (img->ip == 40 ? 4 : 2);

	memmove(img->p + img->ip + n, img->p + img->ip, img->len - img->ip);
	memcpy(img->p + img->ip, img->ip == 40 ? options : nops, n);
	if (img->ip == 40)
		img->p[6] = IPPROTO_DSTOPTS;
	else
		img->p[0]++;
	len[1] += n;
	t_check(len[1] >= n, "the length has a carry");
	img->len += n;
}

static void cut_bth(struct roce_img *img)
{
	roce_resize(img, ROCE_BTH - 1);
}

static void cut_reth(struct roce_img *img)
{
	roce_resize(img, ROCE_BTH + ROCE_RETH - 1);
}

static void odd_length(struct roce_img *img)
{
	roce_resize(img, ROCE_BTH + LEN);
}

/* Four bytes beyond the largest MTU; the network would carry it. */
static void too_long(struct roce_img *img)
{
	roce_resize(img, ROCE_BTH + 4096 + 4);
}

static void flip_icrc(struct roce_img *img)
{
	img->p[img->icrc + 2] ^= 0x10;
	roce_rechecksum(img);
}

static const struct row rows[] = {
	{ "IP options", "drop_ip_header", OP_SEND_ONLY, NULL, more_ip, false },
	{ "cut within the BTH", "drop_short", OP_SEND_ONLY, NULL, cut_bth, false },
	{ "cut within the RETH", "drop_short", OP_WRITE_ONLY, NULL, cut_reth, false },
	{ "version 5", "drop_version", OP_SEND_ONLY, version, NULL, false },
	{ "a reserved opcode", "drop_opcode", 0x15, NULL, NULL, false },
	{ "an opcode of reliable datagrams", "drop_opcode", RD | OP_SEND_ONLY, NULL, NULL, false },
	{ "a length that is not padded", "drop_length", OP_SEND_ONLY, NULL, odd_length, false },
	{ "more pad than payload", "drop_length", OP_SEND_ONLY, pad_only, NULL, false },
	{ "a READ request with payload", "drop_length", OP_READ_REQUEST, NULL, NULL, false },
	{ "more payload than any MTU", "drop_length", OP_SEND_ONLY, NULL, too_long, false },
	{ "a wrong ICRC", "drop_icrc", OP_SEND_ONLY, NULL, flip_icrc, false },
	{ "a QPN that nobody has", "drop_qpn", OP_SEND_ONLY, nobody, NULL, false },
	{ "a QP in RESET", "drop_qp_state", OP_SEND_ONLY, NULL, NULL, true },
	{ "an opcode of UC", "drop_service", UC | OP_SEND_ONLY, NULL, NULL, false },
	{ "P_Key 0x7ffe", "drop_pkey", OP_SEND_ONLY, partition, NULL, false },
	{ "from a stranger", "drop_address", OP_SEND_ONLY, stranger, NULL, false },
	{ "to an address of no device", "drop_address", OP_SEND_ONLY, elsewhere, NULL, false },
	{ "an ACK of the PSN before the first", "drop_stale_response", OP_ACK, acked_before, NULL,
	  false },
	{ "an ACK of a PSN not yet sent", "drop_bad_response", OP_ACK, never_sent, NULL, false },
};

static void send_bad(struct victim *v, const struct row *row)
{
	static struct roce_img img;
	uint8_t data[LEN];
	struct roce r;

	aimed(v, &r, row->opcode);
	pattern_fill(data, LEN, t_rand(), 0);
	r.payload = data;
	r.len = row->opcode == OP_ACK ? 0 : row->opcode == OP_READ_REQUEST ? 8 : LEN;
	if (row->bend)
		row->bend(v, &r);
	roce_build(&r, &img);
	if (row->warp)
		row->warp(&img);
	roce_send(&v->wire, &img);
}

/* Each row at a QP that would take the packet, were it good. */
static void reliable(const struct t_case *c)
{
	struct tally tally;
	struct victim v;
	uint64_t before;

	(void)c;
	victim_open(&v);
	tally_open(&tally, &v);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_where("%s", rows[i].what);
		if (rows[i].reset)
			ep_to(&v.e, IBV_QPS_RESET);
		else
			victim_recv(&v, 7, 64);
		before = victim_drops(&v, rows[i].reason);
		send_bad(&v, &rows[i]);
		victim_dropped(&v, rows[i].reason, before, 1);
		tally_add(&tally, rows[i].reason);
		cq_none(v.e.rcq, 20, rows[i].what);
		buf_same(&v.buf, "victim's memory");
		ep_want_state(&v.e, rows[i].reset ? IBV_QPS_RESET : IBV_QPS_RTS, "victim's");
		victim_again(&v);
	}
	t_where("%s", "all together");
	tally_want(&tally, &v);
	victim_lives(&v);
}

/*
 * With a SEND outstanding: an answer of a kind that no SEND has ends the QP, a NAK of a code that
 * is reserved does nothing.
 */
static void answers(const struct t_case *c)
{
	static const struct {
		uint8_t opcode, syndrome;
		size_t len;
		enum ibv_wc_status status;
	} t[] = {
		{ OP_ACK, 0x60 | 5, 0, IBV_WC_SUCCESS },
		{ OP_ACK, 0x60 | 31, 0, IBV_WC_SUCCESS },
		{ OP_READ_RESP_ONLY, 0x1f, LEN, IBV_WC_BAD_RESP_ERR },
		{ OP_ATOMIC_ACK, 0x1f, 8, IBV_WC_BAD_RESP_ERR },
	};
	static struct roce_img img;
	struct tally tally;
	uint8_t data[LEN];
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	tally_open(&tally, &v);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct op op = { .code = IBV_WR_SEND, .id = i };

		t_where("opcode %#x, syndrome %#x", t[i].opcode, t[i].syndrome);
		ep_post(&v.e, &op);
		victim_request(&v, OP_SEND_ONLY, v.e.psn, &img);
		victim_packet(&v, &r, t[i].opcode);
		r.psn = v.e.psn;
		roce_aeth(&r, t[i].syndrome, 0);
		pattern_fill(data, LEN, t_rand(), 0);
		r.payload = data;
		r.len = t[i].len;
		victim_send(&v, &r);
		tally_add(&tally, "drop_bad_response");
		if (t[i].status == IBV_WC_SUCCESS) {
			cq_none(v.e.scq, 20, "a reserved NAK");
			victim_ack(&v, v.e.psn);
		}
		cq_want(v.e.scq, t[i].status, i, "SEND");
		buf_same(&v.buf, "victim's memory");
		victim_again(&v);
	}
	t_where("%s", "all together");
	tally_want(&tally, &v);
	victim_lives(&v);
}

/*
 * Requests from before the expected PSN that cannot have been executed then, or whose result is not
 * kept: nothing is done again, and nobody is told.
 */
static void duplicates(const struct t_case *c)
{
	static const struct {
		const char *what;
		uint8_t opcode;
		uint32_t back, len;
	} t[] = {
		{ "an atomic that never was", OP_FETCH_ADD, 1, 0 },
		{ "a READ that ends beyond what was executed", OP_READ_REQUEST, 1, 8192 },
		{ "a READ of more than a message", OP_READ_REQUEST, 1 << 20, 1U << 31 | 1 },
	};
	struct tally tally;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	tally_open(&tally, &v);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		t_where("%s", t[i].what);
		victim_lives(&v);
		victim_packet(&v, &r, t[i].opcode);
		r.psn = (v.psn - t[i].back) & 0xffffff;
		if (t[i].opcode == OP_FETCH_ADD)
			roce_atmeth(&r, (uintptr_t)v.buf.p / 8 * 8 + 64, v.buf.mr->rkey, 5, 0);
		else
			roce_reth(&r, (uintptr_t)v.buf.p, v.buf.mr->rkey, t[i].len);
		victim_send(&v, &r);
		tally_add(&tally, "drop_duplicate");
		tally_want(&tally, &v);
		victim_ignores(&v, t[i].what);
	}
	t_where("%s", "");
	victim_lives(&v);
}

/* A datagram QP in place of the connected one. */
static void open_datagrams(struct victim *v)
{
	struct ep_cfg cfg = ep_ud();

	victim_open(v);
	ep_close(&v->e);
	cfg.recv_wr = 64;
	ep_open(&v->e, 0, &cfg);
	victim_again(v);
}

/* What a datagram QP drops. A receive at fault ends it. */
static void datagrams(const struct t_case *c)
{
	enum { GRH = 40, OFF = 33 };
	static const struct {
		const char *what, *reason;
		int room;		/* bytes of the receive, 0: none */
		uint32_t lkey;		/* changed by */
		uint32_t qkey;		/* changed by */
	} t[] = {
		{ "no receive", "drop_no_recv", 0, 0, 0 },
		{ "a receive one byte short", "drop_ud_length", GRH + LEN - 1, 0, 0 },
		{ "a receive with a wrong key", "drop_ud_memory", GRH + LEN, 0x100, 0 },
		{ "a wrong Q_Key", "drop_qkey", GRH + LEN, 0, 1 },
	};
	struct tally tally;
	uint8_t data[LEN];
	struct ibv_wc wc;
	struct victim v;
	struct roce r;

	(void)c;
	open_datagrams(&v);
	tally_open(&tally, &v);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ibv_sge sge = buf_sge(&v.buf, OFF, t[i].room);
		uint64_t before = victim_drops(&v, t[i].reason);

		t_where("%s", t[i].what);
		sge.lkey ^= t[i].lkey;
		if (t[i].room)
			ep_recv(&v.e, &sge, 1, i);
		victim_packet(&v, &r, OP_UD_SEND_ONLY);
		roce_deth(&r, v.e.cfg.qkey ^ t[i].qkey, 5);
		pattern_fill(data, LEN, i, 0);
		r.payload = data;
		r.len = LEN;
		victim_send(&v, &r);
		victim_dropped(&v, t[i].reason, before, 1);
		tally_add(&tally, t[i].reason);
		if (t[i].lkey) {
			cq_poll(v.e.rcq, &wc, "receive with a wrong key");
			wc_want(&wc, IBV_WC_LOC_PROT_ERR, "receive with a wrong key");
		} else {
			cq_none(v.e.rcq, 20, t[i].what);
			ep_want_state(&v.e, IBV_QPS_RTS, "victim's");
		}
		buf_same(&v.buf, "victim's memory");
		victim_again(&v);
	}
	t_where("%s", "all together");
	tally_want(&tally, &v);
	pair_proves(&v.live);
}

const struct t_case cases_hostile_drop[] = {
	{ "hostile.drop.reliable", reliable, 0, 0, 60 },
	{ "hostile.drop.answers", answers, 0, 0, 0 },
	{ "hostile.drop.duplicates", duplicates, 0, 0, 0 },
	{ "hostile.drop.datagram", datagrams, 0, 0, 0 },
	{ }
};
