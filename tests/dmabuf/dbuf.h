/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers in dma-bufs, and their regions. No user library registers a dma-buf with this device, so
 * the kernel's commands are written as they are.
 *
 * A buffer lies within the dma-buf like a buffer of the harness within its mapping: at least a page
 * of guard on each side, all of which every check looks at.
 */
#ifndef TESTS_DMABUF_DBUF_H
#define TESTS_DMABUF_DBUF_H

#include <pthread.h>

#include "exporter.h"
#include "xfer.h"

/* Whose dma-buf it is. Others than the test exporter's own never move. */
enum dbuf_kind {
	UDMABUF,	/* pages of a memfd: /dev/udmabuf */
	HEAP,		/* /dev/dma_heap/system */
	MOVABLE,	/* the test exporter's */
	STATIC,		/* likewise, and it moves only when no region is there */
};

/**
 * struct dbuf - a buffer in a dma-buf, and a region over exactly its bytes
 * @b: the buffer; @b.mr is @mr
 * @mr: the region
 * @fd: the dma-buf
 * @offset: of the buffer there
 */
struct dbuf {
	struct buf b;
	struct ibv_mr mr;
	int fd;
	size_t offset;
};

/* dbuf_open - @len bytes, the first @skew bytes into a page, filled and guarded, and registered. */
void dbuf_open(struct dbuf *d, enum dbuf_kind kind, struct ep_dev *dev, size_t len, size_t skew,
	       int access);
/* dbuf_plain - the same without a region. */
void dbuf_plain(struct dbuf *d, enum dbuf_kind kind, size_t len, size_t skew);
void dbuf_close(struct dbuf *d);

/* dbuf_make - a dma-buf of @size bytes, by the test exporter with EXPORTER_* @flags. */
int dbuf_make(size_t size, unsigned int flags);

/* struct dbuf_reg - a registration. */
struct dbuf_reg {
	int fd;
	uint64_t offset, length, iova;
	uint32_t access;
};

/* dbuf_reg_try - returns 0, or an errno value. */
int dbuf_reg_try(struct ibv_pd *pd, const struct dbuf_reg *reg, struct ibv_mr *mr);
int dbuf_dereg(struct ibv_mr *mr);

/*
 * dbuf_pins - a kernel before 6.2: a buffer does not move while it is registered, and one that is
 * taken back is not mapped again.
 */
bool dbuf_pins(void);
/* dbuf_need_moves - skip the case there. */
void dbuf_need_moves(void);

/* Commands to the test exporter, about a dma-buf of its own. There, dbuf_move() does nothing. */
void dbuf_move(int fd, unsigned int ms);
int dbuf_move_try(int fd, unsigned int ms);
void dbuf_revoke(int fd, bool on);
struct exporter_stat dbuf_stat(int fd);

/* dbuf_clean - nobody holds the buffer, and nothing was written to where it had been. */
void dbuf_clean(int fd);

/* dbuf_count - buffers of the test exporter that there are. */
int dbuf_count(void);

/* struct slow_move - a move of the buffer @fd that takes @ms, by a thread. */
struct slow_move {
	int fd;
	unsigned int ms;
	bool done;
	pthread_t thread;
};

/* slow_move_begin - returns when the importers have been told of it. */
void slow_move_begin(struct slow_move *m);
/* slow_move_lasts - fail unless it is still under way. */
void slow_move_lasts(const struct slow_move *m, const char *what);
void slow_move_end(struct slow_move *m);

#endif
