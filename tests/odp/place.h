/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Places: the kinds of memory that a region may lie in.
 *
 * A place is one mapping. A "mem" is a place with a guarded buffer in it (struct buf) and an MR
 * over the buffer. "Untouched" means that no page-table entry exists: for places with a file behind
 * them the content is then written by way of the file.
 */
#ifndef TESTS_ODP_PLACE_H
#define TESTS_ODP_PLACE_H

#include "kit.h"
#include "xfer.h"

enum place_kind {
	PLACE_PINNED,		/* ordinary memory, and never registered on demand */
	PLACE_ANON,
	PLACE_THP,		/* aligned to 2 MiB, with MADV_HUGEPAGE */
	PLACE_HUGETLB,
	PLACE_MEMFD,
	PLACE_SHARED_FILE,
	PLACE_PRIVATE_FILE,
	PLACE_DAX,		/* a shared file on a DAX file system */
	PLACE_KINDS
};

/* PLACE_EACH - @ROW("name", kind) for every kind that a region on demand may lie in. */
#define PLACE_EACH(ROW)							\
	ROW("anon", PLACE_ANON),					\
	ROW("thp", PLACE_THP),						\
	ROW("hugetlb", PLACE_HUGETLB),					\
	ROW("memfd", PLACE_MEMFD),					\
	ROW("shared_file", PLACE_SHARED_FILE),				\
	ROW("private_file", PLACE_PRIVATE_FILE),			\
	ROW("dax", PLACE_DAX)

struct place {
	enum place_kind kind;
	uint8_t *p;
	size_t len;		/* whole pages of the kind */
	int fd;			/* -1: none */
};

const char *place_name(enum place_kind kind);

/* place_open - map at least @len bytes, all holes, no page touched; skips what is not there. */
void place_open(struct place *pl, enum place_kind kind, size_t len);
void place_close(struct place *pl);

/* place_room - @len bytes of private memory, aligned for huge pages. */
uint8_t *place_room(size_t len);

/* place_has_file - can the content be written and read past the mapping, through pl->fd? */
bool place_has_file(const struct place *pl);

/* place_is_huge - skip unless the THP place at @p is really made of huge pages. */
void place_check_huge(const struct place *pl);

/* temp_file - an unlinked file of @len bytes of holes in the folder @dir. */
int temp_file(const char *dir, size_t len);

struct mem {
	struct place pl;
	struct buf b;
};

/*
 * mem_open - a buffer of @len bytes, @skew bytes into a page, in a place of @kind, filled, with an
 * MR of @dev. @untouched: filled through the file, so that RDMA touches the mapping first; without
 * a file behind it the mapping is filled in the ordinary way.
 */
void mem_open(struct mem *m, struct ep_dev *dev, enum place_kind kind, size_t len, size_t skew,
	      int access, bool untouched);
/* mem_plain - the same without an MR. */
void mem_plain(struct mem *m, enum place_kind kind, size_t len, size_t skew, bool untouched);
/* mem_holes - the same with nothing filled: the buffer and its guards are all holes. */
void mem_holes(struct mem *m, enum place_kind kind, size_t len, size_t skew);
/* mem_reg - the MR; of huge pages from a pool with the flag that says so. */
void mem_reg(struct mem *m, struct ep_dev *dev, int access);
void mem_close(struct mem *m);

/* mem_write_behind - fill a whole mem with a new stream through its file. */
void mem_write_behind(struct mem *m);

/* mem_zero - window [@off, @off + @len) has stream @seed from @pos, all else is zero. */
void mem_zero(const struct mem *m, size_t off, size_t len, uint64_t seed, uint64_t pos,
	      const char *who);

#endif
