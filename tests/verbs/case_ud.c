// SPDX-License-Identifier: GPL-2.0
/*
 * Unreliable datagrams: sizes, the 40 bytes in front of each message, Q_Keys, address handles.
 *
 * The first 40 bytes of a receive are the GRH area: an IPv6 header, or 20 bytes that nobody may
 * rely on followed by an IPv4 header. A datagram that is refused leaves no trace at the receiver,
 * and its sender still sees success; nobody can tell it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cases.h"
#include "xfer.h"

enum { GRH = 40 };

struct ud_rig {
	struct ep_pair p;
	struct ibv_ah *ah;	/* from a to b */
	struct buf src, dst;
};

static void rig_open(struct ud_rig *r)
{
	struct ep_cfg cfg = ep_ud();

	ep_pair_open(&r->p, &cfg);
	r->ah = ep_make_ah(r->p.a.dev, r->p.a.dev->pd, &r->p.b.dev->gid);
	buf_open(&r->src, r->p.a.dev, cfg.mtu + 64, 4095, 0);
	buf_open(&r->dst, r->p.b.dev, cfg.mtu + 200, 4091, IBV_ACCESS_LOCAL_WRITE);
}

static struct op ud_op(struct ud_rig *r, struct ibv_sge *sge)
{
	return (struct op){ .code = IBV_WR_SEND, .sge = sge, .nsge = 1, .id = 0x0d, .ah = r->ah,
			    .qpn = r->p.b.qp->qp_num, .qkey = r->p.b.cfg.qkey };
}

/* Send @len bytes from offset 3 of src; the receive is at offset 5 of dst with room for @room. */
static void send_one(struct ud_rig *r, struct op *op, size_t len, size_t room)
{
	struct ibv_sge rsge = buf_sge(&r->dst, 5, GRH + room);

	buf_refill(&r->src);
	buf_refill(&r->dst);
	*op->sge = buf_sge(&r->src, 3, len);
	ep_recv(&r->p.b, &rsge, 1, 0x4ec);
	ep_post(&r->p.a, op);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, 0x0d, "datagram");
}

static void check_message(struct ud_rig *r, struct ibv_wc *wc, size_t len)
{
	cq_poll(r->p.b.rcq, wc, "datagram at the receiver");
	wc_want(wc, IBV_WC_SUCCESS, "datagram at the receiver");
	t_check(wc->wr_id == 0x4ec && wc->opcode == IBV_WC_RECV, "receive: wr_id %#lx opcode %d",
		wc->wr_id, wc->opcode);
	t_check(wc->byte_len == GRH + len, "byte_len: got %u, expected %zu", wc->byte_len,
		GRH + len);
	t_check(wc->src_qp == r->p.a.qp->qp_num, "src_qp: got %#x, expected %#x", wc->src_qp,
		r->p.a.qp->qp_num);
	t_check(wc->wc_flags & IBV_WC_GRH, "wc_flags %#x lack GRH", wc->wc_flags);
	t_check(wc->pkey_index == 0, "pkey_index: got %u", wc->pkey_index);
	buf_range(&r->dst, 0, 5, r->dst.seed, 0, "before the receive");
	buf_range(&r->dst, 5 + GRH, len, r->src.seed, 3, "message");
	buf_range(&r->dst, 5 + GRH + len, r->dst.len - 5 - GRH - len, r->dst.seed, 5 + GRH + len,
		  "behind the message");
	buf_same(&r->src, "source");
}

static void sizes(const struct t_case *c)
{
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;
	size_t m;

	t_opts.family = c->arg;
	rig_open(&r);
	op = ud_op(&r, &sge);
	m = r.p.a.cfg.mtu;
	size_t lens[] = { 0, 1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 255, 256, 257, m / 2 + 1, m - 3,
			  m - 2, m - 1, m };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		t_where("%zu bytes", lens[i]);
		send_one(&r, &op, lens[i], lens[i]);
		check_message(&r, &wc, lens[i]);
	}
	for (int i = 0; i < 200; i++) {
		size_t len = t_rand() % (m + 1);

		t_where("round %d, %zu bytes", i, len);
		send_one(&r, &op, len, m);
		check_message(&r, &wc, len);
	}
	ep_pair_close(&r.p);
	t_zero(ibv_destroy_ah(r.ah));
}

