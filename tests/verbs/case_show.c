// SPDX-License-Identifier: GPL-2.0
/*
 * What `rdma resource show ... -dd` tells of regions, queue pairs, completion queues and shared
 * receive queues, compared with what the case made of them.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { ID = 0x5407, TEXT = 4096 };

/*
 * The lines about the object of side 0's device in whose first line the words @key are, followed by
 * a blank or by nothing.
 */
static void show(const char *what, const char *key, char *text)
{
	const char *dev = ibv_get_device_name(ep_dev(0)->ctx->device);
	char command[200], line[TEXT];
	bool ours = false;
	FILE *f;

	snprintf(command, sizeof(command), "rdma -dd resource show %s %s %s%s", what,
		 strcmp(what, "qp") ? "dev" : "link", dev, strcmp(what, "qp") ? "" : "/1");
	text[0] = 0;
	f = popen(command, "r");
	t_check(f, "no process for %s", command);
	while (fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, key);

		if (line[0] != ' ' && line[0] != '\t')
			ours = at && isspace(at[strlen(key)]);
		if (ours && strlen(text) + strlen(line) < TEXT)
			strcat(text, line);
	}
	t_check(!pclose(f), "%s failed", command);
	t_check(text[0], "%s shows nothing with '%s'", command, key);
}

/* The word behind drv_@name, in a buffer of the function's own. */
static const char *value(const char *text, const char *name)
{
	static char word[256];
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "drv_%s ", name);
	at = strstr(text, key);
	t_check(at, "no drv_%s in: %s", name, text);
	t_check(sscanf(at + strlen(key), "%255s", word) == 1, "no value of drv_%s", name);
	return word;
}

static void want_word(const char *text, const char *name, const char *want)
{
	const char *got = value(text, name);

	t_check(!strcmp(got, want), "drv_%s is '%s', expected '%s'", name, got, want);
}

static void want_number(const char *text, const char *name, unsigned long want)
{
	unsigned long got = strtoul(value(text, name), NULL, 0);

	t_check(got == want, "drv_%s is %lu, expected %lu", name, got, want);
}

static void want_mr(const struct ibv_mr *mr, const char *kind, const char *access,
		    bool iova_is_va, size_t pages)
{
	char key[32], text[TEXT];

	snprintf(key, sizeof(key), "lkey %#x", mr->lkey);
	show("mr", key, text);
	want_word(text, "kind", kind);
	want_word(text, "access", access);
	want_number(text, "iova_is_va", iova_is_va);
	want_number(text, "pages", pages);
}

static void run_mr(const struct t_case *c)
{
	struct ep_dev *dev = ep_dev(0);
	size_t page = sysconf(_SC_PAGESIZE);
	struct ibv_mr *mr;
	struct buf b;

	(void)c;
	/* Two bytes of the first page, all of two, one byte of a fourth. */
	buf_plain(&b, 2 * page + 3, page - 2);
	buf_reg(&b, dev, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ);
	want_mr(b.mr, t_opts.odp ? "on_demand" : "pinned",
		t_opts.odp ? "local_write,remote_read,on_demand,strict" :
			     "local_write,remote_read,strict", true, 4);

	mr = ibv_reg_mr(dev->pd, b.p, b.len, RIGHTS_ALL | IBV_ACCESS_RELAXED_ORDERING);
	t_check(mr, "no relaxed region");
	want_mr(mr, "pinned", "local_write,remote_write,remote_read,remote_atomic,relaxed", true,
		4);
	t_zero(ibv_dereg_mr(mr));

	mr = ibv_reg_mr_iova(dev->pd, b.p + 2, page, 17 * page,
			     IBV_ACCESS_ON_DEMAND | IBV_ACCESS_RELAXED_ORDERING);
	t_check(mr, "no on-demand region");
	want_mr(mr, "on_demand", "on_demand,relaxed", false, 1);
	t_zero(ibv_dereg_mr(mr));
	buf_close(&b);
}

