// SPDX-License-Identifier: GPL-2.0
/*
 * limit.*: memory that runs short. A cgroup with less memory than its region has pages serves the
 * whole region by way of swap; a process that the kernel kills for want of memory, whose reaper
 * takes pages that an on-demand region knows, leaves its peer with an error and no more; and queues
 * are paid for by the cgroup of the program that made them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "crew.h"
#include "rig.h"

#define CGROUPS "/sys/fs/cgroup"

enum { CHUNK = 1 << 20 };

static char group[128];

static void group_path(char *path, size_t room, const char *file)
{
	snprintf(path, room, "%s/%s", group, file);
}

static void group_write(const char *file, const char *text)
{
	char path[256];

	group_path(path, sizeof(path), file);
	file_need(path, text);
}

static long group_read(const char *file, const char *key)
{
	char path[256];

	group_path(path, sizeof(path), file);
	return file_number(path, key);
}

/* A memory cgroup of @mib MiB, for @mib_swap of swap; empty, and removed once it is empty again. */
static void group_open(long mib, long mib_swap)
{
	char text[64];

	if (access(CGROUPS "/cgroup.controllers", R_OK))
		t_skip("no cgroup2 at " CGROUPS);
	file_write(CGROUPS "/cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), CGROUPS "/rxe_odp.%d", getpid());
	if (mkdir(group, 0755))
		t_skip("mkdir %s: %s", group, strerror(errno));
	snprintf(text, sizeof(text), "%ld", mib << 20);
	group_write("memory.max", text);
	snprintf(text, sizeof(text), "%ld", mib_swap << 20);
	group_write("memory.swap.max", text);
}

static void group_close(void)
{
	double end = t_now() + t_seconds(5);

	while (rmdir(group) && errno == EBUSY && t_now() < end)
		usleep(20000);
}

static void group_enter(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	group_write("cgroup.procs", text);
}

/* The first megabyte of each chunk's data is a function of its number. */
static uint64_t chunk_seed(int i)
{
	return 0xc4a9000 + i;
}

struct shop {
	int chunks;
	struct ep_peer at;
	uint64_t addr;
	uint32_t rkey;
};

/* The child in the cgroup: a region larger than the cgroup may have in memory. */
static void shopkeeper(struct crew *self, void *arg)
{
	struct shop *s = arg;
	size_t len = (size_t)s->chunks * CHUNK;
	struct ep_cfg cfg = ep_rc();
	struct ep_peer peer;
	struct ibv_mr *mr;
	struct ep e;
	uint8_t *p;

	crew_await(self, "a place in the cgroup");
	ep_open(&e, 1, &cfg);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(p != MAP_FAILED, "mmap of %zu bytes", len);
	mr = odp_reg(e.dev, p, len, RIGHTS_ALL);
	s->at = ep_self(&e);
	s->addr = (uintptr_t)p;
	s->rkey = mr->rkey;
	crew_tell(self, s, sizeof(*s));
	crew_hear(self, &peer, sizeof(peer), "the peer's QP");
	ep_up(&e, &peer);
	crew_step(self);
	/* A step for each WRITE and READ: that many take longer than one waits for a step. */
	for (int i = 0; i < 2 * s->chunks; i++)
		crew_await(self, "the peer's next WRITE or READ");
	for (int i = 0; i < s->chunks; i++) {
		struct pattern_bad bad;

		t_where("chunk %d of %d", i, s->chunks);
		if (pattern_check(p + (size_t)i * CHUNK, CHUNK, chunk_seed(i), 0, &bad))
			t_fail("the owner sees byte %zu as %#x, expected %#x, %zu wrong", bad.off,
			       bad.got, bad.want, bad.count);
		crew_step(self);
	}
	t_where("%s", "");
	crew_await(self, "leave to end");
}

/* Start the child in the cgroup and connect to it. */
static void open_shop(struct shop *s, struct crew *kid, struct ep *e, struct buf *b)
{
	struct ep_cfg cfg;
	struct ep_peer self;

	crew_start(kid, shopkeeper, s);
	group_enter(kid->pid);
	crew_step(kid);
	crew_hear(kid, s, sizeof(*s), "the child's region");
	cfg = ep_rc();
	/* 17 s, eight times: an emulated CPU that clears a page may stand still for a minute. */
	cfg.timeout = 22;
	ep_open(e, 0, &cfg);
	buf_open(b, e->dev, CHUNK, 0, RIGHTS_ALL);
	self = ep_self(e);
	crew_tell(kid, &self, sizeof(self));
	crew_await(kid, "the child's QP");
	ep_up(e, &s->at);
}

static enum ibv_wc_status chunk_op(struct ep *e, struct buf *b, const struct shop *s, int i,
				   enum ibv_wr_opcode code)
{
	struct ibv_sge sge = buf_sge(b, 0, CHUNK);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = i,
			 .raddr = s->addr + (uint64_t)i * CHUNK, .rkey = s->rkey };
	struct ibv_wc wc;

	ep_post(e, &op);
	cq_poll_for(e->scq, &wc, "a chunk", 40);
	return wc.status;
}

