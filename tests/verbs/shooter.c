// SPDX-License-Identifier: GPL-2.0
/* A thread that posts; see shooter.h. */
#include <unistd.h>

#include "shooter.h"

static void *shoot(void *arg)
{
	struct shooter *s = arg;
	uint64_t from = s->sge.addr;
	struct ibv_wc wc;

	for (unsigned long n = 0; !__atomic_load_n(&s->over, __ATOMIC_ACQUIRE); n++) {
		if (s->spread)
			s->sge.addr = from + n % s->spread;
		ep_post(s->e, &s->op);
		cq_poll(s->e->scq, &wc, op_name(s->op.code));
		s->last = wc.status;
		if (wc.status)
			break;
		__atomic_fetch_add(&s->hits, 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void await_hits(struct shooter *s, unsigned long n)
{
	double end = t_now() + t_seconds(10);

	while (__atomic_load_n(&s->hits, __ATOMIC_ACQUIRE) < n) {
		t_check(!__atomic_load_n(&s->over, __ATOMIC_ACQUIRE), "%s: got \"%s\"",
			op_name(s->op.code), ibv_wc_status_str(s->last));
		t_check(t_now() < end, "%s: no %lu have succeeded", op_name(s->op.code), n);
		usleep(10);
	}
}

void shooter_start(struct shooter *s)
{
	s->op.sge = &s->sge;
	s->op.nsge = 1;
	s->over = false;
	s->hits = 0;
	s->last = IBV_WC_SUCCESS;
	t_check(!pthread_create(&s->thread, NULL, shoot, s), "pthread_create");
	await_hits(s, 1);
}

void shooter_hits(struct shooter *s, unsigned int n)
{
	/* One may be under way. */
	await_hits(s, __atomic_load_n(&s->hits, __ATOMIC_ACQUIRE) + 1 + n);
}

void shooter_refused(struct shooter *s)
{
	t_wait("a %s that is refused", op_name(s->op.code));
	pthread_join(s->thread, NULL);
	t_check(s->last == IBV_WC_REM_ACCESS_ERR, "%s: got \"%s\"", op_name(s->op.code),
		ibv_wc_status_str(s->last));
}

void shooter_stop(struct shooter *s)
{
	__atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
	t_check(!s->last, "%s: got \"%s\"", op_name(s->op.code), ibv_wc_status_str(s->last));
}