static uint16_t ip_sum(const uint8_t *h)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += h[i] << 8 | h[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void check_v4(const uint8_t *g, const struct ud_rig *r)
{
	const uint8_t *h = g + 20;

	t_check(h[0] == 0x45, "IPv4 version and length byte: got %#x, expected 0x45", h[0]);
	t_check(h[9] == IPPROTO_UDP, "protocol: got %u, expected UDP", h[9]);
	t_check(!memcmp(h + 12, r->p.a.dev->gid.raw + 12, 4), "source address is wrong");
	t_check(!memcmp(h + 16, r->p.b.dev->gid.raw + 12, 4), "destination address is wrong");
	t_check(g[0] >> 4 != 6 || ip_sum(h) == 0xffff,
		"the area begins like IPv6 and the IPv4 checksum is wrong: readers cannot tell");
}

static void check_v6(const uint8_t *g, const struct ud_rig *r)
{
	t_check(g[0] >> 4 == 6, "IP version: got %u, expected 6", g[0] >> 4);
	t_check(g[6] == IPPROTO_UDP, "next header: got %u, expected UDP", g[6]);
	t_check(!memcmp(g + 8, r->p.a.dev->gid.raw, 16), "source address is wrong");
	t_check(!memcmp(g + 24, r->p.b.dev->gid.raw, 16), "destination address is wrong");
}

/* What is in the GRH area, and that libibverbs can answer from it. */
static void grh(const struct t_case *c)
{
	struct ibv_sge sge, back_sge;
	struct ibv_ah *back;
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;

	t_opts.family = c->arg;
	rig_open(&r);
	op = ud_op(&r, &sge);
	send_one(&r, &op, 100, 100);
	check_message(&r, &wc, 100);
	(c->arg == 4 ? check_v4 : check_v6)(r.dst.p + 5, &r);
	back = ibv_create_ah_from_wc(r.p.b.dev->pd, &wc, (struct ibv_grh *)(r.dst.p + 5),
				     t_opts.port);
	t_check(back, "ibv_create_ah_from_wc: %s", strerror(errno));
	struct ud_rig rr = { .p = { r.p.b, r.p.a }, .ah = back };

	buf_open(&rr.src, rr.p.a.dev, 1000, 1, 0);
	buf_open(&rr.dst, rr.p.b.dev, 1200, 2, IBV_ACCESS_LOCAL_WRITE);
	op = ud_op(&rr, &back_sge);
	send_one(&rr, &op, 777, 777);
	check_message(&rr, &wc, 777);
	t_zero(ibv_destroy_ah(back));
	ep_pair_close(&r.p);
}

static void with_imm(const struct t_case *c)
{
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;

	(void)c;
	rig_open(&r);
	op = ud_op(&r, &sge);
	op.code = IBV_WR_SEND_WITH_IMM;
	for (int i = 0; i < 20; i++) {
		op.imm = t_rand();
		send_one(&r, &op, 13 * i, 13 * i);
		check_message(&r, &wc, 13 * i);
		t_check(wc.wc_flags & IBV_WC_WITH_IMM && ntohl(wc.imm_data) == op.imm,
			"immediate: got flags %#x data %#x, expected data %#x", wc.wc_flags,
			ntohl(wc.imm_data), op.imm);
	}
	ep_pair_close(&r.p);
}

/* Nothing of the datagram just sent was seen, and the receive still waits for a good one. */
static void dropped(struct ud_rig *r, struct op *good, const char *what)
{
	struct ibv_wc wc;

	cq_none(r->p.b.rcq, 100, what);
	buf_same(&r->dst, what);
	buf_refill(&r->src);
	*good->sge = buf_sge(&r->src, 3, 50);
	ep_post(&r->p.a, good);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, 0x0d, "good datagram");
	check_message(r, &wc, 50);
}

