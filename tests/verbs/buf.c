// SPDX-License-Identifier: GPL-2.0
/*
 * Guarded buffers and their regions: the memory half of xfer.h.
 *
 * Layout of a mapping: at least one page of guard, the buffer (starting @skew bytes into a page),
 * guard to the end of the mapping, again at least one page. The guards are one stream of their own
 * over the whole mapping, so a write before or behind the buffer is seen wherever it lands.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rdma/ib_user_verbs.h>

#include "xfer.h"

static void fill(struct buf *b)
{
	size_t before = b->p - b->map;

	pattern_fill(b->map, before, GUARD_SEED, 0);
	pattern_fill(b->p, b->len, b->seed, 0);
	pattern_fill(b->p + b->len, b->map_len - before - b->len, GUARD_SEED, before + b->len);
}

void buf_refill(struct buf *b)
{
	b->seed = t_rand();
	fill(b);
}

void buf_plain(struct buf *b, size_t len, size_t skew)
{
	size_t page = sysconf(_SC_PAGESIZE);

	memset(b, 0, sizeof(*b));
	skew %= page;
	b->len = len;
	b->map_len = (page + skew + len + page + page - 1) / page * page;
	b->map = mmap(NULL, b->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	t_check(b->map != MAP_FAILED, "mmap %zu bytes: %s", b->map_len, strerror(errno));
	b->p = b->map + page + skew;
	buf_refill(b);
}

void buf_reg(struct buf *b, struct ep_dev *dev, int access)
{
	if (t_opts.odp)
		access |= IBV_ACCESS_ON_DEMAND;
	t_wait("ibv_reg_mr of %zu bytes", b->len);
	b->mr = ibv_reg_mr(dev->pd, t_opts.implicit ? NULL : b->p,
			   t_opts.implicit ? SIZE_MAX : b->len, access);
	t_check(b->mr, "ibv_reg_mr(%zu bytes, access %#x): %s", b->len, access, strerror(errno));
}

void buf_open(struct buf *b, struct ep_dev *dev, size_t len, size_t skew, int access)
{
	buf_plain(b, len, skew);
	buf_reg(b, dev, access);
}

void buf_close(struct buf *b)
{
	if (b->mr)
		t_zero(ibv_dereg_mr(b->mr));
	munmap(b->map, b->map_len);
	memset(b, 0, sizeof(*b));
}

static void compare(const void *p, size_t len, uint64_t seed, uint64_t pos, const char *who,
		    const char *part, long base)
{
	struct pattern_bad bad;

	if (pattern_check(p, len, seed, pos, &bad))
		t_fail("%s, %s: byte %ld is %#x, expected %#x; %zu of %zu bytes wrong", who, part,
		       base + (long)bad.off, bad.got, bad.want, bad.count, len);
}

void buf_range(const struct buf *b, size_t off, size_t len, uint64_t seed, uint64_t pos,
	       const char *who)
{
	compare(b->p + off, len, seed, pos, who, "data", off);
}

void buf_expect(const struct buf *b, size_t off, size_t len, uint64_t seed, uint64_t pos,
		const char *who)
{
	size_t before = b->p - b->map, end = off + len;

	compare(b->p + off, len, seed, pos, who, "transferred data", off);
	compare(b->p, off, b->seed, 0, who, "bytes before the transfer", 0);
	compare(b->p + end, b->len - end, b->seed, end, who, "bytes behind the transfer", end);
	compare(b->map, before, GUARD_SEED, 0, who, "guard before the buffer", -(long)before);
	compare(b->p + b->len, b->map_len - before - b->len, GUARD_SEED, before + b->len, who,
		"guard behind the buffer", b->len);
}

void buf_same(const struct buf *b, const char *who)
{
	buf_expect(b, 0, 0, 0, 0, who);
}

struct ibv_sge buf_sge(const struct buf *b, size_t off, size_t len)
{
	return (struct ibv_sge){ (uintptr_t)b->p + b->shift + off, len,
				 b->mr ? b->mr->lkey : 0 };
}

int mr_rereg(struct ibv_mr *mr, uint32_t flags, const struct buf *to, struct ibv_pd *pd,
	     uint32_t access)
{
	struct ib_uverbs_rereg_mr_resp resp = { 0, 0 };
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_rereg_mr cmd;
	} c = {
		.hdr = { IB_USER_VERBS_CMD_REREG_MR, sizeof(c) / 4, sizeof(resp) / 4 },
		.cmd = { .response = (uintptr_t)&resp, .mr_handle = mr->handle, .flags = flags,
			 .pd_handle = pd ? pd->handle : 0, .access_flags = access },
	};

	if (to) {
		c.cmd.start = (uintptr_t)to->p;
		c.cmd.hca_va = (uintptr_t)to->p + to->shift;
		c.cmd.length = to->len;
	}
	if (write(mr->context->cmd_fd, &c, sizeof(c)) != sizeof(c))
		return errno;
	t_check(resp.lkey == mr->lkey, "L_Key 0x%x became 0x%x", mr->lkey, resp.lkey);
	t_check(resp.rkey == mr->rkey || !mr->rkey || !resp.rkey, "R_Key 0x%x became 0x%x",
		mr->rkey, resp.rkey);
	if (resp.rkey)
		mr->rkey = resp.rkey;
	return 0;
}
