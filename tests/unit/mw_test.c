// SPDX-License-Identifier: GPL-2.0
/*
 * Memory windows against a model that is nothing but the rules: which binding is accepted, and
 * which access by a window's key is granted, byte for byte around every edge.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <linux/limits.h>

#include "mem_fake.h"

#define IOVA		0x7000000010c5ULL
#define LENGTH		100
#define REMOTE		(IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC)
#define BINDABLE	(ALL_ACCESS | IB_ACCESS_MW_BIND)

static struct ib_pd other_pd = { .device = &fake_dev.ib };
static struct rxe_mw_set qp, other_qp;

static void begin(void)
{
	fake_begin();
	rxe_mw_set_init(&qp);
	rxe_mw_set_init(&other_qp);
}

static struct rxe_mr *new_window(struct ib_pd *pd, enum ib_mw_type type)
{
	struct rxe_mr *mw = rxe_mw_alloc(pd, type);

	CHECK(!IS_ERR(mw));
	return mw;
}

/* What a correct consumer posts; cases change what they are about. */
static struct rxe_mw_bind binding(const struct rxe_mr *mw, const struct rxe_mr *mr, u64 addr,
				  u64 length, int access)
{
	return (struct rxe_mw_bind) {
		.mw_rkey = mw->key,
		.rkey = (mw->key & ~0xffU) | ((mw->key + 1) & 0xff),
		.lkey = mr ? mr->key : 0,
		.access = access,
		.addr = addr,
		.length = length,
	};
}

static enum rxe_mem_err bind(const struct rxe_mw_bind *what)
{
	return rxe_mw_bind(&fake_pd, &qp, what);
}

static void must_bind(struct rxe_mr *mw, struct rxe_mr *mr, u64 addr, u64 length, int access)
{
	struct rxe_mw_bind what = binding(mw, mr, addr, length, access);

	CHECK_EQ(bind(&what), RXE_MEM_OK);
	CHECK_EQ(mw->key, what.rkey);
}

static enum rxe_mem_err probe_as(struct ib_pd *pd, struct rxe_mw_set *by, u32 key, u64 iova,
				 u64 len, int access)
{
	struct rxe_mr *mr = NULL;
	enum rxe_mem_err err = rxe_mem_get(pd, by, key, iova, len, access, &mr);

	CHECK_EQ(!mr, err != RXE_MEM_OK);
	if (mr)
		rxe_mem_put(mr);
	return err;
}

static enum rxe_mem_err probe(u32 key, u64 iova, u64 len, int access)
{
	return probe_as(&fake_pd, &qp, key, iova, len, access);
}

/* Every window on a small region, and every access near it; offsets wrap below the region. */
static void check_bounds(enum ib_mw_type type, int zero_based)
{
	struct rxe_mr *mr = fake_mr(16, 3, IOVA, 24, BINDABLE);
	struct rxe_mr *mw = new_window(&fake_pd, type);
	int from, len, at, n;
	struct rxe_mw_bind what;
	bool inside;
	u64 first;

	for (from = -2; from <= 26; from++) {
		for (len = 1; len <= 27; len++) {
			unit_note("type %d, window %d+%d, zero based %d", type, from, len,
				  zero_based);
			what = binding(mw, mr, IOVA + from, len, REMOTE | zero_based);
			inside = from >= 0 && from + len <= 24;
			CHECK_EQ(bind(&what), inside ? RXE_MEM_OK : RXE_MEM_RANGE);
			if (!inside)
				continue;
			first = zero_based ? 0 : IOVA + from;
			for (at = -2; at <= len + 1; at++)
				for (n = 1; n <= len + 2; n++)
					CHECK_EQ(probe(mw->key, first + at, n,
						       IB_ACCESS_REMOTE_READ),
						 at >= 0 && at + n <= len ? RXE_MEM_OK :
									    RXE_MEM_RANGE);
			CHECK_EQ(probe(mw->key, first + len - 1, U64_MAX, 0), RXE_MEM_RANGE);
			if (type == IB_MW_TYPE_2)
				CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key), RXE_MEM_OK);
		}
	}
	rxe_mr_destroy(mw);
	CHECK_EQ(rxe_mr_close(mr), 0);
	rxe_mr_destroy(mr);
}

UNIT_CASE(bounds)
{
	begin();
	check_bounds(IB_MW_TYPE_1, 0);
	check_bounds(IB_MW_TYPE_1, IB_ZERO_BASED);
	check_bounds(IB_MW_TYPE_2, 0);
	check_bounds(IB_MW_TYPE_2, IB_ZERO_BASED);
	fake_end();
}

