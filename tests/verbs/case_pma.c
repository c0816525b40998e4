// SPDX-License-Identifier: GPL-2.0
/*
 * The port's performance counters: what a known amount of traffic makes of them, read as files of
 * sysfs, and the agent behind them, asked by MADs over the wire (IBA 16.1), good ones and bad ones.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rdma/ib_user_mad.h>

#include "cases.h"
#include "xfer.h"

enum {
	BTH = 12, RETH = 16, AETH = 4, ICRC = 4,
	MESSAGES = 25,
};

/* struct port - the counters of one side's port. */
struct port {
	uint64_t xmit_data, rcv_data, xmit, rcv, uni_xmit, uni_rcv, multi_xmit, discards, errors;
};

static uint64_t counter(struct ep_dev *dev, const char *name)
{
	char path[256], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%d/counters/%s",
		 ibv_get_device_name(dev->ctx->device), t_opts.port, name);
	f = fopen(path, "r");
	t_check(f && fgets(text, sizeof(text), f), "cannot read %s", path);
	fclose(f);
	return strtoull(text, NULL, 0);
}

static struct port read_port(int side)
{
	struct ep_dev *dev = ep_dev(side);

	return (struct port) {
		counter(dev, "port_xmit_data"), counter(dev, "port_rcv_data"),
		counter(dev, "port_xmit_packets"), counter(dev, "port_rcv_packets"),
		counter(dev, "unicast_xmit_packets"), counter(dev, "unicast_rcv_packets"),
		counter(dev, "multicast_xmit_packets"), counter(dev, "port_xmit_discards"),
		counter(dev, "port_rcv_errors"),
	};
}

/* struct cost - what operations put on the wire: by the requester, and by the responder. */
struct cost {
	uint64_t out_bytes, out_packets, back_bytes, back_packets;
};

/* Packets of @len bytes of payload, with @first more header bytes in the first one. */
static void add(uint64_t *bytes, uint64_t *packets, size_t len, size_t mtu, size_t first)
{
	size_t n = len ? (len + mtu - 1) / mtu : 1;

	*bytes += n * (BTH + ICRC) + first + (len + 3) / 4 * 4;
	*packets += n;
}

static struct cost cost_of(enum ibv_wr_opcode code, size_t len, size_t mtu)
{
	struct cost c = { 0 };

	switch (code) {
	case IBV_WR_RDMA_READ:
		c = (struct cost) { BTH + RETH + ICRC, 1, 0, 0 };
		/* The first packet of the answer has an AETH, and so has the last. */
		add(&c.back_bytes, &c.back_packets, len, mtu, len > mtu ? 2 * AETH : AETH);
		return c;
	case IBV_WR_RDMA_WRITE:
		add(&c.out_bytes, &c.out_packets, len, mtu, RETH);
		break;
	default:
		add(&c.out_bytes, &c.out_packets, len, mtu, 0);
	}
	c.back_bytes = BTH + AETH + ICRC;
	c.back_packets = 1;
	return c;
}

static void want(uint64_t before, uint64_t after, uint64_t by, const char *name)
{
	t_check(after - before == by, "%s went up by %lu, expected %lu", name, after - before, by);
}

/* @c->arg is the operation, @c->arg2 bytes. */
static void run_traffic(const struct t_case *c)
{
	struct port before[2], after[2];
	struct ep_cfg cfg = ep_rc();
	struct cost cost;
	struct ep_pair p;

	/* A late acknowledgement must not make anybody send again. */
	cfg.timeout = 0;
	ep_pair_open(&p, &cfg);
	cost = cost_of(c->arg, c->arg2, cfg.mtu);
	for (int side = 0; side < 2; side++)
		before[side] = read_port(side);
	for (int i = 0; i < MESSAGES; i++)
		xfer_fresh(&p, c->arg, c->arg2, 0);
	for (int side = 0; side < 2; side++)
		after[side] = read_port(side);

	bool one = ep_dev(0) == ep_dev(1);

	for (int side = 0; side < 2; side++) {
		const struct port *b = &before[side], *a = &after[side];
		uint64_t out = one ? cost.out_bytes + cost.back_bytes :
			       side ? cost.back_bytes : cost.out_bytes;
		uint64_t in = one ? out : side ? cost.out_bytes : cost.back_bytes;
		uint64_t out_n = one ? cost.out_packets + cost.back_packets :
				 side ? cost.back_packets : cost.out_packets;
		uint64_t in_n = one ? out_n : side ? cost.out_packets : cost.back_packets;

		t_where("side %d", side);
		want(b->xmit_data, a->xmit_data, MESSAGES * out / 4, "port_xmit_data");
		want(b->rcv_data, a->rcv_data, MESSAGES * in / 4, "port_rcv_data");
		want(b->xmit, a->xmit, MESSAGES * out_n, "port_xmit_packets");
		want(b->rcv, a->rcv, MESSAGES * in_n, "port_rcv_packets");
		want(b->uni_xmit, a->uni_xmit, MESSAGES * out_n, "unicast_xmit_packets");
		want(b->uni_rcv, a->uni_rcv, MESSAGES * in_n, "unicast_rcv_packets");
		want(b->multi_xmit, a->multi_xmit, 0, "multicast_xmit_packets");
		want(b->discards, a->discards, 0, "port_xmit_discards");
		want(b->errors, a->errors, 0, "port_rcv_errors");
	}
	ep_pair_close(&p);
}

