// SPDX-License-Identifier: GPL-2.0
/*
 * change.*: memory replaced under a region between transfers. After each change a transfer must use
 * the new pages, and the old page must stay as it was, which a witness sees: for memory with a file
 * the file itself, for anonymous memory a reference to the old page in a pipe (vmsplice).
 *
 * The first access after a change is RDMA's, so that the CPU does not bring the page back first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cases.h"
#include "rig.h"

enum { LEN = 6 * 4096 + 77 };

/* What the memory holds after the change, for who reads it next. */
enum then { AFTER_SAME, AFTER_ZERO, AFTER_FILE };

/* struct witness - the pages of a mapping as they are now, kept in a pipe. */
struct witness {
	int out;
	size_t len;
	struct buf image;	/* what they held */
};

static void witness_open(struct witness *w, const struct buf *b)
{
	struct iovec iov = { b->map, b->map_len };
	int fds[2];

	w->len = b->map_len;
	w->image = *b;
	t_check(!pipe(fds), "pipe: %s", strerror(errno));
	fcntl(fds[1], F_SETPIPE_SZ, w->len);
	t_check(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK) == (ssize_t)w->len,
		"vmsplice of %zu bytes: %s", w->len, strerror(errno));
	w->out = fds[0];
	close(fds[1]);
}

/* The old pages hold what they held: not one byte was written to them after the change. */
static void witness_check(struct witness *w, const char *who)
{
	uint8_t *copy = malloc(w->len);
	size_t got = 0;
	ssize_t n;

	t_check(copy, "out of memory");
	while (got < w->len) {
		n = read(w->out, copy + got, w->len - got);
		t_check(n > 0, "read from the pipe: %s", strerror(errno));
		got += n;
	}
	w->image.p = copy + (w->image.p - w->image.map);
	w->image.map = copy;
	buf_same(&w->image, who);
	free(copy);
	close(w->out);
}

/*
 * After a change: a READ, then a WRITE, then all again with CPU's help. The old pages, if a witness
 * has them, did not see the WRITE.
 */
static void proves(struct rig *r, enum then left, struct witness *w, const char *who)
{
	if (left == AFTER_ZERO)
		rig_reads_zero(r, who);
	else
		rig_reads_same(r, who);
	rig_write(r);
	if (left == AFTER_ZERO)
		rig_written_zero(r, who);
	else
		rig_written(r, who);
	if (w)
		witness_check(w, "the old pages");
	rig_proves(r, who);
}

/* The other way round: the first access after the change is a WRITE. */
static void proves_write(struct rig *r, enum then left, const char *who)
{
	rig_write(r);
	if (left == AFTER_ZERO)
		rig_written_zero(r, who);
	else
		rig_written(r, who);
	rig_proves(r, who);
}

static void drop(struct rig *r)
{
	t_wait("madvise(MADV_DONTNEED)");
	t_check(!madvise(r->m.b.map, r->m.b.map_len, MADV_DONTNEED), "MADV_DONTNEED: %s",
		strerror(errno));
}

/* @c->arg: the kind of memory. @c->arg2: what is there afterwards. */
static void dontneed(const struct t_case *c)
{
	bool file = c->arg2 == AFTER_FILE;
	struct witness w;
	uint64_t seed;
	struct mem m;
	struct rig r;

	odp_needed();
	mem_plain(&m, c->arg, LEN, 1001, file);
	seed = m.b.seed;
	rig_around(&r, &m);
	rig_warm(&r);
	if (c->arg == PLACE_ANON)
		witness_open(&w, &r.m.b);
	drop(&r);
	if (file)
		r.m.b.seed = seed;
	proves(&r, c->arg2, c->arg == PLACE_ANON ? &w : NULL, "after MADV_DONTNEED");
	drop(&r);
	if (file)
		r.m.b.seed = seed;
	proves_write(&r, c->arg2, "WRITE first after MADV_DONTNEED");
	rig_close(&r);
}

/* A private file mapping never lets anything through to the file. */
static void private_file(const struct t_case *c)
{
	struct mem m;
	struct rig r;
	struct buf image;

	(void)c;
	mem_plain(&m, PLACE_PRIVATE_FILE, LEN, 1001, true);
	image = m.b;
	rig_around(&r, &m);
	rig_reads_same(&r, "the file's content");
	rig_write(&r);
	rig_written(&r, "the private copy");
	image.map = malloc(image.map_len);
	image.p = image.map + (r.m.b.p - r.m.b.map);
	t_check(pread(m.pl.fd, image.map, image.map_len, 0) == (ssize_t)image.map_len, "pread");
	buf_same(&image, "the file behind a private mapping");
	rig_proves(&r, "private file");
	rig_close(&r);
}

