/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One request after another from a thread of its own, for cases about what changes meanwhile: a
 * request that is posted by who changes things is often over before the change begins.
 */
#ifndef TESTS_VERBS_SHOOTER_H
#define TESTS_VERBS_SHOOTER_H

#include <pthread.h>

#include "xfer.h"

struct shooter {
	struct ep *e;
	struct op op;		/* each request; its list is @sge */
	struct ibv_sge sge;
	unsigned int spread;	/* the n-th request begins at @sge.addr + n % spread */
	unsigned long hits;	/* requests that have succeeded */
	bool over;
	enum ibv_wc_status last;
	pthread_t thread;
};

/* shooter_start - of @e, @op, @sge and @spread; returns when a first request has succeeded. */
void shooter_start(struct shooter *s);

/* shooter_hits - wait for @n requests that begin from now on; fails the case when one fails. */
void shooter_hits(struct shooter *s, unsigned int n);

/* shooter_refused - a request ends with REM_ACCESS_ERR, and the thread with it. */
void shooter_refused(struct shooter *s);

/* shooter_stop - no request more; none has failed. */
void shooter_stop(struct shooter *s);

#endif
