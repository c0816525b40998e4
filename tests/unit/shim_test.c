// SPDX-License-Identifier: GPL-2.0
/*
 * The shim and the runner themselves: what a suite relies on to fail does fail, and the helpers
 * that are ours rather than the C library's give what the kernel's give.
 */
#include <stdlib.h>

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "shim/shim.h"
#include "unit.h"

static spinlock_t lock;

static void warns(void)
{
	WARN_ON(1);
}

static void locks_twice(void)
{
	spin_lock(&lock);
	spin_lock(&lock);
}

static void unlocks_free(void)
{
	spin_unlock(&lock);
}

static void sleeps_locked(void)
{
	spin_lock(&lock);
	kfree(kmalloc(1, GFP_KERNEL));
}

static void asserts_unheld(void)
{
	lockdep_assert_held(&lock);
}

static void reads_past_end(void)
{
	volatile u8 *p = kmalloc(7, GFP_KERNEL);

	p[0] = p[7];
	kfree((void *)p);
}

static void shifts_too_far(void)
{
	volatile int n = 32;

	n = 1 << n;
}

static void drops_last_ref_twice(void)
{
	refcount_t r = REFCOUNT_INIT(1);

	refcount_dec_and_test(&r);
	refcount_dec_and_test(&r);
}

static void works(void)
{
	spin_lock(&lock);
	lockdep_assert_held(&lock);
	kfree(kmalloc(1, GFP_ATOMIC));
	spin_unlock(&lock);
	kfree(kmalloc(1, GFP_KERNEL));
}

UNIT_CASE(faults_end_the_case)
{
	CHECK(!unit_dies(works));
	CHECK(unit_dies(warns));
	CHECK(unit_dies(locks_twice));
	CHECK(unit_dies(unlocks_free));
	CHECK(unit_dies(sleeps_locked));
	CHECK(unit_dies(asserts_unheld));
	CHECK(unit_dies(reads_past_end));
	CHECK(unit_dies(shifts_too_far));
	CHECK(unit_dies(drops_last_ref_twice));
}

UNIT_CASE(nth_allocation_fails)
{
	void *p[4];
	int n, i;

	for (n = 1; n <= 4; n++) {
		shim_fail_nth(n);
		for (i = 0; i < 4; i++)
			p[i] = kmalloc(8, GFP_KERNEL);
		CHECK(!shim_fail_pending());
		for (i = 0; i < 4; i++) {
			CHECK_EQ(!p[i], i + 1 == n);
			kfree(p[i]);
		}
	}
	shim_fail_nth(5);
	for (i = 0; i < 4; i++)
		kfree(kmalloc(8, GFP_KERNEL));
	CHECK(shim_fail_pending());
}

UNIT_CASE(leaks_are_counted)
{
	void *p = kvmalloc(3, GFP_KERNEL);
	u8 *z = kcalloc(5, 7, GFP_KERNEL);

	CHECK_EQ(shim_live(), 2);
	CHECK(!memchr_inv(z, 0, 35));
	kvfree(p);
	kfree(z);
	kfree(NULL);
	CHECK_EQ(shim_live(), 0);
	CHECK(!kmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL));
}

UNIT_CASE(data_depends_on_seed_and_position)
{
	u8 a[64], b[64];

	unit_fill(a, 64, 1);
	unit_fill(b, 64, 2);
	CHECK(memcmp(a, b, 64));
	CHECK(memcmp(a, a + 8, 56));
	CHECK_EQ(unit_differs(a, 64, 1, 0), 64);
	CHECK_EQ(unit_differs(a + 13, 51, 1, 13), 51);
	a[40] ^= 1;
	CHECK_EQ(unit_differs(a, 64, 1, 0), 40);
}

UNIT_CASE(bits_and_logs)
{
	unsigned long map[2] = { 0, 0 };

	CHECK_EQ(GENMASK(7, 4), 0xf0);
	CHECK_EQ(GENMASK(63, 0), -1);
	CHECK_EQ(ilog2(1), 0);
	CHECK_EQ(ilog2(255), 7);
	CHECK_EQ(ilog2(256), 8);
	CHECK_EQ(roundup_pow_of_two(1), 1);
	CHECK_EQ(roundup_pow_of_two(64), 64);
	CHECK_EQ(roundup_pow_of_two(65), 128);
	CHECK_EQ(order_base_2(5), 3);
	CHECK(!test_and_set_bit(70, map));
	CHECK(test_and_set_bit(70, map));
	CHECK(test_bit(70, map));
	clear_bit(70, map);
	CHECK(!map[1]);
	CHECK_EQ(ALIGN(17, 16), 32);
	CHECK_EQ(DIV_ROUND_UP(17, 16), 2);
	CHECK_EQ(clamp(5, 7, 9), 7);
	CHECK_EQ(offset_in_page(PAGE_SIZE + 3), 3);
}

UNIT_CASE(lists_keep_order)
{
	struct item {
		int n;
		struct list_head link;
	} items[5], *i, *next;
	LIST_HEAD(head);
	LIST_HEAD(other);
	int n;

	for (n = 0; n < 5; n++) {
		items[n].n = n;
		list_add_tail(&items[n].link, &head);
	}
	list_del(&items[2].link);
	n = 0;
	list_for_each_entry(i, &head, link)
		n = n * 10 + i->n;
	CHECK_EQ(n, 134);
	list_add(&items[2].link, &other);
	list_splice_tail_init(&head, &other);
	CHECK(list_empty(&head));
	n = 0;
	list_for_each_entry_safe(i, next, &other, link) {
		n = n * 10 + i->n;
		list_del(&i->link);
	}
	CHECK_EQ(n, 20134);
	CHECK(list_empty(&other));
}

UNIT_CASE(atomics_and_refs)
{
	atomic_t a = ATOMIC_INIT(1);
	refcount_t r = REFCOUNT_INIT(1);
	u64 word = 5;

	CHECK_EQ(atomic_inc_return(&a), 2);
	CHECK_EQ(atomic_fetch_add(3, &a), 2);
	CHECK(!atomic_add_unless(&a, 1, 5));
	CHECK_EQ(atomic_cmpxchg(&a, 5, 9), 5);
	CHECK_EQ(atomic_read(&a), 9);
	CHECK_EQ(cmpxchg64(&word, 4, 8), 5);
	CHECK_EQ(cmpxchg64(&word, 5, 8), 5);
	CHECK_EQ(word, 8);
	CHECK(refcount_dec_and_test(&r));
	CHECK(!refcount_inc_not_zero(&r));
	CHECK_EQ(PTR_ERR(ERR_PTR(-ENOMEM)), -ENOMEM);
	CHECK(IS_ERR(ERR_PTR(-1)) && !IS_ERR(&a) && !IS_ERR(NULL));
}

UNIT_CASE(unaligned_words)
{
	u8 b[16];

	unit_fill(b, sizeof(b), 3);
	put_unaligned_be32(0x01020304, b + 3);
	CHECK(b[3] == 1 && b[4] == 2 && b[5] == 3 && b[6] == 4);
	put_unaligned_le64(0x1122334455667788ULL, b + 5);
	CHECK(b[5] == 0x88 && b[12] == 0x11);
	CHECK_EQ(get_unaligned_be64(b + 5), 0x8877665544332211ULL);
	CHECK_EQ(get_unaligned_be16(b + 3), 0x0102);
}
