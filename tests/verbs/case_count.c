// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of single QPs: bound by hand and automatically by `rdma statistic qp`, compared with a
 * known amount of traffic, and with what the port says meanwhile.
 *
 * The port's counters are the sum over all QPs, whatever these are bound to and have been.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include "cases.h"
#include "xfer.h"

enum {
	TEXT = 1 << 15,
	BTH = 12, RETH = 16, AETH = 4, ATOMIC_ETH = 28, ATOMIC_ACK = 8, ICRC = 4,
	WRITES = 25, SENDS = 13, READS = 7, ATOMICS = 5,
	LENGTH = 3001,
};

static const char *link_name(void)
{
	static char name[80];

	snprintf(name, sizeof(name), "%s/%d", ibv_get_device_name(ep_dev(0)->ctx->device),
		 t_opts.port);
	return name;
}

/* Run rdma, with what it says in @text. Return: its exit status. */
static int rdma(const char *words, char *text)
{
	char command[256];
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command), "rdma %s 2>&1", words);
	f = popen(command, "r");
	t_check(f, "no process for %s", command);
	n = fread(text, 1, TEXT - 1, f);
	text[n] = 0;
	return pclose(f);
}

static void rdma_qp(const char *verb, const char *rest)
{
	char words[200], text[TEXT];

	snprintf(words, sizeof(words), "statistic qp %s link %s %s", verb, link_name(), rest);
	t_check(!rdma(words, text), "rdma %s: %s", words, text);
}

static void bind_to(const struct ep *e, int counter)
{
	char rest[80];

	if (counter)
		snprintf(rest, sizeof(rest), "lqpn %u cntn %d", e->qp->qp_num, counter);
	else
		snprintf(rest, sizeof(rest), "lqpn %u", e->qp->qp_num);
	rdma_qp("bind", rest);
}

static void unbind(const struct ep *e, int counter)
{
	char rest[80];

	snprintf(rest, sizeof(rest), "cntn %d lqpn %u", counter, e->qp->qp_num);
	rdma_qp("unbind", rest);
}

/* Is @qpn in a list of numbers and ranges, such as "17,20-22"? */
static bool in_list(const char *list, unsigned int qpn)
{
	unsigned int first, last;
	int n;

	while (sscanf(list, "%u%n", &first, &n) == 1) {
		list += n;
		last = first;
		if (sscanf(list, "-%u%n", &last, &n) == 1)
			list += n;
		if (qpn >= first && qpn <= last)
			return true;
		if (*list++ != ',')
			return false;
	}
	return false;
}

/* The counter that @e is bound to, as it is shown, in @text. Return: its number, 0 if none. */
static int find_counter(const struct ep *e, char *text)
{
	char words[120], all[TEXT];
	char *line, *next, *at;

	snprintf(words, sizeof(words), "statistic qp show link %s", link_name());
	t_check(!rdma(words, all), "rdma %s: %s", words, all);
	for (line = all; line && *line; line = next) {
		next = strstr(line, "\nlink ");
		if (next)
			*next++ = 0;
		at = strstr(line, "LQPN: <");
		if (at && in_list(at + 7, e->qp->qp_num)) {
			memcpy(text, line, strlen(line) + 1);
			return atoi(strstr(text, " cntn ") + 6);
		}
	}
	return 0;
}

/* A value of the counter that @e is bound to; what is not shown is 0. */
static uint64_t value(const struct ep *e, const char *name)
{
	char text[TEXT], key[64];
	const char *at;

	t_check(find_counter(e, text), "QP %u is not bound", e->qp->qp_num);
	snprintf(key, sizeof(key), " %s ", name);
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 0) : 0;
}

static void want(const struct ep *e, const char *name, uint64_t expected)
{
	uint64_t got = value(e, name);

	t_check(got == expected, "%s of the QP is %lu, expected %lu", name, got, expected);
}

static void want_nobody(const struct ep *e)
{
	char text[TEXT];

	t_check(!find_counter(e, text), "QP %u is bound still: %s", e->qp->qp_num, text);
}

/* struct cost - packets and bytes, by the requester and by the responder. */
struct cost {
	uint64_t out, out_bytes, back, back_bytes;
};

static uint64_t padded(uint64_t len)
{
	return (len + 3) / 4 * 4;
}

/* Of all that traffic() does. */
static struct cost cost(size_t mtu)
{
	uint64_t n = (LENGTH + mtu - 1) / mtu, frame = BTH + ICRC;
	uint64_t data = n * frame + padded(LENGTH);
	uint64_t again = n > 1 ? 2 : 1;		/* AETHs of a READ's answer */

