// SPDX-License-Identifier: GPL-2.0
/*
 * A program that scribbles on its queues.
 *
 * librxe maps the rings of a QP's two queues and counts the posted work requests there itself, so
 * the producer index is whatever the program writes. In ERR all that is posted is flushed; with an
 * index that always runs ahead there is no end of it, which must be that program's trouble only:
 * verbs on the QP return, other QPs go on, and the QP can be destroyed.
 *
 * The scribbler is a forked process: its mapping of the rings stays when librxe takes ours away.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { DEPTH = 16000, MAX_RINGS = 8 };

/* Words of a ring's header, by the ABI: the mask of its indices, and where these are. */
enum { H_MASK = 1, H_PRODUCER = 32, H_CONSUMER = 64 };

struct rings {
	uint32_t *header[MAX_RINGS];
	int n;
};

/* Of all that is mapped from the device: the rings that are as deep as no CQ here is. */
static void find(struct rings *rings)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;
	char line[512];

	t_check(maps, "/proc/self/maps: %s", strerror(errno));
	rings->n = 0;
	while (fgets(line, sizeof(line), maps)) {
		uint32_t *header;

		if (!strstr(line, "uverbs") || sscanf(line, "%lx-", &start) != 1)
			continue;
		header = (uint32_t *)start;
		if (header[H_MASK] < DEPTH || header[H_MASK] >= 2 * DEPTH)
			continue;
		t_check(rings->n < MAX_RINGS, "more than %d deep rings are mapped", MAX_RINGS);
		rings->header[rings->n++] = header;
	}
	fclose(maps);
	t_check(rings->n == 2, "deep rings mapped: got %d, expected an SQ and an RQ", rings->n);
}

/* Whatever was taken from the ring, it is full again. */
static void refill(uint32_t *header)
{
	uint32_t consumer = __atomic_load_n(&header[H_CONSUMER], __ATOMIC_RELAXED);

	__atomic_store_n(&header[H_PRODUCER], (consumer - 1) & header[H_MASK], __ATOMIC_RELAXED);
}

static void scribble(const struct rings *rings, double end)
{
	while (t_now() < end)
		for (int i = 0; i < 1000 * rings->n; i++)
			refill(rings->header[i % rings->n]);
}

static pid_t start_scribbler(const struct rings *rings, double seconds)
{
	double end = t_now() + seconds;
	pid_t pid = fork();

	t_check(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		scribble(rings, end);
		_exit(0);
	}
	return pid;
}

static void in_time(double since, const char *what)
{
	double took = t_now() - since;

	t_check(took < t_seconds(3), "%s took %.1f s, expected at most %.0f s", what, took,
		t_seconds(3));
	t_note("%s: %.3f s", what, took);
}

/* The scribbler outlives the QP, but a driver that waits for its end is seen, too. */
static void flush(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc(), deep = cfg;
	struct rings rings;
	struct ep_peer self;
	struct ep_pair live;
	struct ep e;
	double start;
	pid_t pid;

	deep.send_wr = deep.recv_wr = DEPTH;
	deep.send_sge = deep.recv_sge = 1;
	deep.cqe = c->arg;
	ep_pair_open(&live, &cfg);
	ep_open(&e, 0, &deep);
	self = ep_self(&e);
	ep_up(&e, &self);
	find(&rings);
	pid = start_scribbler(&rings, t_seconds(10));
	usleep(20000);
	start = t_now();
	ep_to(&e, IBV_QPS_ERR);
	in_time(start, "modify_qp to ERR");
	pair_proves(&live);
	start = t_now();
	ep_close(&e);
	in_time(start, "destroy_qp");
	t_check(!waitpid(pid, NULL, WNOHANG), "the scribbler ended before the QP did");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pair_proves(&live);
	ep_pair_close(&live);
}

const struct t_case cases_ring[] = {
	{ "ring.flush.small_cq", flush, 16, 0, 60 },
	{ "ring.flush.large_cq", flush, 2 * DEPTH, 0, 60 },
	{ }
};
