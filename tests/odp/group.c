// SPDX-License-Identifier: GPL-2.0
/* A memory cgroup; see group.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "group.h"
#include "kit.h"

#define CGROUPS "/sys/fs/cgroup"

static char group[128];

static void group_path(char *path, size_t room, const char *file)
{
	snprintf(path, room, "%s/%s", group, file);
}

static void group_write(const char *file, const char *text)
{
	char path[256];

	group_path(path, sizeof(path), file);
	file_need(path, text);
}

long group_read(const char *file, const char *key)
{
	char path[256];

	group_path(path, sizeof(path), file);
	return file_number(path, key);
}

void group_open(long mib, long mib_swap)
{
	char text[64];

	if (access(CGROUPS "/cgroup.controllers", R_OK))
		t_skip("no cgroup2 at " CGROUPS);
	file_write(CGROUPS "/cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), CGROUPS "/rxe_odp.%d", getpid());
	if (mkdir(group, 0755))
		t_skip("mkdir %s: %s", group, strerror(errno));
	snprintf(text, sizeof(text), "%ld", mib << 20);
	group_write("memory.max", text);
	snprintf(text, sizeof(text), "%ld", mib_swap << 20);
	group_write("memory.swap.max", text);
}

void group_close(void)
{
	double end = t_now() + t_seconds(5);

	while (rmdir(group) && errno == EBUSY && t_now() < end)
		usleep(20000);
}

void group_enter(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	group_write("cgroup.procs", text);
}