	return (struct cost) {
		.out = (WRITES + SENDS) * n + READS + ATOMICS,
		.out_bytes = WRITES * (data + RETH) + SENDS * data + READS * (frame + RETH) +
			     ATOMICS * (frame + ATOMIC_ETH),
		.back = WRITES + SENDS + READS * n + ATOMICS,
		.back_bytes = (WRITES + SENDS) * (frame + AETH) + READS * (data + again * AETH) +
			      ATOMICS * (frame + AETH + ATOMIC_ACK),
	};
}

static void add_one(struct ep_pair *p)
{
	struct buf word, old;
	struct ibv_sge sge;

	buf_open(&word, p->b.dev, 8, 8, RIGHTS_ALL);
	buf_open(&old, p->a.dev, 8, 16, RIGHTS_ALL);
	sge = buf_sge(&old, 0, 8);

	struct op op = {
		.code = IBV_WR_ATOMIC_FETCH_AND_ADD, .sge = &sge, .nsge = 1, .id = 3,
		.raddr = (uintptr_t)word.p, .rkey = word.mr->rkey, .add = 1,
	};

	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 3, "atomic");
	buf_expect(&old, 0, 8, word.seed, 0, "value before");
	buf_close(&old);
	buf_close(&word);
}

/* Whole messages one by one from p->a, each byte of them checked. */
static void traffic(struct ep_pair *p)
{
	for (int i = 0; i < WRITES; i++)
		xfer_fresh(p, IBV_WR_RDMA_WRITE, LENGTH, 0);
	for (int i = 0; i < SENDS; i++)
		xfer_fresh(p, IBV_WR_SEND, LENGTH, 0);
	for (int i = 0; i < READS; i++)
		xfer_fresh(p, IBV_WR_RDMA_READ, LENGTH, 0);
	for (int i = 0; i < ATOMICS; i++)
		add_one(p);
}

static void want_requester(const struct ep *e, const struct cost *c, uint64_t times)
{
	want(e, "sent_pkts", times * c->out);
	want(e, "sent_bytes", times * c->out_bytes);
	want(e, "rcvd_pkts", times * c->back);
	want(e, "rcvd_bytes", times * c->back_bytes);
	want(e, "rdma_sends", times * SENDS);
	want(e, "rdma_recvs", 0);
	want(e, "rx_write_requests", 0);
}

static void want_responder(const struct ep *e, const struct cost *c, uint64_t times)
{
	want(e, "sent_pkts", times * c->back);
	want(e, "sent_bytes", times * c->back_bytes);
	want(e, "rcvd_pkts", times * c->out);
	want(e, "rcvd_bytes", times * c->out_bytes);
	want(e, "rdma_sends", 0);
	want(e, "rdma_recvs", times * SENDS);
	want(e, "rx_write_requests", times * WRITES);
	want(e, "rx_read_requests", times * READS);
	want(e, "rx_atomic_requests", times * ATOMICS);
	want(e, "retry_count", 0);
	want(e, "duplicate_request", 0);
	want(e, "out_of_seq_request", 0);
}

/* Numbers are compared for one device, whose port has all of the traffic. */
static void need_one_device(void)
{
	if (ep_dev(0) != ep_dev(1))
		t_skip("the QPs are on two devices");
}

static void open_pair(struct ep_pair *p)
{
	struct ep_cfg cfg = ep_rc();

	/* A late acknowledgement must not make anybody send again. */
	cfg.timeout = 0;
	ep_pair_open(p, &cfg);
}

/* The port by both ways that there are: hardware counters, and the performance agent's words. */
struct port {
	uint64_t packets, writes, words;
};

static struct port port(void)
{
	char path[200], text[32] = "";
	struct port port = {
		.packets = ep_counter(ep_dev(0), "sent_pkts"),
		.writes = ep_counter(ep_dev(0), "rx_write_requests"),
	};
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%d/counters/port_xmit_packets",
		 ibv_get_device_name(ep_dev(0)->ctx->device), t_opts.port);
	f = fopen(path, "r");
	t_check(f && fgets(text, sizeof(text), f), "cannot read %s", path);
	fclose(f);
	port.words = strtoull(text, NULL, 0);
	return port;
}

