/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets of a network namespace, and the addresses behind them.
 */
#ifndef RXE_NET_NETNS_H
#define RXE_NET_NETNS_H

#include <linux/completion.h>
#include <linux/hashtable.h>
#include <linux/spinlock.h>

struct net;
struct socket;

#define RXE_GIDTAB_BITS	6

/**
 * struct rxe_netns - what the devices of a network namespace share
 * @net: the namespace; it does not end before this
 * @users: devices; guarded by netns_lock of netns.c
 * @closing: the namespace is going away; likewise
 * @idle: the last device went after that
 * @sock4: UDP socket of IPv4
 * @sock6: UDP socket of IPv6, or NULL when the kernel runs without IPv6
 * @gid_lock: guards changes of @gids
 * @gids: address to device; read under RCU (gidtab.c)
 */
struct rxe_netns {
	struct net *net;
	unsigned int users;
	bool closing;
	struct completion idle;
	struct socket *sock4;
	struct socket *sock6;
	spinlock_t gid_lock;
	DECLARE_HASHTABLE(gids, RXE_GIDTAB_BITS);
};

/* Watch namespaces; undo it when all devices are gone. Module load and unload. */
int rxe_netns_init(void);
void rxe_netns_exit(void);

#endif
