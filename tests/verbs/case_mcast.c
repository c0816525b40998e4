// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast of datagram QPs: attaching and detaching, a copy for each QP that is attached, the
 * sender's host included, nothing for others, and the device's limits.
 *
 * The sender is on side 0 and the listeners are on side 1. With one device all copies are those
 * that the host loops back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "xfer.h"

enum { GRH = 40, MCAST_QPN = 0xffffff, ROOM = 4096, MANY = 24 };

struct listener {
	struct ep e;
	struct buf dst;
};

struct mcast_rig {
	struct ep a;		/* sender */
	struct listener *l;
	int num;
	struct buf src;
	struct ibv_ah *ah;	/* to group 0 */
};

/* Group number @n of the family under test: 239.77.n and ff15::77:n. */
static union ibv_gid group(int n)
{
	union ibv_gid g = { };

	if (t_opts.family == 4) {
		g.raw[10] = 0xff;
		g.raw[11] = 0xff;
		g.raw[12] = 239;
		g.raw[13] = 77;
	} else {
		g.raw[0] = 0xff;
		g.raw[1] = 0x15;
		g.raw[13] = 77;
	}
	g.raw[14] = n >> 8;
	g.raw[15] = n;
	return g;
}

static void attach(struct ep *e, int n)
{
	union ibv_gid g = group(n);

	t_zero(ibv_attach_mcast(e->qp, &g, 0));
}

static void detach(struct ep *e, int n)
{
	union ibv_gid g = group(n);

	t_zero(ibv_detach_mcast(e->qp, &g, 0));
}

static void open_up(struct ep *e, int side, const struct ep_cfg *cfg)
{
	struct ep_peer self;

	ep_open(e, side, cfg);
	self = ep_self(e);
	ep_up(e, &self);
}

/* A sender, and @num listeners that are attached to nothing yet. */
static void rig_open(struct mcast_rig *r, int num)
{
	struct ep_cfg cfg = ep_ud();
	union ibv_gid g = group(0);

	open_up(&r->a, 0, &cfg);
	r->ah = ep_make_ah(r->a.dev, r->a.dev->pd, &g);
	buf_open(&r->src, r->a.dev, cfg.mtu + 64, 4095, 0);
	r->num = num;
	r->l = calloc(num, sizeof(*r->l));
	t_check(r->l, "out of memory");
	for (int i = 0; i < num; i++) {
		open_up(&r->l[i].e, 1, &cfg);
		buf_open(&r->l[i].dst, r->l[i].e.dev, ROOM + 200, 4091 + i,
			 IBV_ACCESS_LOCAL_WRITE);
	}
}

static void rig_attach(struct mcast_rig *r)
{
	for (int i = 0; i < r->num; i++)
		attach(&r->l[i].e, 0);
}

static void rig_close(struct mcast_rig *r)
{
	t_zero(ibv_destroy_ah(r->ah));
	ep_close(&r->a);
	for (int i = 0; i < r->num; i++)
		ep_close(&r->l[i].e);
	free(r->l);
}

/*
 * Post a receive at offset 5 of a freshly filled buffer. Where a copy too many is looked for, one
 * more than datagrams: without a receive it would be dropped unseen.
 */
static void listen_once(struct listener *l)
{
	struct ibv_sge sge = buf_sge(&l->dst, 5, GRH + ROOM);

	buf_refill(&l->dst);
	ep_recv(&l->e, &sge, 1, 0x4ec);
}

/* Send @len bytes from offset 3 of the source to @ah. */
static void send_to(struct mcast_rig *r, struct ibv_ah *ah, uint32_t qpn, uint32_t qkey, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->src, 3, len);
	struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 0x0d, .ah = ah,
			 .qpn = qpn, .qkey = qkey };

	ep_post(&r->a, &op);
	cq_want(r->a.scq, IBV_WC_SUCCESS, 0x0d, "multicast datagram");
}

/* New bytes, to group 0. */
static void send_group(struct mcast_rig *r, size_t len)
{
	buf_refill(&r->src);
	send_to(r, r->ah, MCAST_QPN, r->a.cfg.qkey, len);
}