static void qkey(const struct t_case *c)
{
	struct ibv_sge sge;
	struct op op, good;
	struct ud_rig r;
	struct ibv_wc wc;

	(void)c;
	rig_open(&r);
	good = ud_op(&r, &sge);
	op = good;
	op.qkey ^= 1;
	send_one(&r, &op, 50, 50);
	dropped(&r, &good, "wrong Q_Key");
	op = good;
	op.qkey = 0;
	send_one(&r, &op, 50, 50);
	dropped(&r, &good, "Q_Key 0");
	op = good;
	op.qkey = 0x80000000;
	t_where("a Q_Key with the top bit set stands for the sender's own");
	send_one(&r, &op, 60, 60);
	check_message(&r, &wc, 60);
	ep_pair_close(&r.p);
}

static void wrong_qpn(const struct t_case *c)
{
	struct ep_cfg rc = ep_rc();
	struct ep_peer self;
	struct ibv_sge sge;
	struct op op, good;
	struct ud_rig r;
	struct ep e;

	(void)c;
	rig_open(&r);
	good = ud_op(&r, &sge);
	op = good;
	op.qpn = 0x7ffff0;
	send_one(&r, &op, 50, 50);
	dropped(&r, &good, "QPN of nobody");
	ep_open(&e, 1, &rc);
	self = ep_self(&e);
	ep_up(&e, &self);
	ep_recv(&e, NULL, 0, 1);
	op.qpn = e.qp->qp_num;
	send_one(&r, &op, 50, 50);
	cq_none(e.rcq, 50, "datagram to an RC QP");
	ep_want_state(&e, IBV_QPS_RTS, "RC");
	dropped(&r, &good, "QPN of an RC QP");
	ep_pair_close(&r.p);
}

/* Longer than the MTU: completes without an error, and no packet is sent (C10-93.1.1). */
static void above_mtu(const struct t_case *c)
{
	struct ibv_sge sge;
	struct op op, good;
	uint64_t counted;
	struct ud_rig r;

	(void)c;
	rig_open(&r);
	if (128 << r.p.a.dev->port.active_mtu != r.p.a.cfg.mtu)
		t_skip("--mtu is below the port's");
	good = ud_op(&r, &sge);
	op = good;
	counted = ep_counter(r.p.a.dev, "tx_above_mtu");
	send_one(&r, &op, r.p.a.cfg.mtu + 1, r.p.a.cfg.mtu + 1);
	t_check(ep_counter(r.p.a.dev, "tx_above_mtu") == counted + 1, "it was not counted once");
	dropped(&r, &good, "a datagram above the MTU");
	ep_pair_close(&r.p);
}

/* The netdev of a side's device and its MTU; 0 if it is in another name space. */
static int netdev_mtu(int side, struct ifreq *req)
{
	const struct ep_dev *dev = ep_dev(side);
	char path[160];
	FILE *f;
	int fd, rc;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/1/gid_attrs/ndevs/%d",
		 ibv_get_device_name(dev->ctx->device), dev->gid_index);
	f = fopen(path, "r");
	t_check(f && fscanf(f, "%15s", req->ifr_name) == 1, "%s cannot be read", path);
	fclose(f);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	rc = ioctl(fd, SIOCGIFMTU, req);
	close(fd);
	return rc ? 0 : req->ifr_mtu;
}

static bool set_mtu(struct ifreq req, int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), rc;

	req.ifr_mtu = mtu;
	rc = ioctl(fd, SIOCSIFMTU, &req);
	close(fd);
	return !rc;
}

/* As it was found. */
static struct ifreq netdev;

static void mtu_back(const char *reason)
{
	(void)reason;
	set_mtu(netdev, netdev.ifr_mtu);
}

