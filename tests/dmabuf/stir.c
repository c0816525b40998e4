// SPDX-License-Identifier: GPL-2.0
/*
 * See stir.h. It is a process, not a thread: user-mode Linux runs the threads of one in turns.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stir.h"

static void turn(struct stir *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->fd[i] < 0)
			continue;
		if (s->revokes) {
			dbuf_revoke(s->fd[i], true);
			usleep(300);
			dbuf_revoke(s->fd[i], false);
		}
		dbuf_move(s->fd[i], 0);
	}
}

/* It ends with the case, however that ends, and whenever: here, or by the signal. */
static void go_on(struct stir *s, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!s->stop && getppid() == parent) {
		pthread_mutex_lock(&s->cpu);
		turn(s);
		pthread_mutex_unlock(&s->cpu);
		s->turns++;
		usleep(s->revokes ? 2000 : 100);
	}
}

struct stir *stir_start(int fd, int other, bool revokes)
{
	struct stir *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;
	pid_t parent = getpid(), pid;

	t_check(s != MAP_FAILED, "mmap: %s", strerror(errno));
	*s = (struct stir) { .fd = { fd, other }, .revokes = revokes };
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	t_zero(pthread_mutex_init(&s->cpu, &attr));
	pid = fork();
	t_check(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		go_on(s, parent);
		_exit(0);
	}
	s->pid = pid;
	return s;
}

void stir_stop(struct stir *s)
{
	int status = -1;

	s->stop = true;
	t_wait("the process that moves the buffers");
	t_check(waitpid(s->pid, &status, 0) == s->pid && !status,
		"the process that moves the buffers ended with status %#x", status);
}

void stir_cpu(struct stir *s)
{
	pthread_mutex_lock(&s->cpu);
	syscall(SYS_getppid);
}

void stir_go(struct stir *s)
{
	pthread_mutex_unlock(&s->cpu);
}