static void check_grh(const uint8_t *g, const struct mcast_rig *r, const union ibv_gid *dgid)
{
	const union ibv_gid *sgid = &r->a.dev->gid;

	if (t_opts.family == 4) {
		t_check(g[20] == 0x45, "IPv4 version and length byte: got %#x", g[20]);
		t_check(g[28] == 64, "TTL: got %u, expected the 64 of the AH", g[28]);
		t_check(!memcmp(g + 32, sgid->raw + 12, 4), "source address is wrong");
		t_check(!memcmp(g + 36, dgid->raw + 12, 4), "destination is not the group");
	} else {
		t_check(g[0] >> 4 == 6, "IP version: got %u, expected 6", g[0] >> 4);
		t_check(g[7] == 64, "hop limit: got %u, expected the 64 of the AH", g[7]);
		t_check(!memcmp(g + 8, sgid->raw, 16), "source address is wrong");
		t_check(!memcmp(g + 24, dgid->raw, 16), "destination is not the group");
	}
}

/* The listener has what was sent last, @len bytes to group @n, and nothing else. */
static void hears_from(struct listener *l, const struct mcast_rig *r, int n, size_t len)
{
	union ibv_gid g = group(n);
	size_t end = 5 + GRH + len;
	struct ibv_wc wc;

	cq_poll(l->e.rcq, &wc, "multicast datagram at a listener");
	wc_want(&wc, IBV_WC_SUCCESS, "multicast datagram at a listener");
	t_check(wc.wr_id == 0x4ec && wc.opcode == IBV_WC_RECV, "wr_id %#lx opcode %d", wc.wr_id,
		wc.opcode);
	t_check(wc.byte_len == GRH + len, "byte_len: got %u, expected %zu", wc.byte_len, GRH + len);
	t_check(wc.qp_num == l->e.qp->qp_num, "completion of QP %#x", wc.qp_num);
	t_check(wc.src_qp == r->a.qp->qp_num, "src_qp: got %#x, expected %#x", wc.src_qp,
		r->a.qp->qp_num);
	t_check(wc.wc_flags & IBV_WC_GRH, "wc_flags %#x lack GRH", wc.wc_flags);
	t_check(!wc.pkey_index && !wc.slid && !wc.dlid_path_bits, "pkey %u, slid %u, path bits %u",
		wc.pkey_index, wc.slid, wc.dlid_path_bits);
	check_grh(l->dst.p + 5, r, &g);
	buf_range(&l->dst, 0, 5, l->dst.seed, 0, "before the receive");
	buf_range(&l->dst, 5 + GRH, len, r->src.seed, 3, "message");
	buf_range(&l->dst, end, l->dst.len - end, l->dst.seed, end, "behind the message");
	buf_same(&r->src, "source");
}

static void deaf(struct listener *l, int ms, const char *what)
{
	cq_none(l->e.rcq, ms, what);
	buf_same(&l->dst, what);
}

/* Every size, to @c->arg2 listeners. */
static void copies(const struct t_case *c)
{
	struct mcast_rig r;
	size_t m;

	t_opts.family = c->arg;
	rig_open(&r, c->arg2);
	m = r.a.cfg.mtu < ROOM ? r.a.cfg.mtu : ROOM;
	rig_attach(&r);
	size_t lens[] = { 0, 1, 2, 3, 4, 5, 63, 64, 65, 257, m / 2 + 1, m - 1, m,
			  t_rand() % m, t_rand() % m, t_rand() % m };

	for (int k = 0; k < r.num; k++)
		listen_once(&r.l[k]);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (int k = 0; k < r.num; k++)
			listen_once(&r.l[k]);
		send_group(&r, lens[i]);
		for (int k = 0; k < r.num; k++) {
			t_where("%zu bytes, listener %d", lens[i], k);
			hears_from(&r.l[k], &r, 0, lens[i]);
		}
	}
	for (int k = 0; k < r.num; k++) {
		cq_none(r.l[k].e.rcq, k ? 0 : 50, "a second copy");
		detach(&r.l[k].e, 0);
	}
	rig_close(&r);
}

