// SPDX-License-Identifier: GPL-2.0
/*
 * The generator of scribble_ring.h, in one of two ways. Noise: changes all over the rings, most of
 * them wrong in one field and near what is right (an index by one, an address at an edge, a key of
 * the wrong region), some of random bytes. Flipping: one field of all elements to and fro between a
 * value that passes and one that does not, so fast that whoever reads it twice reads both. Only
 * another CPU can do that.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "pattern.h"
#include "scribble_ring.h"

enum { BURST = 24, FLIPS = 20 };

uint64_t scribble_rand(struct scribble *s)
{
	return pattern_word(s->seed, s->drawn++);
}

static uint64_t below(struct scribble *s, uint64_t n)
{
	return scribble_rand(s) % n;
}

void *ring_elem(const struct ring *r, uint32_t i)
{
	return r->buf->data + ((size_t)(i & r->mask) << r->shift);
}

static bool is_ours(uint32_t mask)
{
	return mask == SQ_MASK || mask == RQ_MASK || mask == SRQ_MASK || mask == CQ_MASK;
}

void scribble_find(struct scribble *s)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;
	char line[512];

	t_check(maps, "/proc/self/maps: %s", strerror(errno));
	s->n = 0;
	while (fgets(line, sizeof(line), maps)) {
		struct rxe_queue_buf *buf;

		if (!strstr(line, "uverbs") || sscanf(line, "%lx-", &start) != 1)
			continue;
		buf = (struct rxe_queue_buf *)start;
		t_check(is_ours(buf->index_mask), "a ring of mask %#x", buf->index_mask);
		t_check(s->n < RINGS_MAX, "more than %d rings are mapped", RINGS_MAX);
		s->rings[s->n++] = (struct ring) { buf, buf->index_mask, buf->log2_elem_size };
	}
	fclose(maps);
}

/* What a field is, and so what is nearly right for it. */
enum value { V_ANY, V_SMALL, V_LENGTH, V_KEY, V_ADDRESS, V_OPCODE, V_FLAGS };

struct field {
	uint16_t at;
	uint8_t bytes;
	uint8_t value;
};

#define SEND(member, value) \
	{ offsetof(struct rxe_send_wqe, member), sizeof(((struct rxe_send_wqe *)0)->member), value }
#define SGE(base, i, value_at, bytes, value) { (base) + 16 * (i) + (value_at), bytes, value }
#define SGES(base) \
	SGE(base, 0, 0, 8, V_ADDRESS), SGE(base, 0, 8, 4, V_LENGTH), SGE(base, 0, 12, 4, V_KEY), \
	SGE(base, 1, 0, 8, V_ADDRESS), SGE(base, 1, 8, 4, V_LENGTH), SGE(base, 1, 12, 4, V_KEY), \
	SGE(base, 2, 0, 8, V_ADDRESS), SGE(base, 2, 8, 4, V_LENGTH), SGE(base, 2, 12, 4, V_KEY)

static const struct field send_fields[] = {
	SEND(wr.wr_id, V_ANY), SEND(wr.opcode, V_OPCODE), SEND(wr.send_flags, V_FLAGS),
	SEND(wr.ex.invalidate_rkey, V_KEY),
	SEND(wr.wr.rdma.remote_addr, V_ADDRESS), SEND(wr.wr.rdma.rkey, V_KEY),
	SEND(wr.wr.atomic.compare_add, V_ANY), SEND(wr.wr.atomic.swap, V_ANY),
	SEND(wr.wr.atomic.rkey, V_KEY),
	SEND(wr.wr.ud.remote_qpn, V_ANY), SEND(wr.wr.ud.remote_qkey, V_ANY),
	SEND(wr.wr.ud.ah_num, V_SMALL),
	SEND(wr.wr.mw.addr, V_ADDRESS), SEND(wr.wr.mw.length, V_LENGTH),
	SEND(wr.wr.mw.mr_lkey, V_KEY), SEND(wr.wr.mw.mw_rkey, V_KEY), SEND(wr.wr.mw.rkey, V_KEY),
	SEND(wr.wr.mw.access, V_ANY),
	SEND(status, V_ANY), SEND(state, V_SMALL), SEND(iova, V_ADDRESS), SEND(mask, V_ANY),
	SEND(first_psn, V_ANY), SEND(last_psn, V_ANY), SEND(has_rd_atomic, V_ANY),
	SEND(dma.length, V_LENGTH), SEND(dma.resid, V_LENGTH), SEND(dma.cur_sge, V_SMALL),
	SEND(dma.num_sge, V_SMALL), SEND(dma.num_sge, V_SMALL), SEND(dma.sge_offset, V_LENGTH),
	SGES(offsetof(struct rxe_send_wqe, dma.sge)),
};

