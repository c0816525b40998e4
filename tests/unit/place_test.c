// SPDX-License-Identifier: GPL-2.0
/*
 * Memory placement (IBA annex A19): a word that is stored whole, and what a region that may be
 * flushed to persistence asks of every write.
 */
#include "mem_fake.h"

static u64 word_at(struct rxe_mr *mr, u32 at)
{
	u64 word;

	CHECK_EQ(fake_read(mr, mr->iova + at, &word, 8), RXE_MEM_OK);
	return word;
}

/* A store is an atomic whose old value nobody asks for; it is as wide, and leaves as much alone. */
UNIT_CASE(words_are_stored)
{
	struct rxe_atomic op = { .kind = RXE_ATOMIC_STORE };
	struct rxe_mr *mr;
	u64 orig;
	u32 at;

	fake_begin();
	mr = fake_mr(16, 8, 0x1000, 64, ALL_ACCESS);
	for (at = 0; at < 64; at += 8) {
		fake_refill(fake_of(mr), unit_rand());
		op.swap_add = unit_rand();
		CHECK_EQ(fake_atomic(mr, 0x1000 + at, &op, &orig), RXE_MEM_OK);
		CHECK_EQ(word_at(mr, at), op.swap_add);
		unit_fill(&op.swap_add, 8, 0);
		memcpy(fake_at(fake_of(mr), 8 + at), &op.swap_add, 8);
		fake_check(fake_of(mr), at, 8, 0);
	}
	CHECK_EQ(fake_atomic(mr, 0x1004, &op, &orig), RXE_MEM_ALIGN);
	rxe_mr_destroy(mr);
	fake_end();
}

/* Of a region that may be flushed to persistence, and of no other, every byte is written back. */
UNIT_CASE(persistent_regions_are_written_back)
{
	struct rxe_atomic op = { .kind = RXE_ATOMIC_ADD, .swap_add = 1 };
	u8 data[40];
	struct rxe_mr *mr;
	u64 orig;
	int lasts;

	fake_begin();
	for (lasts = 0; lasts < 2; lasts++) {
		mr = fake_mr(16, 8, 0x1000, 64,
			     ALL_ACCESS | (lasts ? RXC_ACCESS_FLUSH_PERSISTENT : 0));
		unit_fill(data, sizeof(data), 7);
		fake_back_bytes = 0;
		CHECK_EQ(fake_write(mr, 0x1003, data, 40), RXE_MEM_OK);
		CHECK_EQ(fake_back_bytes, lasts ? 40 : 0);
		CHECK(!lasts || fake_back_at == fake_at(fake_of(mr), 48));
		CHECK_EQ(fake_atomic(mr, 0x1008, &op, &orig), RXE_MEM_OK);
		CHECK_EQ(fake_back_bytes, lasts ? 48 : 0);
		rxe_mr_destroy(mr);
	}
	fake_end();
}
