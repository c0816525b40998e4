// SPDX-License-Identifier: GPL-2.0
/*
 * The cursor over scatter/gather lists, beside a plain walk of the same bytes: lists of random
 * shape with empty entries, moved in pieces of any size, from any place.
 */
#include <linux/limits.h>

#include "mem_fake.h"

#define REGIONS	4
#define REGION_BYTES 200
#define MAX_ENTRIES 8
#define BAD_KEY 0xdeadbe00

static struct rxe_mr *regions[REGIONS];
static struct ib_sge list[MAX_ENTRIES];

static void begin(int access)
{
	u32 i;

	fake_begin();
	for (i = 0; i < REGIONS; i++)
		regions[i] = fake_mr(16, unit_below(16), unit_rand() >> 1, REGION_BYTES, access);
}

/* Destroying waits for whoever holds a region: a leaked reference ends in the time limit. */
static void end(void)
{
	u32 i;

	for (i = 0; i < REGIONS; i++)
		rxe_mr_destroy(regions[i]);
	fake_end();
}

static struct ib_sge entry(u32 region, u32 at, u32 length)
{
	return (struct ib_sge) {
		.addr = regions[region]->iova + at,
		.length = length,
		.lkey = regions[region]->key,
	};
}

/* Entries that do not overlap, so that what is scattered can be found again. Return: bytes. */
static u32 make_list(u32 num)
{
	u32 used[REGIONS] = {}, i, region, length, sum = 0;

	for (i = 0; i < num; i++) {
		region = unit_below(REGIONS);
		length = unit_below(4) ? unit_below(REGION_BYTES / 2 - used[region] / 2) : 0;
		/* A program writes what it likes into an entry of no bytes. */
		list[i] = length ? entry(region, used[region], length) :
				   (struct ib_sge) { .addr = unit_rand(), .lkey = unit_rand() };
		used[region] += length;
		sum += length;
	}
	return sum;
}

/* Where byte @pos of the list lies. */
static u8 *place(u32 num, u32 pos)
{
	u32 i, r;

	for (i = 0; i < num && pos >= list[i].length; i++)
		pos -= list[i].length;
	CHECK(i < num);
	for (r = 0; r < REGIONS; r++)
		if (regions[r]->key == list[i].lkey)
			return fake_at(fake_of(regions[r]), fake_of(regions[r])->off +
				       list[i].addr - regions[r]->iova + pos);
	unit_fail(__FILE__, __LINE__, "no region");
}

static void gather_pieces(u32 num, u32 total)
{
	u32 pos = 0, n, i, pieces = 0;
	struct rxe_sgl sgl;
	u8 buf[REGION_BYTES];

	rxe_sgl_init(&sgl, &fake_pd, list, num, 0);
	while (pos < total) {
		/* At times from elsewhere, at times after letting go in the middle. */
		if (!unit_below(4))
			pos = unit_below(total);
		if (!unit_below(3))
			rxe_sgl_release(&sgl);
		rxe_sgl_seek(&sgl, pos);
		do {
			n = 1 + unit_below(total - pos < 60 ? total - pos : 60);
			unit_note("%u entries, %u bytes: %u at %u", num, total, n, pos);
			CHECK_EQ(rxe_sgl_gather(&sgl, buf, n, &fake_wait), RXE_MEM_OK);
			for (i = 0; i < n; i++)
				CHECK_EQ(buf[i], *place(num, pos + i));
			pos += n;
		} while (pos < total && unit_below(3));
		if (++pieces > 100)
			break;
	}
	rxe_sgl_release(&sgl);
}

static void scatter_pieces(u32 num, u32 total)
{
	u64 seed = unit_rand();
	u32 pos, n, i, off;
	struct rxe_sgl sgl;
	u8 buf[MAX_ENTRIES * REGION_BYTES];

	unit_fill(buf, total, seed);
	rxe_sgl_init(&sgl, &fake_pd, list, num, IB_ACCESS_LOCAL_WRITE);
	for (pos = 0; pos < total; pos += n) {
		n = 1 + unit_below(total - pos);
		CHECK_EQ(rxe_sgl_scatter(&sgl, buf + pos, n, &fake_wait), RXE_MEM_OK);
	}
	/* At the end nothing is held, and nothing is left. */
	CHECK(!sgl.mr);
	CHECK_EQ(rxe_sgl_scatter(&sgl, buf, 1, &fake_wait), RXE_MEM_LENGTH);
	rxe_sgl_release(&sgl);

	for (pos = 0; pos < total; pos++)
		CHECK_EQ(*place(num, pos), unit_byte(seed, pos));
	/* Put back what was there; then all is as before, guards and gaps included. */
	for (pos = 0; pos < total; pos++) {
		u8 *at = place(num, pos);

		for (i = 0; i < REGIONS; i++) {
			struct fake *f = fake_of(regions[i]);

			for (off = 0; off < fake_bytes(f); off++)
				if (fake_at(f, off) == at)
					*at = unit_byte(f->seed, off);
		}
	}
	for (i = 0; i < REGIONS; i++)
		fake_check(fake_of(regions[i]), 0, 0, 0);
}