/* The sender, attached, and another QP of its device hear it, too; without being attached not. */
static void loop(const struct t_case *c)
{
	struct listener self, mate;
	struct mcast_rig r;
	struct ep_cfg cfg;

	t_opts.family = c->arg;
	rig_open(&r, 1);
	cfg = r.a.cfg;
	rig_attach(&r);
	open_up(&mate.e, 0, &cfg);
	self.e = r.a;
	buf_open(&self.dst, r.a.dev, ROOM + 200, 7, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&mate.dst, r.a.dev, ROOM + 200, 9, IBV_ACCESS_LOCAL_WRITE);
	listen_once(&self);
	listen_once(&mate);
	listen_once(&r.l[0]);
	send_group(&r, 100);
	hears_from(&r.l[0], &r, 0, 100);
	deaf(&self, 100, "the sender is not attached");
	deaf(&mate, 0, "its neighbour is not attached");
	attach(&self.e, 0);
	attach(&mate.e, 0);
	listen_once(&r.l[0]);
	for (int i = 0; i < 50; i++) {
		t_where("round %d", i);
		listen_once(&r.l[0]);
		listen_once(&self);
		listen_once(&mate);
		send_group(&r, 5 * i);
		hears_from(&r.l[0], &r, 0, 5 * i);
		hears_from(&self, &r, 0, 5 * i);
		hears_from(&mate, &r, 0, 5 * i);
	}
	cq_none(self.e.rcq, 50, "a second copy");
	cq_none(mate.e.rcq, 0, "a second copy");
	cq_none(r.l[0].e.rcq, 0, "a second copy");
	detach(&self.e, 0);
	detach(&mate.e, 0);
	detach(&r.l[0].e, 0);
	ep_close(&mate.e);
	rig_close(&r);
}

/* What is detached hears nothing any more; the others still do. */
static void detached(const struct t_case *c)
{
	struct mcast_rig r;

	t_opts.family = c->arg;
	rig_open(&r, 4);
	rig_attach(&r);
	for (int gone = 0; gone < r.num; gone++) {
		for (int k = 0; k < r.num; k++)
			listen_once(&r.l[k]);
		detach(&r.l[gone].e, 0);
		send_group(&r, 200);
		for (int k = gone + 1; k < r.num; k++)
			hears_from(&r.l[k], &r, 0, 200);
		deaf(&r.l[gone], 50, "detached");
	}
	attach(&r.l[2].e, 0);
	listen_once(&r.l[2]);
	send_group(&r, 201);
	hears_from(&r.l[2], &r, 0, 201);
	detach(&r.l[2].e, 0);
	rig_close(&r);
}

/* Listener 0 in groups 0 to 2, listener 1 in group 1 only. */
static void groups(const struct t_case *c)
{
	struct mcast_rig r;
	struct ibv_ah *ah;
	union ibv_gid g;

	t_opts.family = c->arg;
	rig_open(&r, 2);
	for (int n = 0; n < 3; n++)
		attach(&r.l[0].e, n);
	attach(&r.l[1].e, 1);
	listen_once(&r.l[0]);
	listen_once(&r.l[1]);
	for (int n = 0; n < 4; n++) {
		t_where("group %d", n);
		listen_once(&r.l[0]);
		listen_once(&r.l[1]);
		g = group(n);
		ah = ep_make_ah(r.a.dev, r.a.dev->pd, &g);
		buf_refill(&r.src);
		send_to(&r, ah, MCAST_QPN, r.a.cfg.qkey, 300 + n);
		if (n < 3)
			hears_from(&r.l[0], &r, n, 300 + n);
		if (n == 1)
			hears_from(&r.l[1], &r, n, 300 + n);
		cq_none(r.l[0].e.rcq, 50, "another group, or a second copy");
		cq_none(r.l[1].e.rcq, 0, "another group, or a second copy");
		if (n != 1)
			buf_same(&r.l[1].dst, "of another group");
		t_zero(ibv_destroy_ah(ah));
	}
	for (int n = 0; n < 3; n++)
		detach(&r.l[0].e, n);
	detach(&r.l[1].e, 1);
	rig_close(&r);
}