/* @c->arg MiB of memory, @c->arg2 MiB of region. */
static void memcg(const struct t_case *c)
{
	struct shop s = { .chunks = c->arg2 };
	struct crew kid;
	struct buf b;
	struct ep e;

	odp_needed();
	swap_needed((size_t)(s.chunks + 16) << 20);
	group_open(c->arg, s.chunks + 64);
	open_shop(&s, &kid, &e, &b);
	for (int i = 0; i < s.chunks; i++) {
		t_where("WRITE of chunk %d of %d", i, s.chunks);
		pattern_fill(b.p, CHUNK, chunk_seed(i), 0);
		wc_want(&(struct ibv_wc){ .status = chunk_op(&e, &b, &s, i, IBV_WR_RDMA_WRITE) },
			IBV_WC_SUCCESS, "WRITE");
		crew_step(&kid);
	}
	t_check(group_read("memory.peak", NULL) < 0 ||
		group_read("memory.peak", NULL) <= (c->arg + 4) << 20,
		"the cgroup used %ld bytes of %ld MiB", group_read("memory.peak", NULL), c->arg);
	t_check(group_read("memory.swap.current", NULL) > CHUNK, "nothing was swapped: %ld bytes",
		group_read("memory.swap.current", NULL));
	for (int i = 0; i < s.chunks; i++) {
		struct pattern_bad bad;

		t_where("READ of chunk %d of %d", i, s.chunks);
		wc_want(&(struct ibv_wc){ .status = chunk_op(&e, &b, &s, i, IBV_WR_RDMA_READ) },
			IBV_WC_SUCCESS, "READ");
		t_check(!pattern_check(b.p, CHUNK, chunk_seed(i), 0, &bad),
			"byte %zu is %#x, expected %#x; %zu wrong", bad.off, bad.got, bad.want,
			bad.count);
		crew_step(&kid);
	}
	t_where("%s", "");
	for (int i = 0; i < s.chunks; i++)
		crew_await(&kid, "the owner's own look");
	crew_step(&kid);
	crew_end(&kid);
	t_check(!group_read("memory.events", "oom_kill"), "the kernel killed for want of memory");
	group_close();
}

/*
 * The kernel tells of a kill with a stack, which looks like a bug's in the console's log. So the
 * console is quiet meanwhile, and the case itself looks through what the kernel said.
 */
static int kmsg = -1;
static char console_level[32];

static void console_back(const char *reason)
{
	(void)reason;
	file_write("/proc/sys/kernel/printk", console_level);
}

static void console_quiet(void)
{
	snprintf(console_level, sizeof(console_level), "%ld",
		 file_number("/proc/sys/kernel/printk", NULL));
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		t_skip("/dev/kmsg: %s", strerror(errno));
	lseek(kmsg, 0, SEEK_END);
	t_on_fail(console_back);
	file_need("/proc/sys/kernel/printk", "1");
}

/* Reads what was said since; did the reaper say that it took the memory of @pid? */
static bool reaped(pid_t pid)
{
	static const char *const bugs[] = { "BUG:", "WARNING:", "KASAN:", "Oops", "blocked for" };
	char word[64], line[2048];
	bool found = false;
	ssize_t n;

	console_back(NULL);
	snprintf(word, sizeof(word), "oom_reaper: reaped process %d ", pid);
	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		line[n < 0 ? 0 : n] = 0;
		found |= !!strstr(line, word);
		for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++)
			t_check(!strstr(line, bugs[i]), "the kernel says: %.200s", line);
	}
	return found;
}

