// SPDX-License-Identifier: GPL-2.0
/*
 * The runner. Output, one line a case, for run.sh to count:
 *
 *	ok SUITE/CASE
 *	FAIL SUITE/CASE: why
 *	skip SUITE/CASE: why
 *
 * The case's own process says why it failed or was skipped and tells the runner by its exit status;
 * whatever else ends that process (signal, sanitizer, time) is reported by the runner.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

#include "shim/shim.h"
#include "unit.h"

#define CASE_SECONDS	120
#define DEFAULT_SEED	0x243f6a8885a308d3ULL

/* Sanitizers exit with 1 or 23, abort() is a signal, 0 may be a stray exit(): these are ours. */
enum {
	STATUS_PASSED = 100,
	STATUS_FAILED = 101,
	STATUS_SKIPPED = 102,
};

static struct unit_case *first, **tail = &first;
static const char *suite;
static const char *current;
static char note[256];
static uint64_t rand_state;

void unit_register(struct unit_case *c)
{
	*tail = c;
	tail = &c->next;
}

void unit_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
}

void unit_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("FAIL %s/%s: %s:%d: ", suite, current, file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s%s%s\n", note[0] ? " (" : "", note, note[0] ? ")" : "");
	fflush(stdout);
	_exit(STATUS_FAILED);
}

void unit_skip(const char *reason)
{
	printf("skip %s/%s: %s\n", suite, current, reason);
	fflush(stdout);
	_exit(STATUS_SKIPPED);
}

void unit_check_eq(const char *file, int line, const char *what, long long got, long long want)
{
	if (got != want)
		unit_fail(file, line, "not so: %s: got %lld (0x%llx), want %lld (0x%llx)", what,
			  got, got, want, want);
}

void unit_check_mem(const char *file, int line, const char *what, const void *got, const void *want,
		    size_t len)
{
	const uint8_t *g = got, *w = want;
	size_t i;

	for (i = 0; i < len; i++)
		if (g[i] != w[i])
			unit_fail(file, line, "not so: %s: byte %zu of %zu: got %02x, want %02x",
				  what, i, len, g[i], w[i]);
}

bool unit_dies(void (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* The report of the expected death would only confuse. */
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

void unit_seed(uint64_t seed)
{
	rand_state = seed;
}

/* The finaliser of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint64_t unit_rand(void)
{
	rand_state += 0x9e3779b97f4a7c15ULL;
	return mix(rand_state);
}

uint32_t unit_below(uint32_t n)
{
	return (unit_rand() >> 32) * n >> 32;
}

uint64_t unit_fresh_seed(void)
{
	const char *env = getenv("UNIT_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : mix((uint64_t)time(NULL) << 20 ^ getpid());

	printf("# %s/%s: seed, to repeat: UNIT_SEED=0x%llx\n", suite, current,
	       (unsigned long long)seed);
	unit_note("UNIT_SEED=0x%llx", (unsigned long long)seed);
	return seed;
}

uint8_t unit_byte(uint64_t seed, size_t pos)
{
	return mix(seed * 0x9e3779b97f4a7c15ULL + pos / 8) >> pos % 8 * 8;
}

void unit_fill(void *buf, size_t len, uint64_t seed)
{
	uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = unit_byte(seed, i);
}

size_t unit_differs(const void *buf, size_t len, uint64_t seed, size_t pos)
{
	const uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != unit_byte(seed, pos + i))
			break;
	return i;
}

void *unit_copy(const void *data, size_t len)
{
	void *p = malloc(len);

	CHECK(p || !len);
	return len ? memcpy(p, data, len) : p;
}

/* In the case's own process. */
static void run_here(struct unit_case *c)
{
	current = c->name;
	unit_seed(DEFAULT_SEED);
	alarm(CASE_SECONDS);
	c->run();
	if (shim_live())
		unit_fail(__FILE__, __LINE__, "%ld allocation(s) not freed", shim_live());
	if (shim_atomic_depth())
		unit_fail(__FILE__, __LINE__, "%d spinlock(s) still held", shim_atomic_depth());
	exit(STATUS_PASSED);
}

static bool run_apart(struct unit_case *c)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		printf("FAIL %s/%s: fork failed\n", suite, c->name);
		return false;
	}
	if (!pid)
		run_here(c);
	waitpid(pid, &status, 0);

	if (WIFSIGNALED(status)) {
		printf("FAIL %s/%s: ended by signal %d%s\n", suite, c->name, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ", the time limit" : "");
		return false;
	}
	switch (WEXITSTATUS(status)) {
	case STATUS_PASSED:
		printf("ok %s/%s\n", suite, c->name);
		return true;
	case STATUS_SKIPPED:
		return true;
	case STATUS_FAILED:
		return false;
	}
	printf("FAIL %s/%s: exit status %d; if a sanitizer ended it, see its report above\n",
	       suite, c->name, WEXITSTATUS(status));
	return false;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	struct unit_case *c;
	bool ok = true;

	suite = slash ? slash + 1 : argv[0];
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (c = first; c; c = c->next) {
		if (argc < 2)
			ok &= run_apart(c);
		else if (!strcmp(argv[1], c->name))
			run_here(c);	/* exits */
	}
	if (argc >= 2) {
		fprintf(stderr, "%s: no case \"%s\"\n", suite, argv[1]);
		return 2;
	}
	return !ok;
}
