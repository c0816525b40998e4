/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The frame of a unit suite. A suite is one file, NAME_test.c, and one line in the Makefile:
 *
 *	UNIT_CASE(what_holds)
 *	{
 *		CHECK_EQ(rxe_psn_add(0xffffff, 1), 0);
 *	}
 *
 * Every case runs in a process of its own with a time limit, so a crash or a sanitizer's report
 * fails that case and no other. A case also fails when it ends with kmalloc()ed memory or a held
 * spinlock. `build/NAME_test CASE` runs one case in the foreground, for a debugger.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_case {
	const char *name;
	void (*run)(void);
	struct unit_case *next;
};

void unit_register(struct unit_case *c);

#define UNIT_CASE(id)								\
	static void id(void);							\
	static struct unit_case unit_case_##id = { #id, id, NULL };		\
	__attribute__((constructor)) static void unit_register_##id(void)	\
	{									\
		unit_register(&unit_case_##id);					\
	}									\
	static void id(void)

/* Say what is being tried; a failure in this case prints the last such note. */
__attribute__((format(printf, 1, 2))) void unit_note(const char *fmt, ...);

/* End the case. */
__attribute__((noreturn, format(printf, 3, 4)))
void unit_fail(const char *file, int line, const char *fmt, ...);
__attribute__((noreturn)) void unit_skip(const char *reason);

void unit_check_eq(const char *file, int line, const char *what, long long got, long long want);
void unit_check_mem(const char *file, int line, const char *what, const void *got, const void *want,
		    size_t len);
/* True if @fn, run in a process of its own, aborts or is stopped by a sanitizer. */
bool unit_dies(void (*fn)(void));

#define CHECK(cond)								\
	do {									\
		if (!(cond))							\
			unit_fail(__FILE__, __LINE__, "not so: %s", #cond);	\
	} while (0)
#define CHECK_EQ(got, want)							\
	unit_check_eq(__FILE__, __LINE__, #got " == " #want, (long long)(got), (long long)(want))
#define CHECK_MEM(got, want, len)						\
	unit_check_mem(__FILE__, __LINE__, #got " == " #want, got, want, len)

/* Repeatable random numbers; every case begins with the same seed. */
void unit_seed(uint64_t seed);
uint64_t unit_rand(void);
/* In [0, n). */
uint32_t unit_below(uint32_t n);
/* A seed that differs from run to run, printed; UNIT_SEED=n in the environment repeats one. */
uint64_t unit_fresh_seed(void);

/* Data in which every byte is a function of seed and position. */
uint8_t unit_byte(uint64_t seed, size_t pos);
void unit_fill(void *buf, size_t len, uint64_t seed);
/* Offset of the first byte of @buf that is not unit_byte(@seed, @pos + offset), or @len. */
size_t unit_differs(const void *buf, size_t len, uint64_t seed, size_t pos);

/* A copy in a heap block of exactly this size, so that the sanitizer sees one byte too far. */
void *unit_copy(const void *data, size_t len);

#endif