/* More than there is, and no swap: the kernel kills the owner in the midst of WRITEs. */
static void oom(const struct t_case *c)
{
	struct shop s = { .chunks = 4 * c->arg };
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	struct crew kid;
	int wait_status, mrs, i;
	struct buf b;
	struct ep e;

	odp_needed();
	group_open(c->arg, 0);
	console_quiet();
	open_shop(&s, &kid, &e, &b);
	mrs = objects(1, "mr");
	for (i = 0; i < s.chunks && status == IBV_WC_SUCCESS; i++) {
		pattern_fill(b.p, CHUNK, chunk_seed(i), 0);
		status = chunk_op(&e, &b, &s, i, IBV_WR_RDMA_WRITE);
	}
	t_check(status == IBV_WC_REM_OP_ERR || status == IBV_WC_RETRY_EXC_ERR,
		"after %d chunks: got \"%s\", expected a remote operation error or silence", i,
		ibv_wc_status_str(status));
	wait_status = crew_reap(&kid, 15, "the kernel to kill it");
	t_check(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL,
		"the owner's wait status is %#x, expected SIGKILL", wait_status);
	t_check(group_read("memory.events", "oom_kill") > 0, "no kill is counted");
	t_note("killed at chunk %d of %d, %s; the reaper %s", i, s.chunks,
	       ibv_wc_status_str(status), reaped(kid.pid) ? "came" : "was not needed");
	for (double end = t_now() + t_seconds(10); objects(1, "mr") != mrs - 1; usleep(50000))
		t_check(t_now() < end, "%d regions are left, expected %d", objects(1, "mr"),
			mrs - 1);
	group_close();
}

/* Takes the CPU of the thread that runs it from everything else, for a second at most. */
static void *hog(void *arg)
{
	struct sched_param fifo = { .sched_priority = 50 };
	double end = t_now() + 1;
	bool *stop = arg;

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo);
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED) && t_now() < end)
		;
	return NULL;
}

static void pin(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set))
		t_skip("cannot pin to CPU %d: %s", cpu, strerror(errno));
}

/*
 * As the OOM reaper does: the memory of a process that is killed and has not got far yet. EAGAIN
 * would say that a notifier could not do without sleeping.
 */
static void reap(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		t_skip("pidfd_open: %s", strerror(errno));
	t_check(!kill(pid, SIGKILL), "kill: %s", strerror(errno));
	t_wait("process_mrelease");
	if (syscall(SYS_process_mrelease, fd, 0)) {
		t_check(errno != EAGAIN, "the reaper was turned away");
		t_check(errno == ESRCH, "process_mrelease: %s", strerror(errno));
		t_skip("process_mrelease: %s", strerror(errno));
	}
	close(fd);
}

/*
 * The reaper takes the memory of a process whose QP is still at work, by a notifier that must not
 * sleep. A thread of real-time priority keeps the process from ending by itself meanwhile. What the
 * peer writes then must not land in pages that were given back.
 */
static void reaper(const struct t_case *c)
{
	struct shop s = { .chunks = c->arg };
	enum ibv_wc_status status;
	bool stop = false;
	pthread_t thread;
	pthread_attr_t attr;
	cpu_set_t one;
	struct crew kid;
	struct buf b;
	struct ep e;

	odp_needed();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		t_skip("one CPU");
	group_open(4 * c->arg, 0);
	open_shop(&s, &kid, &e, &b);
	for (int i = 0; i < s.chunks; i++) {
		pattern_fill(b.p, CHUNK, chunk_seed(i), 0);
		status = chunk_op(&e, &b, &s, i, IBV_WR_RDMA_WRITE);
		t_check(status == IBV_WC_SUCCESS, "WRITE: %s", ibv_wc_status_str(status));
	}
	pin(kid.pid, 1);
	pin(0, 0);
	CPU_ZERO(&one);
	CPU_SET(1, &one);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	t_zero(pthread_create(&thread, &attr, hog, &stop));
	usleep(10000);
	reap(kid.pid);
	status = chunk_op(&e, &b, &s, 0, IBV_WR_RDMA_WRITE);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	t_check(status == IBV_WC_REM_OP_ERR, "WRITE to memory that was reaped: got \"%s\"",
		ibv_wc_status_str(status));
	crew_reap(&kid, 10, "after SIGKILL");
	group_close();
}

enum { CQS = 32, CQ_DEPTH = 16384 - 1, CQE_BYTES = 64 };

/* What the cgroup was charged: without the queues, with them, and when they were gone. */
struct bill {
	long before, with, after;
};

static void queue_keeper(struct crew *self, void *arg)
{
	struct ibv_context *ctx;
	struct bill *bill = arg;
	struct ibv_cq *cq[CQS];

	crew_await(self, "a place in the cgroup");
	ctx = ep_dev(0)->ctx;
	bill->before = group_read("memory.current", NULL);
	for (int i = 0; i < CQS; i++) {
		cq[i] = ibv_create_cq(ctx, CQ_DEPTH, NULL, NULL, 0);
		t_check(cq[i], "ibv_create_cq: %s", strerror(errno));
	}
	bill->with = group_read("memory.current", NULL);
	for (int i = 0; i < CQS; i++)
		t_zero(ibv_destroy_cq(cq[i]));
	bill->after = group_read("memory.current", NULL);
	crew_tell(self, bill, sizeof(*bill));
}

