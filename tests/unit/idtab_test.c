// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a number: reserved, published, retired; who finds the object in each stage, and who
 * waits for whom.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <linux/err.h>

#include "../../drivers/infiniband/sw/rxe/base/idtab.h"
#include "shim/shim.h"
#include "unit.h"

#define MIN	3
#define MAX	9

static struct rxe_idtab tab;
static int objects[MAX + 1];

static void *found(u32 id)
{
	struct rxe_handle *handle = rxe_idtab_get(&tab, id);
	void *obj = handle ? handle->obj : NULL;

	if (handle)
		rxe_handle_put(handle);
	return obj;
}

UNIT_CASE(found_only_while_published)
{
	struct rxe_handle *handle;
	u32 id;

	rxe_idtab_init(&tab, MIN, MAX);
	handle = rxe_idtab_reserve(&tab, &objects[0]);
	CHECK(!IS_ERR(handle));
	id = handle->id;
	CHECK(id >= MIN && id <= MAX);
	CHECK(!found(id));
	rxe_idtab_publish(&tab, handle);
	CHECK(found(id) == &objects[0]);
	CHECK(!found(id + 1));
	CHECK(!found(0xffffffff));
	rxe_idtab_retire(&tab, handle);
	CHECK(!found(id));
	rxe_idtab_destroy(&tab);
}

UNIT_CASE(never_published)
{
	struct rxe_handle *handle;

	rxe_idtab_init(&tab, MIN, MAX);
	handle = rxe_idtab_reserve(&tab, &objects[0]);
	CHECK(!IS_ERR(handle));
	rxe_idtab_retire(&tab, handle);
	rxe_idtab_destroy(&tab);
}

UNIT_CASE(all_numbers_once_then_none)
{
	struct rxe_handle *handles[MAX + 1] = {};
	struct rxe_handle *handle;
	u32 i, id;

	rxe_idtab_init(&tab, MIN, MAX);
	for (i = MIN; i <= MAX; i++) {
		handle = rxe_idtab_reserve(&tab, &objects[i]);
		CHECK(!IS_ERR(handle));
		id = handle->id;
		CHECK(id >= MIN && id <= MAX && !handles[id]);
		handles[id] = handle;
		rxe_idtab_publish(&tab, handle);
	}
	CHECK_EQ(PTR_ERR(rxe_idtab_reserve(&tab, &objects[0])), -EBUSY);

	/* The one that is given back is the one that is had. */
	rxe_idtab_retire(&tab, handles[5]);
	handles[5] = rxe_idtab_reserve(&tab, &objects[0]);
	CHECK(!IS_ERR(handles[5]));
	CHECK_EQ(handles[5]->id, 5);
	for (i = MIN; i <= MAX; i++)
		rxe_idtab_retire(&tab, handles[i]);
	rxe_idtab_destroy(&tab);
}

/* A peer that still sends to an old number must not soon reach a new object. */
UNIT_CASE(number_is_not_used_again_at_once)
{
	struct rxe_handle *handle;
	u32 last = 0;
	int i;

	rxe_idtab_init(&tab, MIN, MAX);
	for (i = 0; i < 50; i++) {
		handle = rxe_idtab_reserve(&tab, &objects[0]);
		CHECK(!IS_ERR(handle));
		CHECK(handle->id != last);
		last = handle->id;
		rxe_idtab_retire(&tab, handle);
	}
	rxe_idtab_destroy(&tab);
}

UNIT_CASE(well_known_number)
{
	struct rxe_handle *handle;

	rxe_idtab_init(&tab, MIN, MAX);
	handle = rxe_idtab_reserve_at(&tab, &objects[1], 1);
	CHECK(!IS_ERR(handle));
	CHECK_EQ(handle->id, 1);
	CHECK(!found(1));
	/* Taken, though not published. */
	CHECK_EQ(PTR_ERR(rxe_idtab_reserve_at(&tab, &objects[2], 1)), -EBUSY);
	rxe_idtab_publish(&tab, handle);
	CHECK(found(1) == &objects[1]);
	rxe_idtab_retire(&tab, handle);
	rxe_idtab_destroy(&tab);
}

