// SPDX-License-Identifier: GPL-2.0
/*
 * touch.*: memory that nobody touched before RDMA does. What is written must be there, all else
 * must read as zeros; a READ of a hole brings zeros; and the page of zeros that the kernel lends to
 * readers must stay a page of zeros when something is written where it was lent.
 */
#include <string.h>
#include <sys/mman.h>

#include "cases.h"
#include "place.h"

enum { SKEW = 777 };

static const enum ibv_wr_opcode kinds[] = {
	IBV_WR_RDMA_WRITE, IBV_WR_SEND, IBV_WR_RDMA_READ,
};

/* @code brings @len bytes to offset @off of untouched memory: at b, or at a for a READ. */
static void bring(struct ep_pair *p, enum ibv_wr_opcode code, struct mem *hole, struct buf *pin,
		  size_t off, size_t len)
{
	bool read = code == IBV_WR_RDMA_READ;
	struct ibv_sge at = buf_sge(&hole->b, off, len), from = buf_sge(pin, off, len);
	struct op op = { .code = code, .sge = read ? &at : &from, .nsge = 1, .id = 0x70,
			 .raddr = read ? from.addr : at.addr,
			 .rkey = read ? pin->mr->rkey : hole->b.mr->rkey };

	if (code == IBV_WR_SEND)
		ep_recv(&p->b, &at, 1, 0x71);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 0x70, op_name(code));
	if (code == IBV_WR_SEND)
		cq_want(p->b.rcq, IBV_WC_SUCCESS, 0x71, "receive");
	mem_zero(hole, off, len, pin->seed, off, "memory that was a hole");
	buf_same(pin, "source");
}

/* @c->arg: the kind of memory. */
static void into(const struct t_case *c)
{
	size_t page = odp_page(), lens[] = { 1, page - 1, page + 1, 5 * page + 3, 300001 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	for (int k = 0; k < 3; k++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			struct ep_dev *dev = kinds[k] == IBV_WR_RDMA_READ ? p.a.dev : p.b.dev;
			struct mem hole;
			struct buf pin;

			t_where("%s of %zu bytes", op_name(kinds[k]), lens[i]);
			mem_holes(&hole, c->arg, lens[i] + 100, SKEW);
			mem_reg(&hole, dev, RIGHTS_ALL);
			buf_open(&pin, dev == p.a.dev ? p.b.dev : p.a.dev, lens[i] + 100, 5,
				 RIGHTS_ALL);
			bring(&p, kinds[k], &hole, &pin, 31, lens[i]);
			buf_close(&pin);
			mem_close(&hole);
		}
	ep_pair_close(&p);
}

static void get(struct ep_pair *p, struct mem *hole, struct buf *pin)
{
	struct ibv_sge sge = buf_sge(pin, 0, pin->len);
	struct op op = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = 0x72,
			 .raddr = (uintptr_t)hole->b.p, .rkey = hole->b.mr->rkey };

	buf_refill(pin);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 0x72, "READ of holes");
}

/* READ of holes; then WRITE to the middle; another hole of this process still reads as zeros. */
static void from(const struct t_case *c)
{
	size_t len = 5 * odp_page() + 99;
	struct ep_cfg cfg = ep_rc();
	struct mem hole, other;
	struct ep_pair p;
	struct buf pin;

	ep_pair_open(&p, &cfg);
	mem_holes(&hole, c->arg, len, SKEW);
	mem_holes(&other, PLACE_ANON, len, SKEW);
	mem_reg(&hole, p.b.dev, RIGHTS_ALL);
	mem_reg(&other, p.b.dev, RIGHTS_ALL);
	buf_open(&pin, p.a.dev, len, 3, RIGHTS_ALL);
	get(&p, &hole, &pin);
	zero_want(pin.p, len, "what a READ of a hole brought");
	get(&p, &other, &pin);
	zero_want(pin.p, len, "what a READ of another hole brought");
	buf_refill(&pin);
	bring(&p, IBV_WR_RDMA_WRITE, &hole, &pin, 50, len - 77);
	get(&p, &other, &pin);
	zero_want(pin.p, len, "the other hole after a WRITE to the first");
	mem_zero(&other, 0, 0, 0, 0, "the other hole seen by the CPU");
	ep_pair_close(&p);
}

/* FETCH_ADD and CMP_SWAP on words that are holes. */
static void atomic(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	struct buf res;

	ep_pair_open(&p, &cfg);
	buf_open(&res, p.a.dev, 64, 0, RIGHTS_ALL);
	for (int i = 0; i < 2; i++) {
		struct ibv_sge sge = buf_sge(&res, 8, 8);
		uint64_t want = 0x1122334455667788ULL * (i + 1), got;
		struct op op = { .sge = &sge, .nsge = 1, .id = 0x73,
				 .code = i ? IBV_WR_ATOMIC_CMP_AND_SWP :
					     IBV_WR_ATOMIC_FETCH_AND_ADD,
				 .add = i ? 0 : want, .swap = want };
		struct mem hole;

		t_where("%s", op_name(op.code));
		mem_holes(&hole, c->arg, 3 * odp_page(), 0);
		mem_reg(&hole, p.b.dev, RIGHTS_ALL);
		op.raddr = (uintptr_t)hole.b.p + odp_page() - 8;
		op.rkey = hole.b.mr->rkey;
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, 0x73, op_name(op.code));
		memcpy(&got, res.p + 8, 8);
		t_check(!got, "value returned: got %#lx, expected 0", got);
		memcpy(&got, hole.b.p + odp_page() - 8, 8);
		t_check(got == want, "value left: got %#lx, expected %#lx", got, want);
		zero_want(hole.b.p + odp_page(), 2 * odp_page(), "behind the word");
		mem_close(&hole);
	}
	ep_pair_close(&p);
}

#define KIND(name, kind)					\
	{ "touch." name ".into", into, kind, 0, 0 },		\
	{ "touch." name ".from", from, kind, 0, 0 },		\
	{ "touch." name ".atomic", atomic, kind, 0, 0 }

const struct t_case cases_touch[] = {
	PLACE_EACH(KIND),
	{ }
};