/* munmap, and something new at the same address: memory of @c->arg over memory of @c->arg. */
static void remap(const struct t_case *c)
{
	bool shared = c->arg == PLACE_MEMFD || c->arg == PLACE_SHARED_FILE || c->arg == PLACE_DAX;
	struct witness w;
	struct place next;
	struct buf old;
	uint8_t *at;
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	rig_warm(&r);
	at = r.m.b.map;
	witness_open(&w, &r.m.b);
	place_open(&next, c->arg, r.m.pl.len);
	if (shared) {
		old = r.m.b;
		old.map = mmap(NULL, old.map_len, PROT_READ, MAP_SHARED, r.m.pl.fd, 0);
		old.p = old.map + (r.m.b.p - r.m.b.map);
	}
	t_check(!munmap(at, r.m.pl.len), "munmap: %s", strerror(errno));
	t_check(mremap(next.p, next.len, next.len, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at,
		"mremap to the old address: %s", strerror(errno));
	proves(&r, AFTER_ZERO, &w, "new memory at the old address");
	if (shared)
		buf_same(&old, "the file that was mapped before");
	rig_close(&r);
}

/* mremap: the old address is empty, the moved pages stay as they are, a new region finds them. */
static void moved(const struct t_case *c)
{
	struct ibv_mr *old_mr;
	uint8_t *old, *new;
	struct buf there;
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	rig_warm(&r);
	old = r.m.b.map;
	new = mremap(old, r.m.pl.len, r.m.pl.len, MREMAP_MAYMOVE | MREMAP_FIXED,
		     place_room(r.m.pl.len));
	t_check(new != MAP_FAILED, "mremap: %s", strerror(errno));
	rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_OP_ERR);
	there = r.m.b;
	there.map = new;
	there.p = new + (r.m.b.p - old);
	settle();
	buf_same(&there, "the pages at their new address");
	t_check(mmap(old, r.m.pl.len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == old, "mmap");
	proves(&r, AFTER_ZERO, NULL, "new memory where the old was moved from");
	buf_same(&there, "the moved pages after writes to the old address");
	old_mr = r.m.b.mr;
	r.m.b = there;
	r.m.b.mr = odp_reg(r.p.b.dev, there.p, there.len, RIGHTS_ALL);
	proves(&r, AFTER_SAME, NULL, "a region over the moved pages");
	t_zero(ibv_dereg_mr(old_mr));
}

/* A hole punched into the file under the mapping. */
static void punch(const struct t_case *c)
{
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 3; round++) {
		rig_warm(&r);
		t_check(!fallocate(r.m.pl.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   r.m.pl.len), "fallocate: %s", strerror(errno));
		if (round & 1)
			proves_write(&r, AFTER_ZERO, "WRITE first after a punched hole");
		else
			proves(&r, AFTER_ZERO, NULL, "after a punched hole");
	}
	rig_close(&r);
}

/* The file shrinks to nothing, which makes the memory unusable, and grows again. */
static void truncate_file(const struct t_case *c)
{
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	rig_warm(&r);
	t_check(!ftruncate(r.m.pl.fd, 0), "ftruncate: %s", strerror(errno));
	rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_OP_ERR);
	rig_refused(&r, IBV_WR_RDMA_READ, IBV_WC_REM_OP_ERR);
	t_check(!ftruncate(r.m.pl.fd, r.m.pl.len), "ftruncate: %s", strerror(errno));
	proves(&r, AFTER_ZERO, NULL, "after the file grew again");
	rig_close(&r);
}

/*
 * Half of the file goes, in the middle of a page: pages in front stay, the rest of that page is
 * zeros, and only what lies behind is refused.
 */
static void truncate_half(const struct t_case *c)
{
	size_t keep = 3 * odp_page() + 100, in_buf;
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	rig_warm(&r);
	in_buf = r.m.b.map + keep - r.m.b.p;
	t_check(!ftruncate(r.m.pl.fd, keep), "ftruncate: %s", strerror(errno));
	buf_refill(&r.pin);
	rig_op(&r, IBV_WR_RDMA_READ, 0, in_buf + 50);
	cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "READ of what is left");
	buf_range(&r.pin, 0, in_buf, r.m.b.seed, 0, "what is left of the file");
	zero_want(r.pin.p + in_buf, 50, "behind the end, in the last page");
	rig_refused(&r, IBV_WR_RDMA_READ, IBV_WC_REM_OP_ERR);
	t_check(!ftruncate(r.m.pl.fd, r.m.pl.len), "ftruncate: %s", strerror(errno));
	settle();
	rig_proves(&r, "after the file grew again");
	rig_close(&r);
}