UNIT_CASE(no_memory)
{
	struct rxe_handle *handle;
	unsigned long n;

	for (n = 1;; n++) {
		unit_note("allocation %lu", n);
		rxe_idtab_init(&tab, MIN, MAX);
		shim_fail_nth(n);
		handle = rxe_idtab_reserve(&tab, &objects[0]);
		if (!IS_ERR(handle))
			break;
		CHECK_EQ(PTR_ERR(handle), -ENOMEM);
		rxe_idtab_destroy(&tab);
	}
	CHECK(shim_fail_pending());
	CHECK(n > 1);
	/* Neither publishing nor retiring may need memory. */
	shim_fail_nth(1);
	rxe_idtab_publish(&tab, handle);
	CHECK(found(handle->id) == &objects[0]);
	rxe_idtab_retire(&tab, handle);
	CHECK(shim_fail_pending());
	shim_fail_nth(0);
	rxe_idtab_destroy(&tab);
}

static int retired;

static void *retire(void *handle)
{
	rxe_idtab_retire(&tab, handle);
	__atomic_store_n(&retired, 1, __ATOMIC_RELEASE);
	return NULL;
}

UNIT_CASE(retire_waits_for_users)
{
	struct rxe_handle *handle, *user;
	pthread_t thread;
	u32 id;

	rxe_idtab_init(&tab, MIN, MAX);
	handle = rxe_idtab_reserve(&tab, &objects[0]);
	CHECK(!IS_ERR(handle));
	rxe_idtab_publish(&tab, handle);
	id = handle->id;
	user = rxe_idtab_get(&tab, id);
	CHECK(user == handle);
	rxe_handle_hold(user);
	CHECK_EQ(pthread_create(&thread, NULL, retire, handle), 0);
	while (found(id))
		sched_yield();
	rxe_handle_put(user);
	/* The number stays taken as long as anybody has the object. */
	CHECK_EQ(PTR_ERR(rxe_idtab_reserve_at(&tab, &objects[1], id)), -EBUSY);
	CHECK(!__atomic_load_n(&retired, __ATOMIC_ACQUIRE));
	rxe_handle_put(user);
	pthread_join(thread, NULL);
	CHECK(retired);
	rxe_idtab_destroy(&tab);
}

/* Lookups run against retire: a handle that is found has the object of its number, always. */
#define ROUNDS	3000

static int stop;
static unsigned long hits, wrong;

static void *look_up(void *arg)
{
	struct rxe_handle *handle;
	u32 id = MIN;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		handle = rxe_idtab_get(&tab, id);
		if (handle) {
			hits++;
			if (handle->id != id || *(u32 *)handle->obj != id)
				wrong++;
			rxe_handle_put(handle);
		}
		id = id == MAX ? MIN : id + 1;
	}
	return NULL;
}

UNIT_CASE(lookups_against_retire)
{
	struct rxe_handle *handle;
	pthread_t thread;
	u32 obj;
	int i;

	rxe_idtab_init(&tab, MIN, MAX);
	CHECK_EQ(pthread_create(&thread, NULL, look_up, NULL), 0);
	for (i = 0; i < ROUNDS || !__atomic_load_n(&hits, __ATOMIC_RELAXED); i++) {
		handle = rxe_idtab_reserve(&tab, &obj);
		CHECK(!IS_ERR(handle));
		obj = handle->id;
		rxe_idtab_publish(&tab, handle);
		sched_yield();
		rxe_idtab_retire(&tab, handle);
		/* As good as freed memory: nobody may look at it any more. */
		obj = 0;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	CHECK_EQ(wrong, 0);
	rxe_idtab_destroy(&tab);
}
