// SPDX-License-Identifier: GPL-2.0
/*
 * The harness of harness.h. Each case runs in a forked child that reports through one shared
 * page: reason, remark, and the words of its latest wait. The parent sleeps in sigtimedwait() for
 * SIGCHLD until the deadline; then it kills the child, allows it a few seconds to die (a child
 * that is stuck in the kernel does not, and is named as such), and goes on with the next case.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "pattern.h"

enum { EXIT_FAIL = 1, EXIT_SKIP = 77, DEFAULT_DEADLINE = 30, GRACE = 5 };

/* What a child tells its parent; in a page that both share. */
struct shared {
	char where[160];
	char wait[240];
	char reason[600];
	char note[600];
};

struct t_opts t_opts = { .gid = { -1, -1 }, .family = 4, .port = 1, .seed = 1, .slow = 1 };

static struct shared *shared;
static uint64_t rand_state;
static unsigned int passed, failed, skipped;

double t_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

bool t_linux_before(unsigned int major, unsigned int minor)
{
	unsigned int here[2];
	struct utsname u;

	t_check(!uname(&u) && sscanf(u.release, "%u.%u", &here[0], &here[1]) == 2, "what kernel?");
	return here[0] < major || (here[0] == major && here[1] < minor);
}

double t_seconds(double s)
{
	return s * t_opts.slow;
}

uint64_t t_rand(void)
{
	return pattern_word(t_opts.seed, rand_state++);
}

const char *t_errname(int rc)
{
	static char text[64];
	int err = rc == -1 ? errno : rc < 0 ? -rc : rc;
	const char *name = strerrorname_np(err);

	snprintf(text, sizeof(text), "%s (%d)", err ? name ? name : "errno" : "success", err);
	return text;
}

static void (*on_fail)(const char *reason);

void t_on_fail(void (*fn)(const char *reason))
{
	on_fail = fn;
}

/* The end of a case before its time; the reason is in the shared page. */
static void __attribute__((noreturn)) leave(int status)
{
	if (on_fail)
		on_fail(shared->reason);
	_exit(status);
}

static void say(char *to, size_t room, const char *fmt, va_list ap)
{
	vsnprintf(to, room, fmt, ap);
}

void t_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(shared->reason, sizeof(shared->reason), fmt, ap);
	va_end(ap);
	leave(EXIT_FAIL);
}

void t_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(shared->reason, sizeof(shared->reason), fmt, ap);
	va_end(ap);
	leave(EXIT_SKIP);
}

void t_wait(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(shared->wait, sizeof(shared->wait), fmt, ap);
	va_end(ap);
}

void t_where(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(shared->where, sizeof(shared->where), fmt, ap);
	va_end(ap);
}

void t_note(const char *fmt, ...)
{
	size_t used = strlen(shared->note);
	va_list ap;

	if (used && used < sizeof(shared->note) - 1)
		shared->note[used++] = ';';
	va_start(ap, fmt);
	say(shared->note + used, sizeof(shared->note) - used, fmt, ap);
	va_end(ap);
}

static void child(const struct t_case *c)
{
	sigset_t none;

	/* Who kills the harness means its case. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	rand_state = 0;
	for (const char *p = c->name; *p; p++)
		rand_state = rand_state * 131 + (unsigned char)*p;
	c->run(c);
	_exit(0);
}

/* Wait for @pid until @end. Returns true with @status when it ended. */
static bool reap(pid_t pid, double end, int *status)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		double left = end - t_now();
		struct timespec ts = { .tv_sec = left, .tv_nsec = (left - (long)left) * 1e9 };
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid)
			return true;
		if (left <= 0)
			return false;
		sigtimedwait(&set, NULL, &ts);
	}
}

static void line(const char *verdict, const struct t_case *c, const char *reason, double took)
{
	const char *where = shared->where;

	if (reason && *reason)
		printf("%s %s (%s%s%s) %.2fs\n", verdict, c->name, where, *where ? ": " : "",
		       reason, took);
	else
		printf("%s %s %.2fs\n", verdict, c->name, took);
	if (shared->note[0])
		printf("# %s: %s\n", c->name, shared->note);
}

static void kill_hung(pid_t pid, int limit)
{
	int status;
	bool gone;
	size_t len;

	kill(pid, SIGKILL);
	gone = reap(pid, t_now() + GRACE, &status);
	snprintf(shared->reason, sizeof(shared->reason), "no end after %d s, waiting for: %s",
		 limit, shared->wait[0] ? shared->wait : "nothing in particular");
	len = strlen(shared->reason);
	if (!gone)
		snprintf(shared->reason + len, sizeof(shared->reason) - len,
			 "; and SIGKILL did not end it: stuck in the kernel");
}

static const char *verdict(int status)
{
	size_t room = sizeof(shared->reason);

	if (WIFSIGNALED(status)) {
		snprintf(shared->reason, room, "died of signal %s", strsignal(WTERMSIG(status)));
		return "FAIL";
	}
	if (WEXITSTATUS(status) == EXIT_SKIP)
		return "skip";
	if (WEXITSTATUS(status) == 0) {
		shared->reason[0] = 0;
		return "ok";
	}
	if (!shared->reason[0])
		snprintf(shared->reason, room, "exit status %d", WEXITSTATUS(status));
	return "FAIL";
}

