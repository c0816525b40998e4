/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_COMPLETION_H
#define SHIM_LINUX_COMPLETION_H

#include <pthread.h>

#include <linux/kernel.h>

/* For suites with threads: the waiter really waits. */
struct completion {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned int done;
};

static inline void init_completion(struct completion *c)
{
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->cond, NULL);
	c->done = 0;
}

static inline void complete(struct completion *c)
{
	pthread_mutex_lock(&c->mutex);
	c->done++;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->mutex);
}

static inline void wait_for_completion(struct completion *c)
{
	might_sleep();
	pthread_mutex_lock(&c->mutex);
	while (!c->done)
		pthread_cond_wait(&c->cond, &c->mutex);
	c->done--;
	pthread_mutex_unlock(&c->mutex);
}

#endif