/* The netdev's MTU grows: what the port then says may be sent, also by a queue pair from before. */
static void mtu_grows(const struct t_case *c)
{
	int full = ep_dev(0)->mtu;
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;

	(void)c;
	if (!netdev_mtu(0, &netdev) || ep_dev(0) != ep_dev(1) || full <= 1024)
		t_skip("for one device, looped back, with a large MTU");
	t_on_fail(mtu_back);
	t_check(set_mtu(netdev, 1500), "MTU 1500: %s", strerror(errno));
	rig_open(&r);
	op = ud_op(&r, &sge);
	send_one(&r, &op, 1024, 1024);
	check_message(&r, &wc, 1024);
	send_one(&r, &op, 1025, 1025);
	cq_none(r.p.b.rcq, 100, "a datagram above the MTU");
	t_check(set_mtu(netdev, netdev.ifr_mtu), "MTU as before: %s", strerror(errno));
	ep_post(&r.p.a, &op);
	cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x0d, "datagram");
	check_message(&r, &wc, 1025);
	send_one(&r, &op, full, full);
	check_message(&r, &wc, full);
	ep_pair_close(&r.p);
}

static void no_receive(const struct t_case *c)
{
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;

	(void)c;
	rig_open(&r);
	op = ud_op(&r, &sge);
	sge = buf_sge(&r.src, 0, 10);
	for (int i = 0; i < 5; i++) {
		ep_post(&r.p.a, &op);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x0d, "datagram to an empty queue");
	}
	cq_none(r.p.b.rcq, 100, "nothing was posted");
	send_one(&r, &op, 50, 50);
	check_message(&r, &wc, 50);
	ep_pair_close(&r.p);
}

/* A receive that is too small is left alone: the datagram is dropped, and nothing written. */
static void small_receive(const struct t_case *c)
{
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;
	uint64_t before;
	struct op op;

	rig_open(&r);
	before = ep_counter(r.p.b.dev, "drop_ud_length");
	op = ud_op(&r, &sge);
	send_one(&r, &op, 300, c->arg);
	cq_none(r.p.b.rcq, 100, "datagram longer than its receive");
	t_check(ep_counter(r.p.b.dev, "drop_ud_length") == before + 1, "it was not counted once");
	buf_same(&r.dst, "the receive");
	ep_want_state(&r.p.b, IBV_QPS_RTS, "responder's");
	ep_pair_again(&r.p);
	op = ud_op(&r, &sge);
	send_one(&r, &op, 50, 50);
	check_message(&r, &wc, 50);
	ep_pair_close(&r.p);
}

/* Gather from three pieces, scatter into pieces that cut the GRH area. */
static void lists(const struct t_case *c)
{
	struct ibv_sge s[3], d[4];
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;

	(void)c;
	rig_open(&r);
	op = ud_op(&r, s);
	op.nsge = 3;
	s[0] = buf_sge(&r.src, 3, 17);
	s[1] = buf_sge(&r.src, 20, 0);
	s[2] = buf_sge(&r.src, 20, 123);
	d[0] = buf_sge(&r.dst, 5, 11);
	d[1] = buf_sge(&r.dst, 16, 30);
	d[2] = buf_sge(&r.dst, 46, 1);
	d[3] = buf_sge(&r.dst, 47, 200);
	ep_recv(&r.p.b, d, 4, 0x4ec);
	ep_post(&r.p.a, &op);
	cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x0d, "datagram");
	check_message(&r, &wc, 140);
	ep_pair_close(&r.p);
}

static void other_pd(const struct t_case *c)
{
	struct ibv_sge sge;
	struct op op, good;
	struct ud_rig r;
	struct ibv_wc wc;

	(void)c;
	rig_open(&r);
	good = ud_op(&r, &sge);
	op = good;
	op.ah = ep_make_ah(r.p.a.dev, ibv_alloc_pd(r.p.a.dev->ctx), &r.p.b.dev->gid);
	sge = buf_sge(&r.src, 0, 10);
	if (!ep_post_try(&r.p.a, &op)) {
		cq_poll(r.p.a.scq, &wc, "AH of another PD");
		t_check(wc.status == IBV_WC_LOC_QP_OP_ERR || wc.status == IBV_WC_LOC_PROT_ERR,
			"AH of another PD: got \"%s\", expected a local QP or protection error",
			ibv_wc_status_str(wc.status));
	}
	cq_none(r.p.b.rcq, 50, "AH of another PD");
	ep_pair_again(&r.p);
	good = ud_op(&r, &sge);
	send_one(&r, &good, 50, 50);
	check_message(&r, &wc, 50);
	ep_pair_close(&r.p);
}