#define RECV(member, value) \
	{ offsetof(struct rxe_recv_wqe, member), sizeof(((struct rxe_recv_wqe *)0)->member), value }

static const struct field recv_fields[] = {
	RECV(wr_id, V_ANY), RECV(dma.length, V_LENGTH), RECV(dma.resid, V_LENGTH),
	RECV(dma.cur_sge, V_SMALL), RECV(dma.num_sge, V_SMALL), RECV(dma.num_sge, V_SMALL),
	RECV(dma.sge_offset, V_LENGTH),
	SGES(offsetof(struct rxe_recv_wqe, dma.sge)),
};

static uint64_t a_length(struct scribble *s)
{
	static const uint32_t lengths[] = {
		0, 1, 3, 7, 8, 63, 100, 1023, 1024, 4095, 4096, 4097, 9000, 1U << 31, ~0U,
	};

	return lengths[below(s, sizeof(lengths) / sizeof(lengths[0]))];
}

static const struct target *a_target(struct scribble *s)
{
	return &s->targets[below(s, s->num_targets)];
}

/* Of a region, or the next version or number of it. */
static uint32_t a_key(struct scribble *s)
{
	uint32_t key = a_target(s)->key;

	switch (below(s, 8)) {
	case 0:
		return key + 1;
	case 1:
		return key + 256;
	case 2:
		return scribble_rand(s);
	default:
		return key;
	}
}

/* Inside, at an edge of, or near a region. */
static uint64_t an_address(struct scribble *s)
{
	const struct target *t = a_target(s);

	switch (below(s, 8)) {
	case 0:
		return t->addr - 1 - below(s, 300);
	case 1:
		return t->addr + t->len - below(s, 9);
	case 2:
		return scribble_rand(s);
	default:
		return t->addr + (below(s, t->len) & ~7ULL);
	}
}

static uint64_t a_value(struct scribble *s, enum value value)
{
	switch (value) {
	case V_SMALL:
		return below(s, 8) ? below(s, 36) : scribble_rand(s);
	case V_LENGTH:
		return a_length(s);
	case V_KEY:
		return a_key(s);
	case V_ADDRESS:
		return an_address(s);
	case V_OPCODE:
		return below(s, 8) ? below(s, 20) : scribble_rand(s);
	case V_FLAGS:
		return scribble_rand(s) & (below(s, 4) ? 0x1f : ~0U);
	default:
		return scribble_rand(s);
	}
}

static void store(struct scribble *s, uint8_t *elem, size_t room, const struct field *f)
{
	uint64_t value = a_value(s, f->value);

	if (f->at + f->bytes <= room)
		memcpy(elem + f->at, &value, f->bytes);
}

/* All of a place at once: the right address for the key of a region that may be another's. */
static void aim(struct scribble *s, uint8_t *elem, bool send)
{
	const struct target *t = a_target(s);
	struct rxe_sge sge = {
		.addr = t->addr + (below(s, t->len - 64) & ~7ULL),
		.length = 8 + below(s, 50),
		.lkey = t->key,
	};
	struct rxe_send_wqe *wqe = (void *)elem;
	struct rxe_recv_wqe *recv = (void *)elem;

	if (!send) {
		recv->dma.sge[0] = sge;
	} else if (below(s, 2)) {
		wqe->wr.wr.rdma.remote_addr = sge.addr;
		wqe->wr.wr.rdma.rkey = sge.lkey;
	} else {
		wqe->dma.sge[0] = sge;
	}
}

static void scribble_element(struct scribble *s, const struct ring *r)
{
	uint8_t *elem = ring_elem(r, scribble_rand(s));
	size_t room = 1UL << r->shift;
	int n = 1 + below(s, 3);

	if (r->mask == CQ_MASK || !below(s, 12)) {
		pattern_fill(elem, room, scribble_rand(s), 0);
		return;
	}
	if (!below(s, 2)) {
		aim(s, elem, r->mask == SQ_MASK);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (r->mask == SQ_MASK)
			store(s, elem, room, &send_fields[below(s, sizeof(send_fields) /
								   sizeof(send_fields[0]))]);
		else
			store(s, elem, room, &recv_fields[below(s, sizeof(recv_fields) /
								   sizeof(recv_fields[0]))]);
	}
}