/* The kernel's own queue pair for MADs uses the region of all kernel memory. */
static void run_kernel(const struct t_case *c)
{
	char text[TEXT];

	(void)c;
	show("qp", "lqpn 1", text);
	want_word(text, "dma_access", "local_write,relaxed");
}

static void show_qp(const struct ep *e, char *text)
{
	char key[32];

	snprintf(key, sizeof(key), "lqpn %u", e->qp->qp_num);
	show("qp", key, text);
}

/* Three WRITEs to a peer that has gone: sent, and not acknowledged. */
static void run_unacked(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	char text[TEXT];
	struct ep_pair p;

	(void)c;
	cfg.timeout = 21;
	cfg.retry_cnt = 5;
	cfg.rnr_retry = 3;
	ep_pair_open(&p, &cfg);
	size_t len = 2 * cfg.mtu + 9;

	buf_open(&src, p.a.dev, len, 1, 0);
	buf_open(&dst, p.b.dev, len, 2, RIGHTS_ALL);

	struct ibv_sge sge = buf_sge(&src, 0, len);
	struct op op = {
		.code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = ID,
		.raddr = (uintptr_t)dst.p, .rkey = dst.mr->rkey,
	};

	show_qp(&p.a, text);
	want_number(text, "sq_posted", 0);
	want_number(text, "send_psn", p.a.psn);
	want_number(text, "recv_psn", p.b.psn);
	ep_to(&p.b, IBV_QPS_RESET);
	for (int i = 0; i < 3; i++)
		ep_post(&p.a, &op);
	show_qp(&p.a, text);
	want_number(text, "sq_posted", 3);
	want_number(text, "sq_sent", 3);
	want_number(text, "acked_psn", p.a.psn);
	want_number(text, "send_psn", (p.a.psn + 9) & 0xffffff);
	want_number(text, "sent_psn", (p.a.psn + 9) & 0xffffff);
	want_number(text, "retries_left", 5);
	want_number(text, "rnr_retries_left", 3);
	want_number(text, "rnr_wait", 0);
	want_number(text, "rd_atomic", 0);
	want_number(text, "backlog", 0);
	want_word(text, "waits_for_memory", "nobody");
	t_check(!strstr(text, "drv_dma_access"), "a program's QP has a DMA region: %s", text);
	buf_close(&src);
	buf_close(&dst);
	ep_pair_close(&p);
}

/* A SEND to a peer without a receive waits, and tells so; done, it counts in the queues. */
static void run_rnr(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	char text[TEXT];
	struct ep_pair p;

	(void)c;
	cfg.rnr_retry = 7;
	cfg.min_rnr_timer = 30;		/* 327.68 ms */
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 77, 1, 0);
	buf_open(&dst, p.b.dev, 77, 2, RIGHTS_ALL);

	struct ibv_sge from = buf_sge(&src, 0, 77), to = buf_sge(&dst, 0, 77);
	struct op op = { .code = IBV_WR_SEND, .sge = &from, .nsge = 1, .id = ID };
	double until = t_now() + t_seconds(10);

	ep_post(&p.a, &op);
	do {
		t_check(t_now() < until, "drv_rnr_wait was never 1");
		show_qp(&p.a, text);
	} while (strcmp(value(text, "rnr_wait"), "1"));
	want_number(text, "rnr_retries_left", 7);
	ep_recv(&p.b, &to, 1, ID + 1);
	cq_want(p.a.scq, IBV_WC_SUCCESS, ID, "SEND");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, ID + 1, "receive");
	buf_expect(&dst, 0, 77, src.seed, 0, "destination");
	show_qp(&p.a, text);
	want_number(text, "rnr_wait", 0);
	want_number(text, "sq_posted", 0);
	/* What is shown is the requester's device. */
	if (ep_dev(0) == ep_dev(1)) {
		show_qp(&p.b, text);
		want_number(text, "msn", 1);
	}
	buf_close(&src);
	buf_close(&dst);
	ep_pair_close(&p);
}