/* An AH may be destroyed as soon as its sends have completed; the next one works like it. */
static void ah_churn(const struct t_case *c)
{
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;
	struct op op;

	rig_open(&r);
	for (int i = 0; i < c->arg; i++) {
		op = ud_op(&r, &sge);
		send_one(&r, &op, 100, 100);
		check_message(&r, &wc, 100);
		t_zero(ibv_destroy_ah(r.ah));
		r.ah = ep_make_ah(r.p.a.dev, r.p.a.dev->pd, &r.p.b.dev->gid);
	}
	ep_pair_close(&r.p);
}

static void bad_ah(const struct t_case *c)
{
	struct ep_dev *d = ep_dev(0);
	struct ibv_ah_attr attr;

	(void)c;
	ep_ah_attr(d, &d->gid, &attr);
	attr.is_global = 0;
	t_check(!ibv_create_ah(d->pd, &attr) && errno == EINVAL, "AH without GRH: errno %d", errno);
	ep_ah_attr(d, &d->gid, &attr);
	attr.port_num = 9;
	t_check(!ibv_create_ah(d->pd, &attr) && errno == EINVAL, "AH on port 9: errno %d", errno);
	ep_ah_attr(d, &d->gid, &attr);
	attr.grh.sgid_index = 255;
	t_check(!ibv_create_ah(d->pd, &attr), "AH with sgid_index 255 was made");
}

static void wrong_op(const struct t_case *c)
{
	struct op op = { .code = c->arg, .id = 5 };
	struct ibv_sge sge;
	struct ud_rig r;
	struct ibv_wc wc;

	rig_open(&r);
	sge = buf_sge(&r.src, 0, 8);
	op.sge = &sge;
	op.nsge = 1;
	op.ah = r.ah;
	op.qpn = r.p.b.qp->qp_num;
	if (!ep_post_try(&r.p.a, &op)) {
		cq_poll(r.p.a.scq, &wc, "operation that UD does not have");
		wc_want(&wc, IBV_WC_LOC_QP_OP_ERR, "operation that UD does not have");
	}
	ep_pair_again(&r.p);
	op = ud_op(&r, &sge);
	send_one(&r, &op, 50, 50);
	check_message(&r, &wc, 50);
}

const struct t_case cases_ud[] = {
	{ "ud.sizes.v4", sizes, 4, 0, 0 },
	{ "ud.sizes.v6", sizes, 6, 0, 0 },
	{ "ud.grh.v4", grh, 4, 0, 0 },
	{ "ud.grh.v6", grh, 6, 0, 0 },
	{ "ud.imm", with_imm, 0, 0, 0 },
	{ "ud.lists", lists, 0, 0, 0 },
	{ "ud.qkey", qkey, 0, 0, 0 },
	{ "ud.wrong_qpn", wrong_qpn, 0, 0, 0 },
	{ "ud.above_mtu", above_mtu, 0, 0, 0 },
	{ "ud.mtu_grows", mtu_grows, 0, 0, 0 },
	{ "ud.no_receive", no_receive, 0, 0, 0 },
	{ "ud.small_receive.payload", small_receive, 299, 0, 0 },
	{ "ud.small_receive.empty", small_receive, 0, 0, 0 },
	{ "ud.ah.other_pd", other_pd, 0, 0, 0 },
	{ "ud.ah.churn", ah_churn, 200, 0, 0 },
	{ "ud.ah.bad", bad_ah, 0, 0, 0 },
	{ "ud.wrong_op.write", wrong_op, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "ud.wrong_op.read", wrong_op, IBV_WR_RDMA_READ, 0, 0 },
	{ }
};