static void want_port(const struct port *before, uint64_t packets, uint64_t writes)
{
	struct port now = port();

	t_check(now.packets - before->packets == packets,
		"sent_pkts of the port went up by %lu, expected %lu",
		now.packets - before->packets, packets);
	t_check(now.words - before->words == packets,
		"port_xmit_packets went up by %lu, expected %lu", now.words - before->words,
		packets);
	t_check(now.writes - before->writes == writes,
		"rx_write_requests of the port went up by %lu, expected %lu",
		now.writes - before->writes, writes);
}

/* Counters of each end, then of both, then of none; the port sees all of it. */
static void run_manual(const struct t_case *c)
{
	struct port before;
	struct ep_pair p;
	struct cost sum;
	char text[TEXT];
	int of_a, of_b;

	(void)c;
	need_one_device();
	open_pair(&p);
	sum = cost(p.a.cfg.mtu);
	before = port();
	bind_to(&p.a, 0);
	bind_to(&p.b, 0);
	of_a = find_counter(&p.a, text);
	of_b = find_counter(&p.b, text);
	t_check(of_a && of_b && of_a != of_b, "counters: got %d and %d", of_a, of_b);
	traffic(&p);
	want_requester(&p.a, &sum, 1);
	want_responder(&p.b, &sum, 1);
	want_port(&before, sum.out + sum.back, WRITES);

	/* With the last QP the counter goes, and what it counted stays the port's. */
	unbind(&p.a, of_a);
	want_nobody(&p.a);
	traffic(&p);
	want_responder(&p.b, &sum, 2);
	want_port(&before, 2 * (sum.out + sum.back), 2 * WRITES);

	/* Both in one. */
	bind_to(&p.a, of_b);
	traffic(&p);
	want(&p.a, "sent_pkts", 2 * sum.back + sum.out + sum.back);
	want(&p.b, "rdma_sends", SENDS);
	want(&p.b, "rdma_recvs", 3 * SENDS);
	ep_close(&p.b);
	want(&p.a, "rdma_recvs", 3 * SENDS);
	ep_close(&p.a);
	want_port(&before, 3 * (sum.out + sum.back), 3 * WRITES);
}

/* What cannot be bound, and cannot be unbound. */
static void run_refused(const struct t_case *c)
{
	char words[200], text[TEXT];
	struct ep_pair p;
	int number;

	(void)c;
	need_one_device();
	open_pair(&p);
	bind_to(&p.a, 0);
	number = find_counter(&p.a, text);
	snprintf(words, sizeof(words), "statistic qp bind link %s lqpn %u", link_name(),
		 p.a.qp->qp_num);
	t_check(rdma(words, text), "a QP was bound twice");
	snprintf(words, sizeof(words), "statistic qp bind link %s lqpn %u cntn %d", link_name(),
		 p.b.qp->qp_num, number + 1);
	t_check(rdma(words, text), "a QP was bound to a counter that is not there");
	snprintf(words, sizeof(words), "statistic qp unbind link %s cntn %d lqpn %u", link_name(),
		 number, p.b.qp->qp_num);
	t_check(rdma(words, text), "a QP was unbound from another's counter");
	want(&p.a, "sent_pkts", 0);
	ep_pair_close(&p);
}

/* A receiver that is not ready: each NAK that one end sends is one that the other gets. */
static void run_rnr(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 9 };
	struct ep_pair p;
	uint64_t naks;

	(void)c;
	need_one_device();
	cfg.timeout = 0;
	cfg.rnr_retry = 7;
	cfg.min_rnr_timer = 14;
	ep_pair_open(&p, &cfg);
	bind_to(&p.a, 0);
	bind_to(&p.b, 0);
	ep_post(&p.a, &op);
	usleep(200000);
	ep_recv(&p.b, NULL, 0, 8);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 9, "SEND");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 8, "receive");
	naks = value(&p.b, "send_rnr_err");
	t_check(naks, "no RNR NAK was counted");
	want(&p.a, "rcvd_rnr_err", naks);
	want(&p.a, "sent_pkts", naks + 1);
	want(&p.b, "sent_pkts", naks + 1);
	want(&p.b, "send_rnr_err", naks);
	want(&p.a, "send_rnr_err", 0);
	ep_pair_close(&p);
}