/* Each QP judges the Q_Key for itself. */
static void qkey(const struct t_case *c)
{
	struct ibv_qp_attr attr = { .qkey = 0x1234567 };
	struct mcast_rig r;
	uint64_t before;

	(void)c;
	rig_open(&r, 3);
	rig_attach(&r);
	t_zero(ibv_modify_qp(r.l[1].e.qp, &attr, IBV_QP_QKEY));
	before = ep_counter(r.l[0].e.dev, "drop_qkey");
	for (int k = 0; k < r.num; k++)
		listen_once(&r.l[k]);
	send_group(&r, 77);
	hears_from(&r.l[0], &r, 0, 77);
	hears_from(&r.l[2], &r, 0, 77);
	deaf(&r.l[1], 50, "another Q_Key");
	t_check(ep_counter(r.l[0].e.dev, "drop_qkey") == before + 1, "drop_qkey: got %lu more",
		ep_counter(r.l[0].e.dev, "drop_qkey") - before);
	buf_refill(&r.src);
	send_to(&r, r.ah, MCAST_QPN, attr.qkey, 78);
	hears_from(&r.l[1], &r, 0, 78);
	for (int k = 0; k < r.num; k++)
		detach(&r.l[k].e, 0);
	rig_close(&r);
}

/* The multicast QPN and a group's address belong together. */
static void wrong_qpn(const struct t_case *c)
{
	struct mcast_rig r;
	struct ibv_ah *ah;
	struct ep_dev *d;
	uint64_t before;

	t_opts.family = c->arg;
	rig_open(&r, 1);
	d = r.l[0].e.dev;
	rig_attach(&r);
	listen_once(&r.l[0]);
	before = ep_counter(d, "drop_multicast");
	send_to(&r, r.ah, r.l[0].e.qp->qp_num, r.a.cfg.qkey, 50);
	deaf(&r.l[0], 100, "a QP's own number in a multicast datagram");
	t_check(ep_counter(d, "drop_multicast") == before + 1, "drop_multicast did not count it");
	ah = ep_make_ah(r.a.dev, r.a.dev->pd, &d->gid);
	before = ep_counter(d, "drop_qpn");
	send_to(&r, ah, MCAST_QPN, r.a.cfg.qkey, 50);
	deaf(&r.l[0], 100, "QPN 0xffffff in a unicast datagram");
	t_check(ep_counter(d, "drop_qpn") == before + 1, "drop_qpn did not count it");
	t_zero(ibv_destroy_ah(ah));
	send_group(&r, 50);
	hears_from(&r.l[0], &r, 0, 50);
	detach(&r.l[0].e, 0);
	rig_close(&r);
}

/* The group that every host is in. */
static union ibv_gid all_hosts(void)
{
	union ibv_gid g = group(1);

	g.raw[13] = 0;
	if (t_opts.family == 4)
		g.raw[12] = 224;
	else
		g.raw[1] = 2;
	return g;
}

/*
 * Thousands of datagrams to groups without a QP here, among a few to one that has: a group that the
 * network need not bring, and one that it always brings, whose datagrams are dropped and counted.
 */
static void nobody(const struct t_case *c)
{
	enum { FLOOD = 5000 };
	union ibv_gid none, all;
	struct ibv_ah *ah[2];
	struct mcast_rig r;
	uint64_t before;

	t_opts.family = c->arg;
	rig_open(&r, 1);
	rig_attach(&r);
	none = group(9);
	all = all_hosts();
	ah[0] = ep_make_ah(r.a.dev, r.a.dev->pd, &none);
	ah[1] = ep_make_ah(r.a.dev, r.a.dev->pd, &all);
	before = ep_counter(r.l[0].e.dev, "drop_multicast");
	for (int i = 0; i < FLOOD; i++) {
		if (i % 500 == 0) {
			listen_once(&r.l[0]);
			send_group(&r, i % 1000);
			hears_from(&r.l[0], &r, 0, i % 1000);
		}
		send_to(&r, ah[i & 1], MCAST_QPN, r.a.cfg.qkey, 100);
	}
	listen_once(&r.l[0]);
	deaf(&r.l[0], 50, "another group");
	before = ep_counter(r.l[0].e.dev, "drop_multicast") - before;
	t_check(before == FLOOD / 2, "drop_multicast: got %lu more, expected %d", before,
		FLOOD / 2);
	t_zero(ibv_destroy_ah(ah[0]));
	t_zero(ibv_destroy_ah(ah[1]));
	detach(&r.l[0].e, 0);
	rig_close(&r);
}

