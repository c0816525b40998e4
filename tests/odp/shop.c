// SPDX-License-Identifier: GPL-2.0
/* A child with a region, and its parent's end; see shop.h. */
#include <sys/mman.h>

#include "group.h"
#include "kit.h"
#include "shop.h"

uint64_t chunk_seed(int i)
{
	return 0xc4a9000 + i;
}

static void shopkeeper(struct crew *self, void *arg)
{
	struct shop *s = arg;
	size_t len = (size_t)s->chunks * CHUNK;
	struct ep_cfg cfg = ep_rc();
	struct ep_peer peer;
	struct ibv_mr *mr;
	struct ep e;
	uint8_t *p;

	crew_await(self, "a place in the cgroup");
	ep_open(&e, 1, &cfg);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(p != MAP_FAILED, "mmap of %zu bytes", len);
	mr = odp_reg(e.dev, p, len, RIGHTS_ALL);
	s->at = ep_self(&e);
	s->addr = (uintptr_t)p;
	s->rkey = mr->rkey;
	if (s->first)
		s->first(s, e.dev);
	crew_tell(self, s, sizeof(*s));
	crew_hear(self, &peer, sizeof(peer), "the peer's QP");
	ep_up(&e, &peer);
	crew_step(self);
	/* A step for each WRITE and READ: that many take longer than one waits for a step. */
	for (int i = 0; i < 2 * s->chunks; i++)
		crew_await(self, "the peer's next WRITE or READ");
	for (int i = 0; i < s->chunks; i++) {
		struct pattern_bad bad;

		t_where("chunk %d of %d", i, s->chunks);
		if (pattern_check(p + (size_t)i * CHUNK, CHUNK, chunk_seed(i), 0, &bad))
			t_fail("the owner sees byte %zu as %#x, expected %#x, %zu wrong", bad.off,
			       bad.got, bad.want, bad.count);
		crew_step(self);
	}
	t_where("%s", "");
	crew_await(self, "leave to end");
}

void shop_open(struct shop *s, struct crew *kid, struct ep *e, struct buf *b)
{
	struct ep_cfg cfg;
	struct ep_peer self;

	crew_start(kid, shopkeeper, s);
	group_enter(kid->pid);
	crew_step(kid);
	crew_hear(kid, s, sizeof(*s), "the child's region");
	cfg = ep_rc();
	/* 17 s, eight times: an emulated CPU that clears a page may stand still for a minute. */
	cfg.timeout = 22;
	ep_open(e, 0, &cfg);
	buf_open(b, e->dev, CHUNK, 0, RIGHTS_ALL);
	self = ep_self(e);
	crew_tell(kid, &self, sizeof(self));
	crew_await(kid, "the child's QP");
	ep_up(e, &s->at);
}

enum ibv_wc_status shop_op(struct ep *e, struct buf *b, const struct shop *s, int i,
			   enum ibv_wr_opcode code)
{
	struct ibv_sge sge = buf_sge(b, 0, CHUNK);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = i,
			 .raddr = s->addr + (uint64_t)i * CHUNK, .rkey = s->rkey };
	struct ibv_wc wc;

	ep_post(e, &op);
	cq_poll_for(e->scq, &wc, "a chunk", 40);
	return wc.status;
}