/* Rights of region, window and access, all of them. */
UNIT_CASE(rights)
{
	struct rxe_mr *mr, *mw;
	struct rxe_mw_bind what;
	int of_mr, of_mw, wanted;
	bool ok;

	begin();
	for (of_mr = 0; of_mr < 2 * IB_ACCESS_MW_BIND; of_mr++) {
		mr = fake_mr(16, 0, IOVA, 32, of_mr);
		mw = new_window(&fake_pd, IB_MW_TYPE_1);
		for (of_mw = 0; of_mw <= ALL_ACCESS; of_mw++) {
			unit_note("region 0x%x, window 0x%x", of_mr, of_mw);
			ok = of_mr & IB_ACCESS_MW_BIND;
			if ((of_mw & (IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC)) &&
			    !(of_mr & IB_ACCESS_LOCAL_WRITE))
				ok = false;
			what = binding(mw, mr, IOVA, 32, of_mw);
			CHECK_EQ(bind(&what), ok ? RXE_MEM_OK : RXE_MEM_ACCESS);
			if (!ok)
				continue;
			for (wanted = 2; wanted <= REMOTE; wanted += 2)
				CHECK_EQ(probe(mw->key, IOVA, 32, wanted),
					 wanted & ~of_mw ? RXE_MEM_ACCESS : RXE_MEM_OK);
			/* The region's own rights are neither more nor less than before. */
			CHECK_EQ(probe(mr->key, IOVA, 32, IB_ACCESS_REMOTE_WRITE),
				 of_mr & IB_ACCESS_REMOTE_WRITE ? RXE_MEM_OK : RXE_MEM_ACCESS);
		}
		rxe_mr_destroy(mw);
		rxe_mr_destroy(mr);
	}
	fake_end();
}

/* A window is nothing to a local access, and has no rights that a window cannot have. */
UNIT_CASE(no_local_access)
{
	struct rxe_mr *mr, *mw;
	struct rxe_mw_bind what;
	u32 bit;

	begin();
	mr = fake_mr(16, 0, IOVA, 32, BINDABLE);
	mw = new_window(&fake_pd, IB_MW_TYPE_1);
	must_bind(mw, mr, IOVA, 32, ALL_ACCESS);
	CHECK_EQ(probe_as(&fake_pd, NULL, mw->key, IOVA, 32, 0), RXE_MEM_KEY);
	CHECK_EQ(probe_as(&fake_pd, NULL, mw->key, IOVA, 32, IB_ACCESS_LOCAL_WRITE), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, IOVA, 32, IB_ACCESS_LOCAL_WRITE), RXE_MEM_ACCESS);
	for (bit = 4; bit < 32; bit++) {
		if (bit == 5 || (bit >= 20 && bit < 30))
			continue;
		what = binding(mw, mr, IOVA, 32, 1U << bit);
		unit_note("bit %u", bit);
		CHECK_EQ(bind(&what), RXE_MEM_ACCESS);
	}
	/* Nor can a window be bound to a window. */
	what = binding(mw, mw, IOVA, 32, 0);
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_OK);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(mr);
	fake_end();
}

static void check_keys(enum ib_mw_type type)
{
	struct rxe_mr *mr = fake_mr(16, 0, IOVA, 32, BINDABLE);
	struct rxe_mr *mw = new_window(&fake_pd, type);
	struct rxe_mw_bind what;
	u32 bit, old = mw->key;

	CHECK_EQ(probe(old, IOVA, 1, 0), RXE_MEM_KEY);
	CHECK_EQ(probe(old, IOVA, 0, 0), RXE_MEM_KEY);
	for (bit = 0; bit < 32; bit++) {
		unit_note("type %d, bit %u", type, bit);
		what = binding(mw, mr, IOVA, 32, REMOTE);
		what.mw_rkey ^= 1U << bit;
		CHECK_EQ(bind(&what), RXE_MEM_KEY);
		what = binding(mw, mr, IOVA, 32, REMOTE);
		what.lkey ^= 1U << bit;
		CHECK_EQ(bind(&what), RXE_MEM_KEY);
		if (bit < 8)
			continue;
		what = binding(mw, mr, IOVA, 32, REMOTE);
		what.rkey ^= 1U << bit;
		CHECK_EQ(bind(&what), RXE_MEM_KEY);
	}
	CHECK_EQ(mw->key, old);
	must_bind(mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(probe(old, IOVA, 1, 0), RXE_MEM_KEY);
	for (bit = 0; bit < 32; bit++)
		CHECK_EQ(probe(mw->key ^ 1U << bit, IOVA, 1, IB_ACCESS_REMOTE_READ), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, IOVA, 1, IB_ACCESS_REMOTE_READ), RXE_MEM_OK);
	/* The key stays where it is when its window is gone. */
	old = mw->key;
	rxe_mr_destroy(mw);
	CHECK_EQ(probe(old, IOVA, 1, 0), RXE_MEM_KEY);
	CHECK_EQ(rxe_mr_close(mr), 0);
	rxe_mr_destroy(mr);
}