static void want_error(int got, int want, const char *what)
{
	char text[40];

	/* One buffer is all that t_errname() has. */
	snprintf(text, sizeof(text), "%s", t_errname(want));
	t_check(got == want, "%s: got %s, expected %s", what, t_errname(got), text);
}

/* Who may attach to what; a QP stays as long as it is attached. */
static void semantics(const struct t_case *c)
{
	union ibv_gid g, none = { };
	struct ep_cfg ud, rc;
	struct ep e, con;

	t_opts.family = c->arg;
	g = group(0);
	ud = ep_ud();
	rc = ep_rc();
	ep_open(&e, 0, &ud);
	ep_open(&con, 0, &rc);
	want_error(ibv_attach_mcast(con.qp, &g, 0), EINVAL, "attaching an RC QP");
	want_error(ibv_attach_mcast(e.qp, &e.dev->gid, 0), EINVAL, "attaching to a unicast GID");
	want_error(ibv_attach_mcast(e.qp, &none, 0), EINVAL, "attaching to GID 0");
	want_error(ibv_detach_mcast(e.qp, &g, 0), EINVAL, "detaching what is not attached");
	t_where("in RESET");
	t_zero(ibv_attach_mcast(e.qp, &g, 0));
	want_error(ibv_attach_mcast(e.qp, &g, 0), 0, "attaching again, as the core has it");
	want_error(ibv_attach_mcast(e.qp, &g, 7), EEXIST, "attaching again under another LID");
	want_error(ibv_detach_mcast(e.qp, &g, 7), EINVAL, "detaching under another LID");
	want_error(ibv_destroy_qp(e.qp), EBUSY, "destroying a QP that is attached");
	t_zero(ibv_detach_mcast(e.qp, &g, 0));
	want_error(ibv_detach_mcast(e.qp, &g, 0), EINVAL, "detaching twice");
	ep_to_init(&e);
	for (int i = 0; i < 100; i++) {
		attach(&e, i % 3);
		detach(&e, i % 3);
	}
	ep_close(&e);
	ep_close(&con);
}

static struct ibv_qp *tiny_qp(struct ep_dev *d, struct ibv_cq *cq)
{
	struct ibv_qp_init_attr init = { .send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_UD,
					 .cap = { 1, 2, 1, 1, 0 } };
	struct ibv_qp *qp = ibv_create_qp(d->pd, &init);

	t_check(qp, "ibv_create_qp: %s", strerror(errno));
	return qp;
}

static void want_limit(struct ibv_qp *qp, int n, const char *what)
{
	union ibv_gid g = group(n);

	want_error(ibv_attach_mcast(qp, &g, 0), ENOSPC, what);
}

/* As many groups as the device has, then as many QPs in them as it takes in all. */
static void limit_groups(const struct t_case *c)
{
	struct ibv_qp *qp[64], *late;
	struct ep_dev *d;
	struct ibv_cq *cq;
	union ibv_gid g;
	int max, total;

	t_opts.family = c->arg;
	d = ep_dev(0);
	max = d->attr.max_mcast_grp;
	total = d->attr.max_total_mcast_qp_attach;
	cq = ibv_create_cq(d->ctx, 10, NULL, NULL, 0);
	t_check(cq && max > 0 && total / max < 64, "limits: %d groups, %d in all", max, total);
	for (int i = 0; i < total; i++) {
		if (i % max == 0)
			qp[i / max] = tiny_qp(d, cq);
		g = group(i % max);
		t_where("QP %d, group %d", i / max, i % max);
		t_zero(ibv_attach_mcast(qp[i / max], &g, 0));
		if (i == max - 1)
			want_limit(qp[0], max, "one group more than max_mcast_grp");
	}
	late = tiny_qp(d, cq);
	want_limit(late, 0, "one QP more than max_total_mcast_qp_attach");
	for (int i = 0; i < total; i++) {
		g = group(i % max);
		t_zero(ibv_detach_mcast(qp[i / max], &g, 0));
		if (i % max == max - 1)
			t_zero(ibv_destroy_qp(qp[i / max]));
	}
	t_where("after all have left");
	g = group(max);
	t_zero(ibv_attach_mcast(late, &g, 0));
}

