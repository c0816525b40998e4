// SPDX-License-Identifier: GPL-2.0
/* Child processes of a case; see crew.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crew.h"
#include "harness.h"

enum { PATIENCE = 20 };

void crew_start(struct crew *c, void (*fn)(struct crew *self, void *arg), void *arg)
{
	int down[2], up[2];

	t_check(!pipe(down) && !pipe(up), "pipe: %s", strerror(errno));
	c->pid = fork();
	t_check(c->pid >= 0, "fork: %s", strerror(errno));
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(down[1]);
		close(up[0]);
		c->to = up[1];
		c->from = down[0];
		fn(c, arg);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	c->to = down[1];
	c->from = up[0];
}

/* The child is gone too early: its own words are the reason. */
static void __attribute__((noreturn)) died(struct crew *c, const char *what)
{
	int status = 0;

	if (!c->pid)
		_exit(1);
	waitpid(c->pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	t_fail("the child ended (wait status %#x) before: %s", status, what);
}

void crew_tell(struct crew *c, const void *data, size_t len)
{
	signal(SIGPIPE, SIG_IGN);
	if (write(c->to, data, len) != (ssize_t)len)
		died(c, "reading what it was told");
}

void crew_hear(struct crew *c, void *data, size_t len, const char *what)
{
	struct pollfd pfd = { .fd = c->from, .events = POLLIN };
	uint8_t *at = data;

	t_wait("%s", what);
	while (len) {
		ssize_t n;

		if (poll(&pfd, 1, t_seconds(PATIENCE) * 1000) <= 0)
			t_fail("nothing heard for %.0f s: %s", t_seconds(PATIENCE), what);
		n = read(c->from, at, len);
		if (n <= 0)
			died(c, what);
		at += n;
		len -= n;
	}
}

void crew_step(struct crew *c)
{
	crew_tell(c, "x", 1);
}

void crew_await(struct crew *c, const char *what)
{
	char x;

	crew_hear(c, &x, 1, what);
}

int crew_reap(struct crew *c, double s, const char *what)
{
	double end = t_now() + t_seconds(s);
	int status;

	t_wait("end of the child: %s", what);
	while (waitpid(c->pid, &status, WNOHANG) != c->pid) {
		if (t_now() > end)
			t_fail("the child did not end within %.0f s: %s", t_seconds(s), what);
		usleep(2000);
	}
	close(c->to);
	close(c->from);
	return status;
}

void crew_end(struct crew *c)
{
	int status = crew_reap(c, PATIENCE, "its work");

	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	t_check(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
}