static void want_cq(const struct ibv_cq *cq, unsigned long used, bool dead)
{
	char key[32], text[TEXT];

	/* No other queue of the device has that size. */
	snprintf(key, sizeof(key), "cqe %d", cq->cqe);
	show("cq", key, text);
	want_number(text, "used", used);
	want_number(text, "dead", dead);
}

/* Completions that nobody polls are counted, and one too many kills the queue. */
static void run_cq(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	struct ibv_wc wc;
	struct buf b;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&b, p.b.dev, 99, 2, RIGHTS_ALL);
	t_zero(ibv_resize_cq(p.a.scq, 3));

	struct ibv_sge sge = buf_sge(&b, 5, 60);
	struct op op = {
		.code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .raddr = (uintptr_t)b.p + 5,
		.rkey = b.mr->rkey, .id = ID,
	};

	t_check(p.a.scq->cqe == 3, "cqe is %d, expected 3", p.a.scq->cqe);
	for (int i = 0; i < 3; i++) {
		want_cq(p.a.scq, i, false);
		ep_post(&p.a, &op);
	}
	want_cq(p.a.scq, 3, false);
	cq_poll(p.a.scq, &wc, "READ");
	want_cq(p.a.scq, 2, false);
	ep_post(&p.a, &op);
	ep_post(&p.a, &op);
	event_want(p.a.dev->ctx, IBV_EVENT_CQ_ERR, NULL);
	want_cq(p.a.scq, 3, true);
	buf_close(&b);
	ep_pair_close(&p);
}

static void want_srq(uint32_t size, uint32_t posted, uint32_t limit)
{
	const char *dev = ibv_get_device_name(ep_dev(0)->ctx->device);
	char key[80], text[TEXT];

	snprintf(key, sizeof(key), "dev %s srqn", dev);
	show("srq", key, text);
	want_number(text, "size", size);
	want_number(text, "posted", posted);
	want_number(text, "limit", limit);
}

/* The only shared receive queue of the device: posted to, taken from, with a limit, resized. */
static void run_srq(const struct t_case *c)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = 15, .max_sge = 1 } };
	struct ibv_srq_attr attr = { .srq_limit = 3 };
	struct op op = { .code = IBV_WR_SEND, .id = ID };
	struct ibv_recv_wr wr = { .wr_id = ID }, *bad;
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	if (t_linux_before(6, 12))
		t_skip("the core of Linux before 6.12 asks no driver about such queues");
	ep_open(&p.a, 1, &cfg);
	cfg.srq = ibv_create_srq(ep_dev(0)->pd, &init);
	t_check(cfg.srq, "no shared receive queue");
	ep_open(&p.b, 0, &cfg);
	ep_pair_connect(&p);
	want_srq(15, 0, 0);
	for (int i = 0; i < 9; i++)
		t_zero(ibv_post_srq_recv(cfg.srq, &wr, &bad));
	t_zero(ibv_modify_srq(cfg.srq, &attr, IBV_SRQ_LIMIT));
	want_srq(15, 9, 3);
	for (int i = 0; i < 4; i++) {
		ep_post(&p.a, &op);
		cq_want(p.b.rcq, IBV_WC_SUCCESS, ID, "receive");
	}
	want_srq(15, 5, 3);
	attr.max_wr = 31;
	t_zero(ibv_modify_srq(cfg.srq, &attr, IBV_SRQ_MAX_WR));
	want_srq(31, 5, 3);
	ep_pair_close(&p);
	want_srq(31, 5, 3);
	t_zero(ibv_destroy_srq(cfg.srq));
}

const struct t_case cases_show[] = {
	{ "show.mr", run_mr, 0, 0, 0 },
	{ "show.kernel", run_kernel, 0, 0, 0 },
	{ "show.qp.unacked", run_unacked, 0, 0, 0 },
	{ "show.qp.rnr", run_rnr, 0, 0, 0 },
	{ "show.cq", run_cq, 0, 0, 0 },
	{ "show.srq", run_srq, 0, 0, 0 },
	{ }
};
