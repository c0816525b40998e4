// SPDX-License-Identifier: GPL-2.0
/*
 * What ends before what: the descriptor, the mapping, the region, the process, the device. In the
 * end the exporter has its buffer back, all of it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "dbuf.h"
#include "shooter.h"

enum { ID = 0x11fe, LEN = 30011 };

struct life_rig {
	struct ep_pair p;
	struct buf local;
	struct dbuf d;
};

static void rig_open(struct life_rig *r)
{
	struct ep_cfg cfg = ep_rc();

	ep_pair_open(&r->p, &cfg);
	buf_open(&r->local, r->p.a.dev, LEN, 77, RIGHTS_ALL);
	dbuf_open(&r->d, MOVABLE, r->p.b.dev, LEN, 1234, RIGHTS_ALL);
}

/* Return: whether it was posted; it is not when the device has gone. */
static bool try_post(struct life_rig *r, int i)
{
	struct ibv_sge sge = buf_sge(&r->local, 0, LEN);
	struct op op = {
		.code = i & 1 ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1,
		.id = i, .raddr = (uintptr_t)r->d.b.p, .rkey = r->d.mr.rkey,
		.flags = IBV_SEND_SIGNALED,
	};

	return !ep_post_try(&r->p.a, &op);
}

static void post(struct life_rig *r, int i)
{
	t_check(try_post(r, i), "posting fails");
}

static void await_count(int want, const char *what)
{
	double end = t_now() + t_seconds(10);

	t_wait("the exporter's buffers: %s", what);
	while (dbuf_count() != want) {
		t_check(t_now() < end, "%s: %d buffers, expected %d", what, dbuf_count(), want);
		usleep(10000);
	}
}

/* The region alone keeps the buffer, until it goes. */
static void run_closed(const struct t_case *c)
{
	int before = dbuf_count();
	struct life_rig r;
	uint64_t seed;

	(void)c;
	rig_open(&r);
	seed = r.d.b.seed;
	munmap(r.d.b.map, r.d.b.map_len);
	close(r.d.fd);
	t_check(dbuf_count() == before + 1, "the buffer went with its descriptor");
	post(&r, 1);
	cq_want(r.p.a.scq, IBV_WC_SUCCESS, 1, "READ");
	buf_expect(&r.local, 0, LEN, seed, 0, "local buffer");
	t_zero(dbuf_dereg(&r.d.mr));
	await_count(before, "after deregistration");
	buf_close(&r.local);
	ep_pair_close(&r.p);
}

/* Deregistered under traffic: what comes behind is refused, and the exporter has it all back. */
static void run_dereg(const struct t_case *c)
{
	struct life_rig r;
	struct shooter s;

	(void)c;
	rig_open(&r);
	for (int round = 0; round < 20; round++) {
		struct dbuf_reg reg = { r.d.fd, r.d.offset, LEN, (uintptr_t)r.d.b.p, RIGHTS_ALL };

		t_where("round %d", round);
		s = (struct shooter) {
			.e = &r.p.a, .sge = buf_sge(&r.local, 0, LEN),
			.op = { .code = round & 1 ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE,
				.raddr = (uintptr_t)r.d.b.p, .rkey = r.d.mr.rkey },
		};
		shooter_start(&s);
		usleep(t_rand() % 500);
		t_zero(dbuf_dereg(&r.d.mr));
		dbuf_clean(r.d.fd);
		shooter_refused(&s);
		ep_pair_again(&r.p);
		post(&r, 2);
		cq_want(r.p.a.scq, IBV_WC_REM_ACCESS_ERR, 2, "WRITE by a key that is none");
		ep_pair_again(&r.p);
		t_zero(dbuf_reg_try(r.p.b.dev->pd, &reg, &r.d.mr));
	}
	dbuf_close(&r.d);
	buf_close(&r.local);
	ep_pair_close(&r.p);
}