/* Pages that nobody has touched, at the responder: it waits for each message's. */
static void run_memory(const struct t_case *c)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct ep_pair p;
	struct ibv_mr *mr;
	struct buf src;
	uint8_t *far;

	(void)c;
	need_one_device();
	open_pair(&p);
	bind_to(&p.a, 0);
	bind_to(&p.b, 0);
	buf_open(&src, p.a.dev, 100, 4090, RIGHTS_ALL);
	far = mmap(NULL, 1024 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(far != MAP_FAILED, "no memory");
	mr = ibv_reg_mr(p.b.dev->pd, far, 1024 * page, RIGHTS_ALL | IBV_ACCESS_ON_DEMAND);
	t_check(mr, "no on-demand region");

	/* Far apart, so that none is brought in with another. */
	for (int i = 0; i < 4; i++) {
		struct ibv_sge sge = buf_sge(&src, 0, 100);
		struct op op = {
			.code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = i,
			.raddr = (uintptr_t)far + (i * 250 + 3) * page + 1234, .rkey = mr->rkey,
		};
		struct pattern_bad bad;

		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "WRITE");
		t_check(!pattern_check(far + (i * 250 + 3) * page + 1234, 100, src.seed, 0, &bad),
			"wrong byte at %zu", bad.off);
	}
	want(&p.b, "memory_waits", 4);
	want(&p.a, "memory_waits", t_opts.odp ? value(&p.a, "memory_waits") : 0);
	want(&p.b, "rx_write_requests", 4);
	t_zero(ibv_dereg_mr(mr));
	munmap(far, 1024 * page);
	buf_close(&src);
	ep_pair_close(&p);
}

static void send_datagram(struct ep_pair *p)
{
	struct ibv_ah *ah = ep_make_ah(p->a.dev, p->a.dev->pd, &p->b.dev->gid);
	struct op op = {
		.code = IBV_WR_SEND, .id = 7, .ah = ah, .qpn = p->b.qp->qp_num,
		.qkey = p->b.cfg.qkey, .nsge = 1,
	};
	struct ibv_sge from, to;
	struct buf src, dst;

	buf_open(&src, p->a.dev, 99, 1, RIGHTS_ALL);
	buf_open(&dst, p->b.dev, 40 + 99, 4090, RIGHTS_ALL);
	from = buf_sge(&src, 0, 99);
	to = buf_sge(&dst, 0, 40 + 99);
	op.sge = &from;
	ep_recv(&p->b, &to, 1, 6);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 7, "SEND");
	cq_want(p->b.rcq, IBV_WC_SUCCESS, 6, "receive");
	buf_range(&dst, 40, 99, src.seed, 0, "datagram");
	buf_close(&dst);
	buf_close(&src);
	t_zero(ibv_destroy_ah(ah));
}

/* QPs that reach INIT are bound by type: each type has a counter. */
static void run_auto(const struct t_case *c)
{
	struct ep_cfg cfg = ep_ud();
	struct ep_pair rc, more, ud;
	char text[TEXT];
	struct cost sum;
	int number;

	(void)c;
	need_one_device();
	rdma_qp("set", "auto type on");
	open_pair(&rc);
	ep_pair_open(&ud, &cfg);
	open_pair(&more);
	rdma_qp("mode", "");
	sum = cost(rc.a.cfg.mtu);
	number = find_counter(&rc.a, text);
	t_check(number && number == find_counter(&rc.b, text) &&
		number == find_counter(&more.b, text), "RC QPs are not bound to one counter");
	t_check(find_counter(&ud.a, text) && find_counter(&ud.a, text) != number,
		"UD QPs are not bound to one of theirs");
	traffic(&rc);
	ep_pair_close(&rc);
	traffic(&more);
	want(&more.a, "sent_pkts", 2 * (sum.out + sum.back));
	want(&more.a, "rx_write_requests", 2 * WRITES);
	want(&ud.a, "sent_pkts", 0);
	send_datagram(&ud);
	want(&ud.a, "sent_pkts", 1);
	want(&ud.b, "rdma_recvs", 1);
	ep_pair_close(&more);
	ep_pair_close(&ud);
	rdma_qp("set", "auto off");
	open_pair(&rc);
	want_nobody(&rc.a);
	ep_pair_close(&rc);
}

const struct t_case cases_count[] = {
	{ "count.manual", run_manual, 0, 0, 60 },
	{ "count.rnr", run_rnr, 0, 0, 0 },
	{ "count.memory", run_memory, 0, 0, 0 },
	{ "count.auto", run_auto, 0, 0, 60 },
	/* Last: the core of 6.12 counts what it could not bind, and is never automatic again. */
	{ "count.refused", run_refused, 0, 0, 0 },
	{ }
};