UNIT_CASE(random_lists)
{
	u32 round, num, total;

	begin(ALL_ACCESS);
	for (round = 0; round < 400; round++) {
		num = unit_below(MAX_ENTRIES + 1);
		total = make_list(num);
		CHECK_EQ(rxe_sgl_length(list, num), total);
		gather_pieces(num, total);
		scatter_pieces(num, total);
	}
	end();
}

UNIT_CASE(empty_lists)
{
	struct rxe_sgl sgl;
	u8 byte = 0x5a;

	begin(ALL_ACCESS);
	rxe_sgl_init(&sgl, &fake_pd, list, 0, 0);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 0, &fake_wait), RXE_MEM_OK);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 1, &fake_wait), RXE_MEM_LENGTH);
	rxe_sgl_seek(&sgl, 0);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 1, &fake_wait), RXE_MEM_LENGTH);
	rxe_sgl_release(&sgl);

	/* Nothing but entries of no bytes, with keys of nobody. */
	list[0] = (struct ib_sge) { .addr = 1, .lkey = BAD_KEY };
	list[1] = (struct ib_sge) { .addr = 2, .lkey = BAD_KEY };
	rxe_sgl_init(&sgl, &fake_pd, list, 2, IB_ACCESS_LOCAL_WRITE);
	CHECK_EQ(rxe_sgl_scatter(&sgl, &byte, 0, &fake_wait), RXE_MEM_OK);
	CHECK_EQ(rxe_sgl_scatter(&sgl, &byte, 1, &fake_wait), RXE_MEM_LENGTH);
	rxe_sgl_seek(&sgl, 0);
	CHECK_EQ(rxe_sgl_scatter(&sgl, &byte, 1, &fake_wait), RXE_MEM_LENGTH);
	rxe_sgl_release(&sgl);
	CHECK_EQ(rxe_sgl_length(list, 2), 0);
	end();
}

/* What is moved before the list ends is moved. */
UNIT_CASE(list_ends_early)
{
	u8 buf[64];

	begin(ALL_ACCESS);
	list[0] = entry(0, 3, 20);
	list[1] = entry(1, 0, 11);
	unit_fill(buf, sizeof(buf), 77);
	{
		struct rxe_sgl sgl;

		rxe_sgl_init(&sgl, &fake_pd, list, 2, IB_ACCESS_LOCAL_WRITE);
		CHECK_EQ(rxe_sgl_scatter(&sgl, buf, 32, &fake_wait), RXE_MEM_LENGTH);
		rxe_sgl_release(&sgl);
	}
	fake_check(fake_of(regions[0]), 3, 20, 77);
	CHECK_EQ(*fake_at(fake_of(regions[1]), fake_of(regions[1])->off + 10), unit_byte(77, 30));
	end();
}

static enum rxe_mem_err try_scatter(struct ib_pd *pd, u32 num, u32 skip, u32 len)
{
	u8 buf[REGION_BYTES * 2];
	enum rxe_mem_err err;
	struct rxe_sgl sgl;

	unit_fill(buf, len, 5);
	rxe_sgl_init(&sgl, pd, list, num, IB_ACCESS_LOCAL_WRITE);
	rxe_sgl_seek(&sgl, skip);
	err = rxe_sgl_scatter(&sgl, buf, len, &fake_wait);
	rxe_sgl_release(&sgl);
	return err;
}

UNIT_CASE(keys_are_checked_as_they_are_met)
{
	struct ib_pd other = { .device = &fake_dev.ib };

	begin(ALL_ACCESS);
	list[0] = entry(0, 0, 10);
	list[1] = entry(1, 0, 10);
	list[1].lkey ^= 1;
	CHECK_EQ(try_scatter(&fake_pd, 2, 0, 10), RXE_MEM_OK);
	CHECK_EQ(try_scatter(&fake_pd, 2, 0, 11), RXE_MEM_KEY);
	CHECK_EQ(try_scatter(&fake_pd, 2, 10, 1), RXE_MEM_KEY);
	CHECK_EQ(try_scatter(&other, 1, 0, 1), RXE_MEM_KEY);

	end();
}

static enum rxe_mem_err try_gather(u32 skip, u32 len)
{
	u8 buf[REGION_BYTES * 2];
	enum rxe_mem_err err;
	struct rxe_sgl sgl;

	rxe_sgl_init(&sgl, &fake_pd, list, 1, 0);
	rxe_sgl_seek(&sgl, skip);
	err = rxe_sgl_gather(&sgl, buf, len, &fake_wait);
	rxe_sgl_release(&sgl);
	return err;
}

