/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scribbling on the rings that librxe has mapped, by the layout of rdma/rdma_user_rxe.h.
 *
 * A "target" is memory with a key, the program's own or somebody else's, that a scribbled work
 * request may name. Geometry is read before anything is scribbled: what stands in a header later is
 * nobody's to believe, on either side.
 */
#ifndef TESTS_VERBS_SCRIBBLE_RING_H
#define TESTS_VERBS_SCRIBBLE_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <rdma/rdma_user_rxe.h>

enum { RINGS_MAX = 16, TARGETS_MAX = 16 };

/* Depths that tell what a ring is, as each kind has another. */
enum { SQ_MASK = 31, RQ_MASK = 63, SRQ_MASK = 127, CQ_MASK = 511 };

struct ring {
	struct rxe_queue_buf *buf;
	uint32_t mask;
	uint32_t shift;
};

struct target {
	uint64_t addr;
	uint64_t len;
	uint32_t key;
};

/* struct scribble - what may be scribbled on, and with. */
struct scribble {
	struct ring rings[RINGS_MAX];
	int n;
	struct target targets[TARGETS_MAX];
	int num_targets;
	uint64_t seed;
	uint64_t drawn;		/* numbers drawn from the stream of @seed */
};

/* scribble_find - all rings that are mapped in this process. */
void scribble_find(struct scribble *s);

/* ring_elem - element @i of a ring, by the geometry that was found. */
void *ring_elem(const struct ring *r, uint32_t i);

/* scribble_once - change one thing somewhere. */
void scribble_once(struct scribble *s);

/*
 * scribble_start - a process that scribbles until it is killed: all over the rings, or by flipping
 * one field. Its mappings stay when those of this process go, so queues are destroyed under it,
 * too.
 */
pid_t scribble_start(const struct scribble *s, bool flipping);
void scribble_stop(pid_t pid);

/* scribble_rand - the next number of its stream. */
uint64_t scribble_rand(struct scribble *s);

#endif
