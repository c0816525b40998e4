/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A memory cgroup for the case that runs: what is charged to who, and memory that runs short for
 * one process alone.
 */
#ifndef TESTS_ODP_GROUP_H
#define TESTS_ODP_GROUP_H

#include <sys/types.h>

/* group_open - a group of @mib MiB, and @mib_swap MiB of swap; skips without cgroup2. */
void group_open(long mib, long mib_swap);
/* group_close - remove it, once it is empty. */
void group_close(void);
void group_enter(pid_t pid);

/* group_read - the number behind @key in a file of the group, its first one for NULL; or -1. */
long group_read(const char *file, const char *key);

#endif