UNIT_CASE(keys)
{
	begin();
	check_keys(IB_MW_TYPE_1);
	check_keys(IB_MW_TYPE_2);
	fake_end();
}

UNIT_CASE(domains)
{
	struct rxe_mr *mr, *foreign_mr, *mw, *foreign_mw;
	struct rxe_mw_bind what;

	begin();
	mr = fake_mr(16, 0, IOVA, 32, BINDABLE);
	foreign_mr = rxe_mr_alloc(&other_pd, &fake_ops, IOVA, 32, BINDABLE);
	rxe_mr_publish(foreign_mr);
	mw = new_window(&fake_pd, IB_MW_TYPE_1);
	foreign_mw = new_window(&other_pd, IB_MW_TYPE_1);
	/* Window, region and QP must be of one PD: the three ways that two are not. */
	what = binding(foreign_mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	what = binding(mw, foreign_mr, IOVA, 32, REMOTE);
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	what = binding(mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(rxe_mw_bind(&other_pd, &qp, &what), RXE_MEM_KEY);
	CHECK_EQ(bind(&what), RXE_MEM_OK);
	CHECK_EQ(probe_as(&other_pd, &qp, mw->key, IOVA, 32, REMOTE), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_OK);
	/* Type 1 is for every QP of the PD. */
	CHECK_EQ(probe_as(&fake_pd, &other_qp, mw->key, IOVA, 32, REMOTE), RXE_MEM_OK);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(foreign_mw);
	rxe_mr_destroy(mr);
	rxe_mr_destroy(foreign_mr);
	fake_end();
}

/* Type 2: one QP's; bound only when it is not; unbound by invalidation or by the QP's end. */
UNIT_CASE(type_2)
{
	struct rxe_mr *mr, *mw, *second;
	struct rxe_mw_bind what;

	begin();
	mr = fake_mr(16, 0, IOVA, 32, BINDABLE);
	mw = new_window(&fake_pd, IB_MW_TYPE_2);
	second = new_window(&fake_pd, IB_MW_TYPE_2);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key), RXE_MEM_KEY);
	must_bind(mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(probe_as(&fake_pd, &other_qp, mw->key, IOVA, 32, REMOTE), RXE_MEM_KEY);
	what = binding(mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	what.length = 0;
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	CHECK_EQ(rxe_mem_invalidate(&other_pd, &qp, mw->key), RXE_MEM_KEY);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &other_qp, mw->key), RXE_MEM_KEY);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key ^ 1), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_OK);
	CHECK_EQ(rxe_mr_close(mr), -EBUSY);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key), RXE_MEM_OK);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_KEY);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key), RXE_MEM_KEY);
	/* Length 0 is no binding; the consumer may choose the same key again. */
	what = binding(mw, mr, IOVA, 0, REMOTE);
	CHECK_EQ(bind(&what), RXE_MEM_RANGE);
	what = binding(mw, mr, IOVA, 32, REMOTE);
	what.rkey = mw->key;
	CHECK_EQ(bind(&what), RXE_MEM_OK);
	must_bind(second, mr, IOVA, 16, REMOTE);
	rxe_mw_unbind_all(&other_qp);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_OK);
	rxe_mw_unbind_all(&qp);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_KEY);
	CHECK_EQ(probe(second->key, IOVA, 16, REMOTE), RXE_MEM_KEY);
	CHECK_EQ(rxe_mr_close(mr), 0);
	what = binding(mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(second);
	rxe_mr_destroy(mr);
	fake_end();
}

