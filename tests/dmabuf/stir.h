/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process beside the case that moves buffers, or takes them back for a while, over and over.
 */
#ifndef TESTS_DMABUF_STIR_H
#define TESTS_DMABUF_STIR_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "dbuf.h"

/**
 * struct stir - in memory that both share
 * @cpu: held by who looks at a buffer, and while one moves
 * @fd: the buffers; -1: none
 * @revokes: they are taken back and given again before each move
 * @turns: so far
 * @stop: enough
 * @pid: the process
 */
struct stir {
	pthread_mutex_t cpu;
	int fd[2];
	bool revokes;
	atomic_uint turns;
	atomic_bool stop;
	pid_t pid;
};

struct stir *stir_start(int fd, int other, bool revokes);
void stir_stop(struct stir *s);

/*
 * stir_cpu - from here to stir_go() the case may look at the buffers. User-mode Linux lets a
 * program go on with a page that was taken from it until it enters the kernel: that is done here.
 */
void stir_cpu(struct stir *s);
void stir_go(struct stir *s);

#endif