/* Datagrams that are above the port's MTU are not sent, and counted. */
static void run_discards(const struct t_case *c)
{
	struct ep_cfg cfg = ep_ud();
	size_t len = (128u << ep_dev(0)->port.active_mtu) + 1;
	struct port before, after;
	struct ep_pair p;
	struct buf src;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, len, 3, 0);

	struct ibv_sge sge = buf_sge(&src, 0, len);
	struct op op = {
		.code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 7, .qpn = p.b.qp->qp_num,
		.qkey = cfg.qkey, .ah = ep_make_ah(p.a.dev, p.a.dev->pd, &p.b.dev->gid),
	};

	before = read_port(0);
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 7, "SEND");
	after = read_port(0);
	want(before.discards, after.discards, 1, "port_xmit_discards");
	want(before.xmit, after.xmit, 0, "port_xmit_packets");
	t_zero(ibv_destroy_ah(op.ah));
	buf_close(&src);
	ep_pair_close(&p);
}

enum { MAD = 256, HDR = sizeof(struct ib_user_mad_hdr), QP1_QKEY = 0x80010000 };

/* struct mad_link - a MAD agent for class 4 of side 0's port. */
struct mad_link {
	int fd;
	uint32_t id;
	uint32_t tid;
};

/* The umad device of side 0; skips when there is none. */
static int open_umad(void)
{
	const char *want_dev = ibv_get_device_name(ep_dev(0)->ctx->device);
	DIR *dir = opendir("/sys/class/infiniband_mad");
	char path[300], name[64] = "";
	struct dirent *e;
	int fd = -1;

	while (dir && fd < 0 && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/infiniband_mad/%s/ibdev", e->d_name);
		FILE *f = strncmp(e->d_name, "umad", 4) ? NULL : fopen(path, "r");

		if (f && fscanf(f, "%63s", name) == 1 && !strcmp(name, want_dev)) {
			snprintf(path, sizeof(path), "/dev/infiniband/%s", e->d_name);
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
			t_check(fd >= 0, "%s: %s", path, strerror(errno));
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	if (fd < 0)
		t_skip("%s has no umad device: modprobe ib_umad", want_dev);
	return fd;
}

static void mad_open(struct mad_link *l)
{
	struct ib_user_mad_reg_req req = { .qpn = 1, .mgmt_class = 4, .mgmt_class_version = 1 };

	/* It compares GIDs with what a datagram has in place of them, an IPv4 header. */
	if (ep_gid_is_v4(&ep_dev(0)->gid))
		t_skip("the core's MAD layer knows answers by IPv6 only: -6");
	l->fd = open_umad();
	l->tid = t_rand();
	t_check(!ioctl(l->fd, IB_USER_MAD_ENABLE_PKEY), "ENABLE_PKEY: %s", strerror(errno));
	t_check(!ioctl(l->fd, IB_USER_MAD_REGISTER_AGENT, &req), "REGISTER_AGENT: %s",
		strerror(errno));
	l->id = req.id;
}

/* struct query - the header's fields that matter, and the port that is asked about. */
struct query {
	uint8_t base, version, method;
	uint16_t attr;
	uint8_t port;
};

/*
 * Ask the agent of side 1's port, over the wire; the answer is in @mad. Returns its status field,
 * or -1 when there was none.
 */
static int ask(struct mad_link *l, const struct query *q, uint8_t *mad)
{
	uint8_t packet[HDR + MAD] = { 0 };
	struct ib_user_mad_hdr *hdr = (void *)packet;
	struct pollfd pfd = { l->fd, POLLIN, 0 };
	uint8_t *out = packet + HDR;
	uint32_t tid = htobe32(++l->tid);

	*hdr = (struct ib_user_mad_hdr) {
		.id = l->id, .timeout_ms = t_seconds(1) * 1000, .length = MAD,
		.qpn = htobe32(1), .qkey = htobe32(QP1_QKEY), .grh_present = 1,
		.gid_index = ep_dev(0)->gid_index, .hop_limit = 64,
	};
	memcpy(hdr->gid, &ep_dev(1)->gid, 16);
	out[0] = q->base;
	out[1] = 4;
	out[2] = q->version;
	out[3] = q->method;
	memcpy(out + 12, &tid, 4);
	out[16] = q->attr >> 8;
	out[17] = q->attr;
	out[65] = q->port;
	t_check(write(l->fd, packet, sizeof(packet)) == sizeof(packet), "write of a MAD: %s",
		strerror(errno));
	t_wait("the answer to a MAD");
	t_check(poll(&pfd, 1, t_seconds(5) * 1000) == 1, "no MAD, not even a timeout");
	t_check(read(l->fd, packet, sizeof(packet)) > 0, "read of a MAD: %s", strerror(errno));
	if (hdr->status)
		return -1;
	t_check(!memcmp(out + 12, &tid, 4), "the answer has another transaction id");
	t_check(out[3] == 0x81, "the answer's method is %#x, expected 0x81", out[3]);
	memcpy(mad, out, MAD);
	return out[4] << 8 | out[5];
}

static uint64_t be64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return be64toh(v);
}

static uint32_t be32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return be32toh(v);
}