/* Type 1: another key each time, length 0 unbinds, and it cannot be invalidated. */
UNIT_CASE(type_1)
{
	struct rxe_mr *mr, *other, *mw;
	struct rxe_mw_bind what;
	u32 old;

	begin();
	mr = fake_mr(16, 0, IOVA, 32, BINDABLE);
	other = fake_mr(16, 0, 0x1000, 32, BINDABLE);
	mw = new_window(&fake_pd, IB_MW_TYPE_1);
	must_bind(mw, mr, IOVA, 32, REMOTE);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key), RXE_MEM_ACCESS);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mr->key), RXE_MEM_ACCESS);
	what = binding(mw, mr, IOVA, 32, REMOTE);
	what.rkey = mw->key;
	CHECK_EQ(bind(&what), RXE_MEM_KEY);
	rxe_mw_unbind_all(&qp);
	CHECK_EQ(probe(mw->key, IOVA, 32, REMOTE), RXE_MEM_OK);

	old = mw->key;
	must_bind(mw, other, 0x1008, 8, IB_ACCESS_REMOTE_READ);
	CHECK_EQ(probe(old, IOVA, 32, REMOTE), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, 0x1008, 8, IB_ACCESS_REMOTE_READ), RXE_MEM_OK);
	CHECK_EQ(rxe_mr_close(mr), 0);
	CHECK_EQ(rxe_mr_close(other), -EBUSY);
	old = mw->key;
	must_bind(mw, NULL, 0, 0, 0);
	CHECK_EQ(probe(old, 0x1008, 8, 0), RXE_MEM_KEY);
	CHECK_EQ(probe(mw->key, 0x1008, 8, 0), RXE_MEM_KEY);
	CHECK_EQ(rxe_mr_close(other), 0);
	rxe_mr_reopen(other);
	must_bind(mw, other, 0x1008, 8, IB_ACCESS_REMOTE_READ);
	CHECK_EQ(probe(mw->key, 0x1008, 8, IB_ACCESS_REMOTE_READ), RXE_MEM_OK);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(mr);
	rxe_mr_destroy(other);
	fake_end();
}

/* Bytes go where the window says, and nowhere else; errors of the region come through. */
static void check_bytes(int zero_based)
{
	struct rxe_mr *mr = fake_mr(16, 5, IOVA, LENGTH, BINDABLE), *held;
	struct rxe_mr *mw = new_window(&fake_pd, IB_MW_TYPE_1);
	struct fake *f = fake_of(mr);
	u32 from, len, at, n, i, round;
	u8 buf[LENGTH];
	u64 first, seed;

	for (round = 0; round < 300; round++) {
		from = unit_below(LENGTH);
		len = 1 + unit_below(LENGTH - from);
		at = unit_below(len);
		n = 1 + unit_below(len - at);
		unit_note("window %u+%u, access %u+%u", from, len, at, n);
		must_bind(mw, mr, IOVA + from, len, REMOTE | zero_based);
		first = zero_based ? 0 : IOVA + from;
		CHECK_EQ(rxe_mem_get(&fake_pd, &qp, mw->key, first + at, n, REMOTE, &held),
			 RXE_MEM_OK);
		CHECK_EQ(fake_read(held, first + at, buf, n), RXE_MEM_OK);
		for (i = 0; i < n; i++)
			CHECK_EQ(buf[i], unit_byte(f->seed, f->off + from + at + i));
		seed = unit_rand();
		unit_fill(buf, n, seed);
		CHECK_EQ(fake_write(held, first + at, buf, n), RXE_MEM_OK);
		fake_check(f, from + at, n, seed);
		CHECK_EQ(fake_write(held, first + at, buf, len - at + 1), RXE_MEM_RANGE);
		fake_check(f, from + at, n, seed);
		rxe_mem_put(held);
		fake_refill(f, unit_rand());
	}
	rxe_mr_destroy(mw);
	rxe_mr_destroy(mr);
}

UNIT_CASE(bytes)
{
	begin();
	check_bytes(0);
	check_bytes(IB_ZERO_BASED);
	fake_end();
}

UNIT_CASE(misses_and_faults)
{
	struct rxe_mr *mr, *mw, *held;
	struct rxe_atomic op = { .swap_add = 1 };
	u8 buf[32] = {};
	struct fake *f;
	u64 orig;

	begin();
	mr = fake_mr(16, 0, 0x1000, 64, BINDABLE);
	f = fake_of(mr);
	mw = new_window(&fake_pd, IB_MW_TYPE_1);
	must_bind(mw, mr, 0x1010, 48, REMOTE | IB_ZERO_BASED);
	CHECK_EQ(rxe_mem_get(&fake_pd, &qp, mw->key, 0, 48, REMOTE, &held), RXE_MEM_OK);
	f->miss = 2;
	CHECK_EQ(fake_read(held, 8, buf, 32), RXE_MEM_MISS);
	CHECK_EQ(f->missed, 0x1020);
	CHECK_EQ(f->ahead, 24);
	CHECK_EQ(fake_atomic(held, 16, &op, &orig), RXE_MEM_MISS);
	f->miss = -1;
	f->fault = 2;
	CHECK_EQ(fake_read(held, 8, buf, 32), RXE_MEM_FAULT);
	f->fault = -1;
	CHECK_EQ(fake_atomic(held, 16, &op, &orig), RXE_MEM_OK);
	CHECK_EQ(fake_atomic(held, 48, &op, &orig), RXE_MEM_RANGE);
	rxe_mem_put(held);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(mr);
	fake_end();
}

