/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose faults a thread of ours resolves, as slowly as it is told: userfaultfd(2).
 *
 * The content of each page comes from an image of the whole mapping, so that a page in the wrong
 * place is seen.
 */
#ifndef TESTS_ODP_UFFD_H
#define TESTS_ODP_UFFD_H

#include <pthread.h>

#include "place.h"

struct uffd {
	int fd;
	pthread_t thread;
	uint8_t *base;		/* of the mapping */
	size_t len;
	uint8_t *image;		/* what its pages get */
	double delay;		/* seconds before a fault is resolved; 0 for the CPU's looks */
	unsigned int messages;	/* faults that were told, atomic */
	unsigned int pages;	/* pages that were resolved, atomic */
	unsigned int protects;	/* write-protect faults that were told, atomic */
};

/*
 * uffd_open - fill a mem that is all holes by faults: registers its whole mapping in missing mode
 * and starts the thread; skips when the kernel has no userfaultfd. Sets the mem's seed.
 */
void uffd_open(struct uffd *u, struct mem *m, double delay);

/* uffd_open_wp - a filled mem whose mapping is write-protected; writes wait for the thread. */
void uffd_open_wp(struct uffd *u, struct mem *m, double delay);

/* uffd_open_idle - as uffd_open(), but nobody resolves: faults wait until no one has @u->fd. */
void uffd_open_idle(struct uffd *u, struct mem *m);

/* uffd_close - the faults end; the thread too. */
void uffd_close(struct uffd *u);

#endif