/* Deregistered while an access waits for it: the access ends like one behind it. */
static void run_dereg_waiting(const struct t_case *c)
{
	struct slow_move m = { .ms = 300 + 200 * t_opts.slow };
	struct life_rig r;

	(void)c;
	dbuf_need_moves();
	rig_open(&r);
	m.fd = r.d.fd;
	slow_move_begin(&m);
	post(&r, 2);
	slow_move_lasts(&m, "before the region could go");
	t_zero(dbuf_dereg(&r.d.mr));
	r.d.b.mr = NULL;
	cq_want(r.p.a.scq, IBV_WC_REM_ACCESS_ERR, 2, "WRITE while the region goes");
	slow_move_end(&m);
	dbuf_clean(r.d.fd);
	buf_same(&r.d.b, "dma-buf");
	dbuf_close(&r.d);
	buf_close(&r.local);
	ep_pair_close(&r.p);
}

/* Traffic, and moves, until the device goes or somebody ends it. */
static void traffic(struct life_rig *r, atomic_bool *told)
{
	struct ibv_wc wc;

	for (int i = 0; ; i++) {
		if (!try_post(r, i))
			return;
		cq_poll(r->p.a.scq, &wc, "operation");
		if (wc.status)
			return;
		if (i % 16 == 0)
			dbuf_move(r->d.fd, 0);
		*told = i > 50;
	}
}

/* A process that is killed under traffic leaves nothing. */
static void run_kill(const struct t_case *c)
{
	int before = dbuf_count();
	double end = t_now() + t_seconds(20);
	atomic_bool *told;
	struct life_rig r;
	pid_t pid;

	(void)c;
	told = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	t_check(told != MAP_FAILED, "mmap: %s", strerror(errno));
	for (int round = 0; round < 5; round++) {
		t_where("round %d", round);
		*told = false;
		pid = fork();
		t_check(pid >= 0, "fork: %s", strerror(errno));
		if (!pid) {
			rig_open(&r);
			traffic(&r, told);
			_exit(1);
		}
		t_wait("traffic of the child");
		while (!*told && t_now() < end)
			usleep(1000);
		t_check(*told, "no traffic");
		kill(pid, SIGKILL);
		t_check(waitpid(pid, NULL, 0) == pid, "waitpid: %s", strerror(errno));
		await_count(before, "after the process was killed");
	}
}

struct removal {
	const char *dev;
	atomic_bool *told;
	int rc;
};

static void *remove_device(void *arg)
{
	struct removal *rm = arg;
	char command[200];

	while (!*rm->told)
		usleep(1000);
	snprintf(command, sizeof(command), "rdma link delete %s", rm->dev);
	rm->rc = system(command);
	return NULL;
}

/* The device goes under traffic: its program sees the end, and the exporter has its buffer back. */
static void run_device(const struct t_case *c)
{
	const char *netdev = getenv("RXE_NETDEV");
	char name[64], command[200];
	struct removal rm = {};
	atomic_bool told = false;
	struct life_rig r;
	pthread_t thread;

	(void)c;
	if (!netdev)
		t_skip("RXE_NETDEV does not name the netdev, to have the device again");
	rig_open(&r);
	snprintf(name, sizeof(name), "%s", ibv_get_device_name(ep_dev(0)->ctx->device));
	rm.dev = name;
	rm.told = &told;
	t_zero(pthread_create(&thread, NULL, remove_device, &rm));
	traffic(&r, &told);
	t_zero(pthread_join(thread, NULL));
	t_check(!rm.rc, "rdma link delete: status %d", rm.rc);
	dbuf_clean(r.d.fd);
	snprintf(command, sizeof(command), "rdma link add %s type rxe netdev %s", name, netdev);
	t_check(!system(command), "%s failed", command);
}

const struct t_case cases_life[] = {
	{ "life.closed", run_closed, 0, 0, 0 },
	{ "life.dereg", run_dereg, 0, 0, 0 },
	{ "life.dereg_waiting", run_dereg_waiting, 0, 0, 0 },
	{ "life.kill", run_kill, 0, 0, 60 },
	{ "life.device", run_device, 0, 0, 0 },
	{ }
};