/* Who holds a window when it is revoked touches nothing any more, and delays the next binding. */
UNIT_CASE(holders)
{
	struct rxe_atomic op = { .swap_add = 1 };
	struct rxe_mr *mr, *mw, *held;
	struct rxe_mw_bind what;
	u8 buf[16] = {};
	u64 orig;

	begin();
	mr = fake_mr(16, 0, 0x1000, 64, BINDABLE);
	mw = new_window(&fake_pd, IB_MW_TYPE_2);
	must_bind(mw, mr, 0x1000, 64, REMOTE);
	CHECK_EQ(rxe_mem_get(&fake_pd, &qp, mw->key, 0x1000, 64, REMOTE, &held), RXE_MEM_OK);
	CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, mw->key), RXE_MEM_OK);
	CHECK_EQ(fake_write(held, 0x1000, buf, 16), RXE_MEM_KEY);
	CHECK_EQ(fake_read(held, 0x1000, buf, 16), RXE_MEM_KEY);
	CHECK_EQ(fake_atomic(held, 0x1000, &op, &orig), RXE_MEM_KEY);
	fake_check(fake_of(mr), 0, 0, 0);
	what = binding(mw, mr, 0x1020, 32, REMOTE);
	CHECK_EQ(bind(&what), RXE_MEM_BUSY);
	CHECK_EQ(probe(what.rkey, 0x1020, 32, 0), RXE_MEM_KEY);
	CHECK_EQ(rxe_mr_close(mr), 0);
	rxe_mr_reopen(mr);
	rxe_mem_put(held);
	CHECK_EQ(bind(&what), RXE_MEM_OK);
	CHECK_EQ(probe(what.rkey, 0x1020, 32, REMOTE), RXE_MEM_OK);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(mr);
	fake_end();
}

#define ROUNDS	200

/* An access in its middle for long: from finding the chunk until it is given back. */
static bool accessing, stop;

static void slow_done(struct rxe_mr *mr, struct rxe_chunk *chunk)
{
	__atomic_store_n(&accessing, true, __ATOMIC_SEQ_CST);
	usleep(200);
	__atomic_store_n(&accessing, false, __ATOMIC_SEQ_CST);
	fake_done(mr, chunk);
}

static const struct rxe_mr_ops slow_ops = {
	.chunk = fake_chunk,
	.done = slow_done,
	.destroy = fake_destroy,
};

static void *write_on(void *arg)
{
	struct rxe_mr *held, *mw = arg;
	u8 buf[48];

	unit_fill(buf, sizeof(buf), 3);
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		if (rxe_mem_get(&fake_pd, &qp, READ_ONCE(mw->key), 0x1000, 48,
				IB_ACCESS_REMOTE_WRITE, &held))
			continue;
		rxe_mem_write(held, 0x1000, buf, sizeof(buf), &fake_wait);
		rxe_mem_put(held);
	}
	return NULL;
}

static void bind_soon(const struct rxe_mw_bind *what)
{
	enum rxe_mem_err err;

	do
		err = bind(what);
	while (err == RXE_MEM_BUSY);
	CHECK_EQ(err, RXE_MEM_OK);
}

/* Once the key is revoked, nobody is in the middle of an access by it any more. */
UNIT_CASE(revocation_is_final)
{
	struct rxe_mw_bind what;
	struct rxe_mr *mr, *mw;
	pthread_t writer;
	u32 i;

	begin();
	mr = fake_mr(64, 0, 0x1000, 64, BINDABLE);
	mr->ops = &slow_ops;
	mw = new_window(&fake_pd, IB_MW_TYPE_2);
	stop = false;
	pthread_create(&writer, NULL, write_on, mw);
	for (i = 0; i < ROUNDS; i++) {
		unit_note("round %u", i);
		what = binding(mw, mr, 0x1000, 48, REMOTE);
		bind_soon(&what);
		while (!__atomic_load_n(&accessing, __ATOMIC_SEQ_CST))
			sched_yield();
		CHECK_EQ(rxe_mem_invalidate(&fake_pd, &qp, what.rkey), RXE_MEM_OK);
		CHECK(!__atomic_load_n(&accessing, __ATOMIC_SEQ_CST));
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(writer, NULL);
	rxe_mr_destroy(mw);
	rxe_mr_destroy(mr);
	fake_end();
}
