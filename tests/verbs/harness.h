/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small test harness: named cases in tables, each run in a process of its own under a deadline.
 *
 * A case is a function that returns when it is content. t_fail() and t_skip() end it at once, from
 * any depth and thread; the kernel then takes back what it held. Because each case is a process, a
 * crash or a hang of one neither stops the others nor leaves its QPs in their way, and a hang is
 * reported with the words of the latest t_wait(): what the case was waiting for.
 *
 * Output, one line a case: "ok NAME TIME", "FAIL NAME (reason) TIME" or "skip NAME (reason) TIME",
 * then "N passed, N failed, N skipped". The process ends nonzero if a case failed or none ran. A
 * GLOB of the command line that no case's name matches counts as a failure.
 */
#ifndef TESTS_VERBS_HARNESS_H
#define TESTS_VERBS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct t_opts - what the command line chose; [0] is the requester's side, [1] the responder's. */
struct t_opts {
	const char *dev[2];	/* device name, NULL: the first one */
	const char *netns[2];	/* network namespace to open it in, NULL: the caller's */
	int gid[2];		/* GID index, -1: chosen by family */
	int family;		/* 4 or 6: which kind of GID to choose */
	int port;
	int mtu;		/* path MTU in bytes, 0: the port's active MTU */
	uint64_t seed;
	int slow;		/* factor on every deadline, for debug kernels */
	int deadline;		/* seconds a case may take, 0: as its table says */
	bool odp;		/* buf_reg() asks for on-demand paging */
	bool implicit;		/* and for the whole address space */
};

extern struct t_opts t_opts;

/*
 * struct t_case - one row of a table.
 * @arg and @arg2 let rows share a function. @deadline is in seconds, 0 means the default of 30.
 */
struct t_case {
	const char *name;
	void (*run)(const struct t_case *c);
	long arg;
	long arg2;
	int deadline;
};

/* struct t_table - the cases of one file; a table ends with a row without a name. */
struct t_table {
	const struct t_case *cases;
};

/*
 * t_main - parse the command line, run the chosen cases of @tables (ends with NULL cases).
 * Returns the exit status.
 */
int t_main(int argc, char **argv, const struct t_table *tables);

/* t_run_one - run one case under its deadline and count it; true when it did not fail. */
bool t_run_one(const struct t_case *c);

/* t_summary - print the closing line; returns the exit status. */
int t_summary(void);

/*
 * t_begin - parse the options of struct t_opts and get ready for t_run_one(); for programs that do
 * not use t_main(). Returns the index of the first argument that is no option.
 */
int t_begin(int argc, char **argv);

/* t_on_fail - have @fn called with the reason before t_fail() or t_skip() ends the case. */
void t_on_fail(void (*fn)(const char *reason));

void t_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void t_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* t_wait - say what is being waited for; shown if the case hangs. */
void t_wait(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* t_where - words put in front of a later failure, such as the size under test. "" clears them. */
void t_where(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* t_note - a remark, printed on a line of its own after the case's line. */
void t_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* t_now - monotonic clock in seconds. */
double t_now(void);

/* t_seconds - @s seconds stretched by the slow factor. */
double t_seconds(double s);

/* t_linux_before - is this kernel older than @major.@minor? For what none of its drivers can do. */
bool t_linux_before(unsigned int major, unsigned int minor);

/* t_rand - the next number of the case's own stream, which depends on the seed and its name. */
uint64_t t_rand(void);

/* t_check - fail with @fmt unless @cond. */
#define t_check(cond, ...) do { if (!(cond)) t_fail(__VA_ARGS__); } while (0)

/* t_zero - @expr returns 0 or an errno value: fail with the expression's text if it is not 0. */
#define t_zero(expr) do {							\
	int t_rc_ = (expr);							\
	if (t_rc_)								\
		t_fail("%s: got %s, expected success", #expr, t_errname(t_rc_));	\
} while (0)

/* t_errname - "EINVAL (22)" for 22 or -22, or -1 with errno set. */
const char *t_errname(int rc);

#endif