/* What the MADs tell is what sysfs does, less the question and its answer themselves. */
static void run_mad(const struct t_case *c)
{
	struct query q = { 1, 1, 1, 1, 0 };
	struct mad_link l;
	uint8_t mad[MAD];
	uint64_t want_rcv;
	int status;

	(void)c;
	mad_open(&l);
	status = ask(&l, &q, mad);
	t_check(!status, "ClassPortInfo: status %#x", status);
	t_check(mad[64] == 1 && mad[65] == 1, "versions are %d.%d", mad[64], mad[65]);
	t_check(mad[66] & 2, "extended width is not claimed: %#x", mad[66] << 8 | mad[67]);

	for (q.port = 1, q.attr = 0x12; q.attr <= 0x1d; q.attr += 0x1d - 0x12) {
		/* The question is received before it is read. */
		want_rcv = counter(ep_dev(1), "port_rcv_packets") + 1;
		status = ask(&l, &q, mad);
		t_check(!status, "attribute %#x: status %#x", q.attr, status);
		t_check(mad[65] == 1, "attribute %#x: port %d", q.attr, mad[65]);
		uint64_t rcv = q.attr == 0x12 ? be32_at(mad + 64 + 36) : be64_at(mad + 64 + 32);

		t_check(rcv == want_rcv, "attribute %#x: %lu received packets, expected %lu",
			q.attr, rcv, want_rcv);
	}
	close(l.fd);
}

static void run_bad_mad(const struct t_case *c)
{
	static const struct {
		struct query q;
		int status;
		const char *what;
	} bad[] = {
		{ { 1, 2, 1, 0x12, 1 }, 0x04, "class version 2" },
		{ { 1, 1, 2, 0x12, 1 }, 0x0c, "Set" },
		{ { 1, 1, 5, 0x12, 1 }, 0x08, "Trap" },
		{ { 1, 1, 1, 0x10, 1 }, 0x0c, "PortSamplesControl" },
		{ { 1, 1, 1, 0xff00, 1 }, 0x0c, "an attribute that does not exist" },
		{ { 1, 1, 1, 0x12, 0 }, 0x1c, "port 0" },
		{ { 1, 1, 1, 0x12, 2 }, 0x1c, "port 2" },
		{ { 1, 1, 1, 0x1d, 255 }, 0x1c, "all ports" },
	};
	struct query good = { 1, 1, 1, 0x1d, 1 };
	struct mad_link l;
	uint8_t mad[MAD];
	int status;

	(void)c;
	mad_open(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		status = ask(&l, &bad[i].q, mad);
		t_check(status == bad[i].status, "%s: status %#x, expected %#x", bad[i].what,
			status, bad[i].status);
		for (size_t at = 66; at < sizeof(mad); at++)
			t_check(!mad[at], "%s: the answer has data", bad[i].what);
		status = ask(&l, &good, mad);
		t_check(!status, "after %s: status %#x", bad[i].what, status);
	}
	close(l.fd);
}

const struct t_case cases_pma[] = {
	{ "pma.write", run_traffic, IBV_WR_RDMA_WRITE, 1, 0 },
	{ "pma.write.long", run_traffic, IBV_WR_RDMA_WRITE, 30001, 0 },
	{ "pma.send", run_traffic, IBV_WR_SEND, 8191, 0 },
	{ "pma.read", run_traffic, IBV_WR_RDMA_READ, 100, 0 },
	{ "pma.read.long", run_traffic, IBV_WR_RDMA_READ, 30003, 0 },
	{ "pma.discards", run_discards, 0, 0, 0 },
	{ "pma.mad", run_mad, 0, 0, 0 },
	{ "pma.mad.bad", run_bad_mad, 0, 0, 0 },
	{ }
};
