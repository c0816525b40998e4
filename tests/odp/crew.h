/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Child processes of a case: started with a pipe each way, ended and judged with their parent.
 *
 * A child that fails (t_fail) fails the case with its own words. A child inherits no open device:
 * one that uses verbs is started before its parent opens any, unless inheriting is the point.
 */
#ifndef TESTS_ODP_CREW_H
#define TESTS_ODP_CREW_H

#include <stddef.h>
#include <sys/types.h>

struct crew {
	pid_t pid;
	int to, from;		/* pipe ends: to the other process, from it */
};

/* crew_start - fork; the child runs @fn and exits with 0. */
void crew_start(struct crew *c, void (*fn)(struct crew *self, void *arg), void *arg);

/* crew_tell, crew_hear - @len bytes to or from the other process; bounded by a deadline. */
void crew_tell(struct crew *c, const void *data, size_t len);
void crew_hear(struct crew *c, void *data, size_t len, const char *what);

/* crew_step, crew_await - the same with one byte: "done that", "wait until it is done". */
void crew_step(struct crew *c);
void crew_await(struct crew *c, const char *what);

/* crew_end - the child must end by itself with 0. */
void crew_end(struct crew *c);

/* crew_reap - it must have ended within @s seconds, however; returns its wait status. */
int crew_reap(struct crew *c, double s, const char *what);

#endif