UNIT_CASE(entries_longer_than_their_region)
{
	begin(ALL_ACCESS);
	/* To gather, the whole entry counts, whatever is moved of it; to scatter, what is moved. */
	list[0] = entry(0, 1, REGION_BYTES);
	CHECK_EQ(try_gather(0, 1), RXE_MEM_RANGE);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, 1), RXE_MEM_OK);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, REGION_BYTES - 1), RXE_MEM_OK);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, REGION_BYTES), RXE_MEM_RANGE);
	CHECK_EQ(try_scatter(&fake_pd, 1, REGION_BYTES - 1, 1), RXE_MEM_RANGE);
	list[0] = entry(0, 0, REGION_BYTES);
	CHECK_EQ(try_gather(0, 1), RXE_MEM_OK);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, REGION_BYTES), RXE_MEM_OK);
	list[0].addr--;
	CHECK_EQ(try_gather(5, 1), RXE_MEM_RANGE);
	CHECK_EQ(try_scatter(&fake_pd, 1, 5, 1), RXE_MEM_OK);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, 1), RXE_MEM_RANGE);
	list[0] = (struct ib_sge) { .addr = U64_MAX, .length = 2, .lkey = regions[0]->key };
	CHECK_EQ(try_gather(0, 1), RXE_MEM_RANGE);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, 1), RXE_MEM_RANGE);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, 2), RXE_MEM_RANGE);
	end();
}

UNIT_CASE(access_of_a_list)
{
	struct rxe_sgl sgl;
	u8 byte = 1;

	begin(IB_ACCESS_REMOTE_READ);
	list[0] = entry(0, 0, 10);
	CHECK_EQ(try_scatter(&fake_pd, 1, 0, 1), RXE_MEM_ACCESS);
	rxe_sgl_init(&sgl, &fake_pd, list, 1, 0);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 1, &fake_wait), RXE_MEM_OK);
	CHECK_EQ(byte, *place(1, 0));
	rxe_sgl_release(&sgl);
	end();
}

UNIT_CASE(fault_in_a_list)
{
	struct rxe_sgl sgl;
	u8 buf[60];

	begin(ALL_ACCESS);
	list[0] = entry(0, 0, 60);
	fake_of(regions[0])->fault = 2;
	rxe_sgl_init(&sgl, &fake_pd, list, 1, 0);
	CHECK_EQ(rxe_sgl_gather(&sgl, buf, 60, &fake_wait), RXE_MEM_FAULT);
	rxe_sgl_release(&sgl);
	end();
}

/* What is touched ahead ends with the entry: the next one may be anywhere. */
UNIT_CASE(miss_in_a_list)
{
	struct rxe_sgl sgl;
	struct fake *f;
	u8 buf[60];

	begin(ALL_ACCESS);
	list[0] = entry(1, 0, 10);
	list[1] = entry(0, 0, 60);
	f = fake_of(regions[0]);
	f->miss = 0;
	rxe_sgl_init(&sgl, &fake_pd, list, 2, 0);
	fake_wait.ahead = 1000;
	CHECK_EQ(rxe_sgl_gather(&sgl, buf, 60, &fake_wait), RXE_MEM_MISS);
	CHECK_EQ(f->missed, list[1].addr);
	CHECK_EQ(f->ahead, 60);
	CHECK_EQ(f->for_write, false);
	/* Done again, from where the message is. */
	f->miss = -1;
	rxe_sgl_seek(&sgl, 0);
	CHECK_EQ(rxe_sgl_gather(&sgl, buf, 60, &fake_wait), RXE_MEM_OK);
	CHECK_EQ(buf[59], unit_byte(f->seed, f->off + 49));
	rxe_sgl_release(&sgl);
	end();
}

UNIT_CASE(length_does_not_wrap)
{
	u32 i;

	for (i = 0; i < MAX_ENTRIES; i++)
		list[i] = (struct ib_sge) { .length = U32_MAX };
	CHECK_EQ(rxe_sgl_length(list, MAX_ENTRIES), 8ULL * U32_MAX);
	CHECK_EQ(rxe_sgl_length(list, 0), 0);
}

/* A place beyond 4 GiB is found: the entries there are looked at, not moved. */
UNIT_CASE(seek_far)
{
	struct rxe_sgl sgl;
	u8 byte;

	begin(ALL_ACCESS);
	list[0] = (struct ib_sge) { .length = U32_MAX, .lkey = BAD_KEY };
	list[1] = (struct ib_sge) { .length = U32_MAX, .lkey = BAD_KEY };
	list[2] = entry(2, 7, 5);
	rxe_sgl_init(&sgl, &fake_pd, list, 3, 0);
	rxe_sgl_seek(&sgl, 2ULL * U32_MAX + 4);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 1, &fake_wait), RXE_MEM_OK);
	CHECK_EQ(byte, unit_byte(fake_of(regions[2])->seed, fake_of(regions[2])->off + 11));
	rxe_sgl_seek(&sgl, 2ULL * U32_MAX + 5);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 1, &fake_wait), RXE_MEM_LENGTH);
	rxe_sgl_seek(&sgl, 0);
	CHECK_EQ(rxe_sgl_gather(&sgl, &byte, 1, &fake_wait), RXE_MEM_KEY);
	rxe_sgl_release(&sgl);
	end();
}