static uint32_t an_index(struct scribble *s, uint32_t old, uint32_t mask)
{
	switch (below(s, 8)) {
	case 0:
		return scribble_rand(s);
	case 1:
		return mask + 1 + below(s, 3);
	case 2:
		return ~0U - below(s, 2);
	case 3:
		return old - 1;
	default:
		return (old + below(s, 5)) & mask;
	}
}

static void scribble_header(struct scribble *s, const struct ring *r)
{
	struct rxe_queue_buf *buf = r->buf;
	uint32_t *index = below(s, 2) ? &buf->producer_index : &buf->consumer_index;

	if (!below(s, 16))
		__atomic_store_n(&buf->index_mask, scribble_rand(s), __ATOMIC_RELAXED);
	else if (!below(s, 16))
		__atomic_store_n(&buf->log2_elem_size, below(s, 64), __ATOMIC_RELAXED);
	else if (!below(s, 64))
		pattern_fill(buf, sizeof(*buf), scribble_rand(s), 0);
	else
		__atomic_store_n(index, an_index(s, __atomic_load_n(index, __ATOMIC_RELAXED),
						 r->mask), __ATOMIC_RELEASE);
}

void scribble_once(struct scribble *s)
{
	const struct ring *r = &s->rings[below(s, s->n)];

	if (below(s, 4))
		scribble_element(s, r);
	else
		scribble_header(s, r);
}

/* Fields that are judged before they are used: a value that passes, and one that does not. */
static const struct flip {
	uint32_t mask;
	uint16_t at;
	uint32_t good, bad;
} flips[] = {
	{ SQ_MASK, offsetof(struct rxe_send_wqe, dma.num_sge), 1, 2000 },
	{ SQ_MASK, offsetof(struct rxe_send_wqe, dma.num_sge), 1, 2000 },
	{ SQ_MASK, offsetof(struct rxe_send_wqe, dma.num_sge), 1, 2000 },
	{ SQ_MASK, offsetof(struct rxe_send_wqe, wr.send_flags), 2, 10 },
	{ SQ_MASK, offsetof(struct rxe_send_wqe, wr.opcode), 2, 0x7fffffff },
	{ SQ_MASK, offsetof(struct rxe_send_wqe, dma.length), 8, 6000 },
	{ SQ_MASK, offsetof(struct rxe_send_wqe, dma.sge[0].length), 100, ~0U },
	{ RQ_MASK, offsetof(struct rxe_recv_wqe, dma.num_sge), 1, 2000 },
	{ SRQ_MASK, offsetof(struct rxe_recv_wqe, dma.num_sge), 1, 2000 },
};

static void flip(const struct ring *r, const struct flip *f)
{
	for (int pass = 0; pass < FLIPS; pass++)
		for (uint32_t i = 0; i <= r->mask; i++)
			__atomic_store_n((uint32_t *)((uint8_t *)ring_elem(r, i) + f->at),
					 pass & 1 ? f->bad : f->good, __ATOMIC_RELAXED);
}

/* Return: false when no such ring is there. */
static bool flip_all(const struct scribble *s, const struct flip *f)
{
	bool any = false;

	for (int i = 0; i < s->n; i++) {
		if (s->rings[i].mask != f->mask)
			continue;
		flip(&s->rings[i], f);
		any = true;
	}
	sched_yield();
	return any;
}

/* One field for a while, then another one. */
static void __attribute__((noreturn)) flip_for_ever(struct scribble *s)
{
	for (;;) {
		const struct flip *f = &flips[below(s, sizeof(flips) / sizeof(flips[0]))];
		double end = t_now() + 0.02;

		while (t_now() < end)
			if (!flip_all(s, f))
				break;
	}
}

static void __attribute__((noreturn)) noise_for_ever(struct scribble *s)
{
	for (;;) {
		for (int i = 0; i < BURST; i++)
			scribble_once(s);
		usleep(below(s, 400));
	}
}

pid_t scribble_start(const struct scribble *s, bool flipping)
{
	struct scribble mine = *s;
	pid_t pid = fork();

	t_check(pid >= 0, "fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (flipping)
		flip_for_ever(&mine);
	noise_for_ever(&mine);
}

void scribble_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	t_check(waitpid(pid, NULL, 0) == pid, "waitpid: %s", strerror(errno));
}
