// SPDX-License-Identifier: GPL-2.0
/*
 * limit.oom, limit.reaper: a process that the kernel kills for want of memory, whose reaper takes
 * pages that an on-demand region knows, leaves its peer with an error and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rdma/ib_user_ioctl_verbs.h>

#include "advise.h"
#include "cases.h"
#include "group.h"
#include "shop.h"
#include "uffd.h"

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

/* What was said since: does it name @word, and no bug? */
static bool kernel_says(const char *word)
{
	static const char *const bugs[] = { "BUG:", "WARNING:", "KASAN:", "Oops", "blocked for" };
	char line[2048];
	bool found = false;
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		line[n < 0 ? 0 : n] = 0;
		found |= !!strstr(line, word);
		for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++)
			t_check(!strstr(line, bugs[i]), "the kernel says: %.200s", line);
	}
	return found;
}

/* Did the reaper say, within @s seconds, that it took the memory of @pid? */
static bool reaped(pid_t pid, double s)
{
	double end = t_now() + t_seconds(s);
	char word[64];
	bool found;

	t_wait("the OOM reaper");
	snprintf(word, sizeof(word), "oom_reaper: reaped process %d ", pid);
	while (!(found = kernel_says(word)) && t_now() < end)
		usleep(50000);
	console_back(NULL);
	return found;
}

/*
 * WRITEs to one chunk after the other, until the kernel kills the owner in their midst: @room
 * chunks fit into the cgroup. A process that was killed gets no more pages, whatever keeps its
 * memory; on its way out, a few.
 */
static void until_killed(struct shop *s, int room, struct crew *kid, struct ep *e, struct buf *b)
{
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	double end = t_now() + t_seconds(20);
	int wait_status, i;

	for (i = 0; i < s->chunks && status == IBV_WC_SUCCESS && t_now() < end; i++) {
		pattern_fill(b->p, CHUNK, chunk_seed(i), 0);
		status = shop_op(e, b, s, i, IBV_WR_RDMA_WRITE);
	}
	t_check(status == IBV_WC_REM_OP_ERR || status == IBV_WC_RETRY_EXC_ERR,
		"after %d WRITEs: got \"%s\", expected a remote operation error or silence", i,
		ibv_wc_status_str(status));
	t_check(i <= room + 4, "%d WRITEs, and no more than %d have room", i, room);
	wait_status = crew_reap(kid, 15, "the kernel to kill it");
	t_check(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL,
		"the owner's wait status is %#x, expected SIGKILL", wait_status);
	t_check(group_read("memory.events", "oom_kill") > 0, "no kill is counted");
	t_note("no more after %d WRITEs of %d, %s", i, s->chunks, ibv_wc_status_str(status));
}

static void await_regions(int want)
{
	double end = t_now() + t_seconds(10);

	for (; objects(1, "mr") != want; usleep(50000))
		t_check(t_now() < end, "%d regions are left, expected %d", objects(1, "mr"), want);
}

/* More than there is, and no swap: the kernel kills the owner in the midst of WRITEs. */
static void oom(const struct t_case *c)
{
	struct shop s = { .chunks = 4 * c->arg };
	struct crew kid;
	struct buf b;
	struct ep e;
	int mrs;

	odp_needed();
	group_open(c->arg, 0);
	console_quiet();
	shop_open(&s, &kid, &e, &b);
	mrs = objects(1, "mr");
	until_killed(&s, c->arg, &kid, &e, &b);
	t_note("the reaper %s", reaped(kid.pid, 0) ? "came" : "was not needed");
	await_regions(mrs - 1);
	group_close();
}

/* The child: advice for a page that only the userfaultfd of @s->fd can bring. It is waited for. */
static void ask_in_vain(struct shop *s, struct ep_dev *dev)
{
	struct pollfd pfd = { .events = POLLIN };
	static struct uffd u;
	static struct mem m;
	struct ibv_sge sge;

	mem_holes(&m, PLACE_ANON, 3 * odp_page(), 0);
	uffd_open_idle(&u, &m);
	mem_reg(&m, dev, RIGHTS_ALL);
	sge = buf_sge(&m.b, odp_page(), 1);
	t_zero(advise_ioctl(dev->pd, IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE, 0, &sge, 1));
	pfd.fd = s->fd = u.fd;
	t_check(poll(&pfd, 1, t_seconds(5) * 1000) == 1, "no fault came of the advice");
}

/* A descriptor of the child's, here too. */
static int take_fd(pid_t pid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), own;

	if (pidfd < 0)
		t_skip("pidfd_open: %s", strerror(errno));
	own = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	t_check(own >= 0, "pidfd_getfd: %s", strerror(errno));
	close(pidfd);
	return own;
}

/*
 * A fault that is under way keeps the address space when its process is killed, and with it the
 * device's rings, queue pairs and regions; but no other page comes. Memory comes back by the
 * reaper, for whom the notifier does not sleep. All else comes back with the fault's end, which is
 * when nobody has the userfaultfd any more.
 */
static void oom_reaper(const struct t_case *c)
{
	struct shop s = { .chunks = 4 * c->arg, .first = ask_in_vain };
	struct crew kid;
	struct buf b;
	struct ep e;
	int mrs, fd;
	double end;

	odp_needed();
	group_open(c->arg, 0);
	console_quiet();
	shop_open(&s, &kid, &e, &b);
	fd = take_fd(kid.pid, s.fd);
	mrs = objects(1, "mr");
	until_killed(&s, c->arg, &kid, &e, &b);
	t_check(reaped(kid.pid, 10), "the reaper did not come");
	t_check(group_read("memory.stat", "anon") < CHUNK, "%ld bytes are left after the reaper",
		group_read("memory.stat", "anon"));
	t_check(objects(1, "mr") == mrs, "%d regions are left, expected %d: what kept the rest?",
		objects(1, "mr"), mrs);
	t_check(group_read("memory.stat", "pagetables") > 0, "the fault did not keep its process");
	close(fd);
	await_regions(mrs - 2);
	t_wait("page tables to go");
	for (end = t_now() + t_seconds(10); group_read("memory.stat", "pagetables"); usleep(50000))
		t_check(t_now() < end, "%ld bytes of page tables are left",
			group_read("memory.stat", "pagetables"));
	/* And no bug meanwhile. */
	kernel_says("");
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
	shop_open(&s, &kid, &e, &b);
	for (int i = 0; i < s.chunks; i++) {
		pattern_fill(b.p, CHUNK, chunk_seed(i), 0);
		status = shop_op(&e, &b, &s, i, IBV_WR_RDMA_WRITE);
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
	status = shop_op(&e, &b, &s, 0, IBV_WR_RDMA_WRITE);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	t_check(status == IBV_WC_REM_OP_ERR, "WRITE to memory that was reaped: got \"%s\"",
		ibv_wc_status_str(status));
	crew_reap(&kid, 10, "after SIGKILL");
	group_close();
}

const struct t_case cases_oom[] = {
	{ "limit.oom", oom, 32, 0, 120 },
	{ "limit.oom.reaper", oom_reaper, 32, 0, 120 },
	{ "limit.reaper", reaper, 8, 0, 60 },
	{ }
};
