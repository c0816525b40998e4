/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels 6.1 and 7.2 in timers and the network stack. The compat room is the
 * only place that knows of any: its names begin with rxc_, never with a kernel name, which a stable
 * kernel could take over one day. RXC_HAVE_* come from probe.sh.
 */
#ifndef RXE_COMPAT_RXC_H
#define RXE_COMPAT_RXC_H

#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/version.h>
#include <net/udp_tunnel.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "rdma_rxe needs Linux 6.1 or later"
#endif

/* Bottom halves that are off do not keep others off a CPU's data there. */
#ifdef CONFIG_PREEMPT_RT
#error "rdma_rxe does not support PREEMPT_RT"
#endif

/**
 * rxc_hrtimer_setup() - hrtimer_setup(), which took the place of hrtimer_init() in 6.13
 * @timer: the timer
 * @function: what it calls
 * @mode: HRTIMER_MODE_*
 *
 * The clock is CLOCK_MONOTONIC.
 */
static inline void rxc_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*function)(struct hrtimer *timer),
				     enum hrtimer_mode mode)
{
#ifdef RXC_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = function;
#endif
}

/**
 * rxc_udp_tunnel_setup() - setup_udp_tunnel_sock(), which takes the sock since 7.2
 * @net: the socket's namespace
 * @sock: a socket from udp_sock_create()
 * @cfg: callbacks
 *
 * Context: process.
 */
static inline void rxc_udp_tunnel_setup(struct net *net, struct socket *sock,
					struct udp_tunnel_sock_cfg *cfg)
{
#ifdef RXC_HAVE_UDP_TUNNEL_SK
	setup_udp_tunnel_sock(net, sock->sk, cfg);
#else
	setup_udp_tunnel_sock(net, sock, cfg);
#endif
}

/**
 * rxc_udp_tunnel_release() - close a socket; encap_rcv may still run until an RCU grace period
 * @sock: the socket, or NULL
 *
 * Kernels before 7.2 wait for that grace period themselves; callers must not rely on it.
 *
 * Context: process, sleeps.
 */
static inline void rxc_udp_tunnel_release(struct socket *sock)
{
	if (!sock)
		return;
#ifdef RXC_HAVE_UDP_TUNNEL_SK
	udp_tunnel_sock_release(sock->sk);
#else
	udp_tunnel_sock_release(sock);
#endif
}

#endif