bool t_run_one(const struct t_case *c)
{
	int limit = (t_opts.deadline ?: c->deadline ?: DEFAULT_DEADLINE) * t_opts.slow;
	double start = t_now();
	const char *v = "FAIL";
	int status = 0;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!pid)
		child(c);
	if (reap(pid, start + limit, &status))
		v = verdict(status);
	else
		kill_hung(pid, limit);
	line(v, c, shared->reason, t_now() - start);
	passed += v[0] == 'o';
	failed += v[0] == 'F';
	skipped += v[0] == 's';
	return v[0] != 'F';
}

int t_summary(void)
{
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || !(passed + skipped) ? 1 : 0;
}

static void usage(const char *prog)
{
	printf("usage: %s [options] [NAME or GLOB ...]\n"
	       "  -d, --device DEV       requester's device (default: the first)\n"
	       "  -D, --device2 DEV      responder's device (default: the same)\n"
	       "  -n, --netns NAME       namespace to open the first device in\n"
	       "  -N, --netns2 NAME      namespace to open the second device in\n"
	       "  -g, --gid N            GID index of the first device\n"
	       "  -G, --gid2 N           GID index of the second device\n"
	       "  -4, -6                 family of the GID to choose (default -4)\n"
	       "  -p, --port N           port (default 1)\n"
	       "  -m, --mtu BYTES        path MTU (default: the port's active MTU)\n"
	       "  -s, --seed N           seed of all data and choices (default 1)\n"
	       "  -x, --slow N           factor on every deadline (default 1)\n"
	       "  -t, --deadline SECONDS for every case (default 30, or the case's own)\n"
	       "  -o, --odp              register buffers for on-demand paging\n"
	       "  -O, --implicit         the same, each as the whole address space\n"
	       "  -l, --list             name the cases and end\n", prog);
}

static const struct option longs[] = {
	{ "device", required_argument, NULL, 'd' },	{ "device2", required_argument, NULL, 'D' },
	{ "netns", required_argument, NULL, 'n' },	{ "netns2", required_argument, NULL, 'N' },
	{ "gid", required_argument, NULL, 'g' },	{ "gid2", required_argument, NULL, 'G' },
	{ "port", required_argument, NULL, 'p' },	{ "mtu", required_argument, NULL, 'm' },
	{ "seed", required_argument, NULL, 's' },	{ "slow", required_argument, NULL, 'x' },
	{ "deadline", required_argument, NULL, 't' },	{ "list", no_argument, NULL, 'l' },
	{ "odp", no_argument, NULL, 'o' },		{ "implicit", no_argument, NULL, 'O' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static bool list_only;

/* Options that set a word or a number. */
static const struct {
	int letter;
	const char **word;
	int *number;
} settings[] = {
	{ 'd', &t_opts.dev[0], NULL },		{ 'D', &t_opts.dev[1], NULL },
	{ 'n', &t_opts.netns[0], NULL },	{ 'N', &t_opts.netns[1], NULL },
	{ 'g', NULL, &t_opts.gid[0] },		{ 'G', NULL, &t_opts.gid[1] },
	{ 'p', NULL, &t_opts.port },		{ 'm', NULL, &t_opts.mtu },
	{ 'x', NULL, &t_opts.slow },		{ 't', NULL, &t_opts.deadline },
};

static bool setting(int c)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (settings[i].letter != c)
			continue;
		if (settings[i].word)
			*settings[i].word = optarg;
		else
			*settings[i].number = atoi(optarg);
		return true;
	}
	return false;
}

static void option(int c, const char *prog)
{
	if (setting(c))
		return;
	switch (c) {
	case '4':
	case '6':
		t_opts.family = c - '0';
		break;
	case 's':
		t_opts.seed = strtoull(optarg, NULL, 0);
		break;
	case 'O':
		t_opts.implicit = true;
		/* fallthrough */
	case 'o':
		t_opts.odp = true;
		break;
	case 'l':
		list_only = true;
		break;
	default:
		usage(prog);
		exit(c == 'h' ? 0 : 2);
	}
}

static bool wanted(const char *name, int n, char **globs)
{
	if (!n)
		return true;
	for (int i = 0; i < n; i++)
		if (!fnmatch(globs[i], name, 0))
			return true;
	return false;
}

static bool names_one(const char *glob, const struct t_table *tables)
{
	for (; tables->cases; tables++)
		for (const struct t_case *c = tables->cases; c->name; c++)
			if (!fnmatch(glob, c->name, 0))
				return true;
	return false;
}

/* A word that is misspelt would else mean fewer cases, and nobody would miss them. */
static void check_globs(int n, char **globs, const struct t_table *tables)
{
	for (int i = 0; i < n; i++) {
		if (names_one(globs[i], tables))
			continue;
		printf("FAIL %s (no case has such a name)\n", globs[i]);
		failed++;
	}
}

static void prepare(void)
{
	sigset_t set;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

int t_begin(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "d:D:n:N:g:G:46p:m:s:x:t:oOlh", longs, NULL)) != -1)
		option(c, argv[0]);
	if (t_opts.slow < 1)
		t_opts.slow = 1;
	prepare();
	return optind;
}

int t_main(int argc, char **argv, const struct t_table *tables)
{
	int first = t_begin(argc, argv);

	if (!list_only)
		check_globs(argc - first, argv + first, tables);
	for (; tables->cases; tables++)
		for (const struct t_case *c = tables->cases; c->name; c++) {
			if (!wanted(c->name, argc - first, argv + first))
				continue;
			if (list_only)
				puts(c->name);
			else
				t_run_one(c);
		}
	return list_only ? 0 : t_summary();
}