/* A thread that READs all the time while the mapping is dropped: shared memory never changes. */
static void during(const struct t_case *c)
{
	struct rig r;
	double end;

	odp_needed();
	rig_open(&r, c->arg, 64 * 4096 + 5);
	rig_warm(&r);
	end = t_now() + (odp_opts.full ? 6 : 2);
	while (t_now() < end) {
		buf_refill(&r.pin);
		rig_op(&r, IBV_WR_RDMA_READ, 0, r.m.b.len);
		for (int i = 0; i < 5; i++)
			drop(&r);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "READ beside MADV_DONTNEED");
		buf_expect(&r.pin, 0, r.m.b.len, r.m.b.seed, 0, "what was READ");
		buf_refill(&r.pin);
		rig_op(&r, IBV_WR_RDMA_WRITE, r.off, r.len);
		for (int i = 0; i < 5; i++)
			drop(&r);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "WRITE beside MADV_DONTNEED");
		rig_written(&r, "what was written");
		buf_refill(&r.m.b);
	}
	rig_close(&r);
}

const struct t_case cases_change[] = {
	{ "change.dontneed.anon", dontneed, PLACE_ANON, AFTER_ZERO, 0 },
	{ "change.dontneed.thp", dontneed, PLACE_THP, AFTER_ZERO, 0 },
	{ "change.dontneed.hugetlb", dontneed, PLACE_HUGETLB, AFTER_ZERO, 0 },
	{ "change.dontneed.memfd", dontneed, PLACE_MEMFD, AFTER_SAME, 0 },
	{ "change.dontneed.shared_file", dontneed, PLACE_SHARED_FILE, AFTER_SAME, 0 },
	{ "change.dontneed.private_file", dontneed, PLACE_PRIVATE_FILE, AFTER_FILE, 0 },
	{ "change.dontneed.dax", dontneed, PLACE_DAX, AFTER_SAME, 0 },
	{ "change.private_file", private_file, 0, 0, 0 },
	{ "change.remap.anon", remap, PLACE_ANON, 0, 0 },
	{ "change.remap.thp", remap, PLACE_THP, 0, 0 },
	{ "change.remap.hugetlb", remap, PLACE_HUGETLB, 0, 0 },
	{ "change.remap.memfd", remap, PLACE_MEMFD, 0, 0 },
	{ "change.remap.shared_file", remap, PLACE_SHARED_FILE, 0, 0 },
	{ "change.remap.private_file", remap, PLACE_PRIVATE_FILE, 0, 0 },
	{ "change.remap.dax", remap, PLACE_DAX, 0, 0 },
	{ "change.mremap.anon", moved, PLACE_ANON, 0, 0 },
	{ "change.mremap.thp", moved, PLACE_THP, 0, 0 },
	{ "change.mremap.hugetlb", moved, PLACE_HUGETLB, 0, 0 },
	{ "change.mremap.memfd", moved, PLACE_MEMFD, 0, 0 },
	{ "change.mremap.shared_file", moved, PLACE_SHARED_FILE, 0, 0 },
	{ "change.mremap.private_file", moved, PLACE_PRIVATE_FILE, 0, 0 },
	{ "change.mremap.dax", moved, PLACE_DAX, 0, 0 },
	{ "change.punch.memfd", punch, PLACE_MEMFD, 0, 0 },
	{ "change.punch.shared_file", punch, PLACE_SHARED_FILE, 0, 0 },
	{ "change.punch.dax", punch, PLACE_DAX, 0, 0 },
	{ "change.truncate.memfd", truncate_file, PLACE_MEMFD, 0, 0 },
	{ "change.truncate.shared_file", truncate_file, PLACE_SHARED_FILE, 0, 0 },
	{ "change.truncate.dax", truncate_file, PLACE_DAX, 0, 0 },
	{ "change.truncate_half.memfd", truncate_half, PLACE_MEMFD, 0, 0 },
	{ "change.truncate_half.shared_file", truncate_half, PLACE_SHARED_FILE, 0, 0 },
	{ "change.truncate_half.dax", truncate_half, PLACE_DAX, 0, 0 },
	{ "change.during.memfd", during, PLACE_MEMFD, 0, 0 },
	{ "change.during.shared_file", during, PLACE_SHARED_FILE, 0, 0 },
	{ }
};