/* Receives of all QPs go into slices of one buffer; slice and wr_id are the QP's index. */
static void slice_recv(struct ibv_qp *qp, const struct buf *b, int i, size_t size)
{
	struct ibv_sge sge = buf_sge(b, i * size, size);
	struct ibv_recv_wr *bad, wr = { .wr_id = i, .sg_list = &sge, .num_sge = 1 };

	t_zero(ibv_post_recv(qp, &wr, &bad));
}

static void up(struct ibv_qp *qp, const struct ep *like)
{
	struct ep_peer self = ep_self(like);
	struct ep e = *like;

	e.qp = qp;
	ep_up(&e, &self);
}

/* A group with as many QPs as it takes: each gets its copy, while the CPU stays usable. */
static void limit_qps(const struct t_case *c)
{
	enum { SIZE = GRH + 64 };
	int max = ep_dev(1)->attr.max_mcast_qp_attach;
	struct ibv_qp **qp = calloc(max + 1, sizeof(*qp));
	bool *seen = calloc(max, sizeof(*seen));
	struct mcast_rig r;
	struct ibv_cq *cq;
	union ibv_gid g;
	struct ibv_wc wc;
	struct buf dst;

	(void)c;
	rig_open(&r, 1);
	g = group(0);
	cq = ibv_create_cq(r.l[0].e.dev->ctx, 2 * max, NULL, NULL, 0);
	t_check(qp && seen && cq, "no CQ of %d: %s", 2 * max, strerror(errno));
	buf_open(&dst, r.l[0].e.dev, (size_t)max * SIZE, 3, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i <= max; i++) {
		t_where("QP %d of %d", i, max);
		qp[i] = tiny_qp(r.l[0].e.dev, cq);
		if (i == max)
			break;
		up(qp[i], &r.l[0].e);
		slice_recv(qp[i], &dst, i, SIZE);
		slice_recv(qp[i], &dst, i, SIZE);
		t_zero(ibv_attach_mcast(qp[i], &g, 0));
	}
	want_limit(qp[max], 0, "one QP more than max_mcast_qp_attach");
	t_where("a copy for each of %d", max);
	send_group(&r, 64);
	for (int i = 0; i < max; i++) {
		cq_poll(cq, &wc, "a copy");
		wc_want(&wc, IBV_WC_SUCCESS, "a copy");
		t_check(wc.wr_id < (unsigned int)max && !seen[wc.wr_id], "QP %lu again", wc.wr_id);
		seen[wc.wr_id] = true;
		buf_range(&dst, wc.wr_id * SIZE + GRH, 64, r.src.seed, 3, "message");
	}
	cq_none(cq, 20, "a copy too many");
	for (int i = 0; i < max; i++) {
		t_zero(ibv_detach_mcast(qp[i], &g, 0));
		t_zero(ibv_destroy_qp(qp[i]));
	}
}

const struct t_case cases_mcast[] = {
	{ "mcast.attach.v4", semantics, 4, 0, 0 },
	{ "mcast.attach.v6", semantics, 6, 0, 0 },
	{ "mcast.copies.v4", copies, 4, 3, 0 },
	{ "mcast.copies.v6", copies, 6, 3, 0 },
	{ "mcast.copies.many.v4", copies, 4, MANY, 0 },
	{ "mcast.copies.many.v6", copies, 6, MANY, 0 },
	{ "mcast.loop.v4", loop, 4, 0, 0 },
	{ "mcast.loop.v6", loop, 6, 0, 0 },
	{ "mcast.detached.v4", detached, 4, 0, 0 },
	{ "mcast.detached.v6", detached, 6, 0, 0 },
	{ "mcast.groups.v4", groups, 4, 0, 0 },
	{ "mcast.groups.v6", groups, 6, 0, 0 },
	{ "mcast.qkey", qkey, 0, 0, 0 },
	{ "mcast.wrong_qpn.v4", wrong_qpn, 4, 0, 0 },
	{ "mcast.wrong_qpn.v6", wrong_qpn, 6, 0, 0 },
	{ "mcast.nobody.v4", nobody, 4, 0, 0 },
	{ "mcast.nobody.v6", nobody, 6, 0, 0 },
	{ "mcast.limit.groups.v4", limit_groups, 4, 0, 90 },
	{ "mcast.limit.groups.v6", limit_groups, 6, 0, 90 },
	{ "mcast.limit.qps", limit_qps, 0, 0, 90 },
	{ }
};