static void rings(const struct t_case *c)
{
	const long bytes = (long)CQS * (CQ_DEPTH + 1) * CQE_BYTES;
	struct bill bill;
	struct crew kid;

	group_open(c->arg, 0);
	crew_start(&kid, queue_keeper, &bill);
	group_enter(kid.pid);
	crew_step(&kid);
	crew_hear(&kid, &bill, sizeof(bill), "the bill");
	crew_end(&kid);
	group_close();
	t_note("%ld KiB of queues: charged %ld before, %ld with them, %ld after", bytes >> 10,
	       bill.before >> 10, bill.with >> 10, bill.after >> 10);
	t_check(bill.with - bill.before >= bytes, "charged %ld bytes for queues of %ld",
		bill.with - bill.before, bytes);
	t_check(bill.after - bill.before < bytes / 4, "%ld bytes are still charged",
		bill.after - bill.before);
}

enum { SPARSE = 1000, ODP_CHUNK = 2 << 20 };

/* Look until the charge is at most @most, or 10 s: entries are given back when there is time. */
static long charge(long most)
{
	double end = t_now() + t_seconds(10);
	long now;

	do {
		usleep(20000);
		now = group_read("memory.stat", "slab");
	} while (now > most && t_now() < end);
	return now;
}

/* A page in each of many chunks, by an implicit region; then they go, and the region stays. */
static void page_keeper(struct crew *self, void *arg)
{
	const size_t len = (size_t)SPARSE * ODP_CHUNK;
	struct ep_cfg cfg = ep_rc();
	struct bill *bill = arg;
	struct ep_pair pair;
	struct ibv_mr *all;
	struct buf pin;
	uint8_t *p;

	crew_await(self, "a place in the cgroup");
	ep_pair_open(&pair, &cfg);
	buf_open(&pin, pair.a.dev, 100, 0, RIGHTS_ALL);
	all = odp_reg(pair.b.dev, NULL, SIZE_MAX, RIGHTS_ALL);
	p = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_check(p != MAP_FAILED, "mmap of %zu bytes", len);
	bill->before = charge(LONG_MAX);
	/* Not the first of a chunk: one entry of index 0 takes no node. */
	for (size_t at = 9 * odp_page() + 5; at < len; at += ODP_CHUNK) {
		struct ibv_sge sge = buf_sge(&pin, 0, 100);
		struct op op = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = at,
				 .raddr = (uintptr_t)p + at, .rkey = all->rkey };

		ep_post(&pair.a, &op);
		cq_want(pair.a.scq, IBV_WC_SUCCESS, at, "READ");
		zero_want(pin.p, 100, "what was READ");
	}
	bill->with = charge(LONG_MAX);
	t_check(!madvise(p, len, MADV_DONTNEED), "MADV_DONTNEED: %s", strerror(errno));
	bill->after = charge(bill->before + (bill->with - bill->before) / 4);
	crew_tell(self, bill, sizeof(*bill));
}

/* What is known of pages is charged to who uses them, and given back when they have gone. */
static void chunks(const struct t_case *c)
{
	struct bill bill;
	struct crew kid;

	odp_needed();
	group_open(c->arg, 0);
	crew_start(&kid, page_keeper, &bill);
	group_enter(kid.pid);
	crew_step(&kid);
	crew_hear(&kid, &bill, sizeof(bill), "the bill");
	crew_end(&kid);
	group_close();
	t_note("a page in each of %d chunks: charged %ld KiB before, %ld with them, %ld after",
	       SPARSE, bill.before >> 10, bill.with >> 10, bill.after >> 10);
	t_check(bill.with - bill.before >= SPARSE * 500, "charged %ld bytes for %d chunks",
		bill.with - bill.before, SPARSE);
	t_check(bill.after - bill.before <= (bill.with - bill.before) / 4,
		"%ld bytes are still charged", bill.after - bill.before);
}

const struct t_case cases_limit[] = {
	{ "limit.memcg", memcg, 32, 96, 120 },
	{ "limit.memcg.4g", memcg, 512, 4096, 900 },
	{ "limit.oom", oom, 32, 0, 120 },
	{ "limit.reaper", reaper, 8, 0, 60 },
	{ "limit.rings", rings, 256, 0, 30 },
	{ "limit.chunks", chunks, 256, 0, 60 },
	{ }
};
