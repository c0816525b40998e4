// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of every kind, and guarded buffers in them, laid out as ../verbs/buf.c does: at least a
 * page of guard on both sides.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "place.h"

enum { HUGE_PAGE = 2 << 20 };

static const char *const names[PLACE_KINDS] = {
	"pinned", "anon", "thp", "hugetlb", "memfd", "shared_file", "private_file", "dax",
};

const char *place_name(enum place_kind kind)
{
	return names[kind];
}

static void *map(void *at, size_t len, int flags, int fd)
{
	void *p = mmap(at, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	t_check(p != MAP_FAILED, "mmap of %zu bytes: %s", len, strerror(errno));
	return p;
}

int temp_file(const char *dir, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/rxe_odp.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	t_check(fd >= 0, "mkstemp %s: %s", path, strerror(errno));
	unlink(path);
	t_check(!ftruncate(fd, len), "ftruncate %s to %zu: %s", path, len, strerror(errno));
	return fd;
}

/* A huge page too long, and cut. */
uint8_t *place_room(size_t len)
{
	size_t room = len + HUGE_PAGE;
	uint8_t *p = map(NULL, room, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uint8_t *start = (void *)(((uintptr_t)p + HUGE_PAGE - 1) & -(uintptr_t)HUGE_PAGE);

	if (start > p)
		munmap(p, start - p);
	if (p + room > start + len)
		munmap(start + len, p + room - start - len);
	return start;
}

static void open_thp(struct place *pl)
{
	pl->p = place_room(pl->len);
	if (madvise(pl->p, pl->len, MADV_HUGEPAGE))
		t_skip("no transparent huge pages: madvise: %s", strerror(errno));
}

static void open_hugetlb(struct place *pl)
{
	pl->p = mmap(NULL, pl->len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (pl->p == MAP_FAILED)
		t_skip("no pool of %zu bytes of huge pages: %s", pl->len, strerror(errno));
}

/* With MAP_SYNC the mapping is of the memory itself or is refused. */
static void open_dax(struct place *pl)
{
	if (!odp_opts.dax)
		t_skip("no DAX file system (--dax DIR)");
	pl->fd = temp_file(odp_opts.dax, pl->len);
	pl->p = mmap(NULL, pl->len, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC,
		     pl->fd, 0);
	if (pl->p == MAP_FAILED)
		t_skip("%s is no DAX file system: %s", odp_opts.dax, strerror(errno));
}

static void open_file(struct place *pl)
{
	if (!odp_opts.files)
		t_skip("no folder for files (--files DIR)");
	pl->fd = temp_file(odp_opts.files, pl->len);
	pl->p = map(NULL, pl->len, pl->kind == PLACE_SHARED_FILE ? MAP_SHARED : MAP_PRIVATE,
		    pl->fd);
}

static void open_memfd(struct place *pl)
{
	pl->fd = memfd_create("rxe_odp", MFD_CLOEXEC);
	t_check(pl->fd >= 0, "memfd_create: %s", strerror(errno));
	t_check(!ftruncate(pl->fd, pl->len), "ftruncate: %s", strerror(errno));
	pl->p = map(NULL, pl->len, MAP_SHARED, pl->fd);
}

void place_open(struct place *pl, enum place_kind kind, size_t len)
{
	bool huge = kind == PLACE_THP || kind == PLACE_HUGETLB;
	size_t unit = huge ? HUGE_PAGE : odp_page();

	*pl = (struct place){ .kind = kind, .fd = -1, .len = (len + unit - 1) / unit * unit };
	if (odp_opts.pinned && (kind == PLACE_SHARED_FILE || kind == PLACE_DAX))
		t_skip("--pinned: the kernel refuses long-term pins of shared files");
	switch (kind) {
	case PLACE_THP:
		open_thp(pl);
		break;
	case PLACE_HUGETLB:
		open_hugetlb(pl);
		break;
	case PLACE_MEMFD:
		open_memfd(pl);
		break;
	case PLACE_DAX:
		open_dax(pl);
		break;
	case PLACE_SHARED_FILE:
	case PLACE_PRIVATE_FILE:
		open_file(pl);
		break;
	default:
		pl->p = map(NULL, pl->len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	}
}

void place_close(struct place *pl)
{
	munmap(pl->p, pl->len);
	if (pl->fd >= 0)
		close(pl->fd);
	*pl = (struct place){ .fd = -1 };
}

bool place_has_file(const struct place *pl)
{
	return pl->fd >= 0;
}

/* AnonHugePages of the mapping that @p starts, in KiB, from smaps. */
static long anon_huge_kib(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end;
	bool inside = false;
	char line[512];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)p && (uintptr_t)p < end;
		else if (inside && sscanf(line, "AnonHugePages: %ld", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib;
}

void place_check_huge(const struct place *pl)
{
	if (pl->kind == PLACE_THP && !anon_huge_kib(pl->p))
		t_skip("no transparent huge page came: AnonHugePages is 0");
}

/* The geometry of a buffer in a place that is just open. */
static void lay_out(struct mem *m, enum place_kind kind, size_t len, size_t skew)
{
	size_t page = odp_page();

	memset(m, 0, sizeof(*m));
	skew %= page;
	place_open(&m->pl, kind, page + skew + len + page);
	m->b.map = m->pl.p;
	m->b.map_len = m->pl.len;
	m->b.p = m->b.map + page + skew;
	m->b.len = len;
}

void mem_write_behind(struct mem *m)
{
	struct buf image = m->b;
	ssize_t n;

	image.map = malloc(image.map_len);
	t_check(image.map, "out of memory");
	image.p = image.map + (m->b.p - m->b.map);
	buf_refill(&image);
	n = pwrite(m->pl.fd, image.map, image.map_len, 0);
	t_check(n == (ssize_t)image.map_len, "pwrite of %zu bytes: %s", image.map_len,
		strerror(errno));
	free(image.map);
	m->b.seed = image.seed;
}

void mem_holes(struct mem *m, enum place_kind kind, size_t len, size_t skew)
{
	lay_out(m, kind, len, skew);
}

void mem_plain(struct mem *m, enum place_kind kind, size_t len, size_t skew, bool untouched)
{
	lay_out(m, kind, len, skew);
	if (untouched && place_has_file(&m->pl)) {
		mem_write_behind(m);
		return;
	}
	buf_refill(&m->b);
	place_check_huge(&m->pl);
}

void mem_reg(struct mem *m, struct ep_dev *dev, int access)
{
	if (m->pl.kind == PLACE_PINNED)
		buf_reg(&m->b, dev, access);
	else
		m->b.mr = odp_reg(dev, m->b.p, m->b.len,
				  access | (m->pl.kind == PLACE_HUGETLB ? IBV_ACCESS_HUGETLB : 0));
}

void mem_open(struct mem *m, struct ep_dev *dev, enum place_kind kind, size_t len, size_t skew,
	      int access, bool untouched)
{
	mem_plain(m, kind, len, skew, untouched);
	mem_reg(m, dev, access);
}

void mem_close(struct mem *m)
{
	t_wait("ibv_dereg_mr of %s memory", place_name(m->pl.kind));
	if (m->b.mr)
		t_zero(ibv_dereg_mr(m->b.mr));
	place_close(&m->pl);
	memset(&m->b, 0, sizeof(m->b));
}

void mem_zero(const struct mem *m, size_t off, size_t len, uint64_t seed, uint64_t pos,
	      const char *who)
{
	const struct buf *b = &m->b;
	uint8_t *behind = b->p + off + len;

	settle();
	buf_range(b, off, len, seed, pos, who);
	zero_want(b->map, b->p + off - b->map, who);
	zero_want(behind, b->map + b->map_len - behind, who);
}
