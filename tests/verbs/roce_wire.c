// SPDX-License-Identifier: GPL-2.0
/*
 * Sending and catching packets: the half of roce.h with sockets. They are made inside the
 * attacker's namespace and stay there; the caller stays where it was. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>

#include "harness.h"
#include "roce.h"

static int must_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	t_check(fd >= 0, "open %s: %s", path, strerror(errno));
	return fd;
}

static int must_socket(int domain, int type, int protocol)
{
	int s = socket(domain, type | SOCK_CLOEXEC, protocol);

	t_check(s >= 0, "socket(%d, %d, %d): %s", domain, type, protocol, strerror(errno));
	return s;
}

/* Hold the port; where a driver holds it already, that is as good. */
static int hold_port(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(ROCE_PORT) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(ROCE_PORT) };
	int s = must_socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	struct sockaddr *a = family == 6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;

	if (bind(s, a, family == 6 ? sizeof(a6) : sizeof(a4)) && errno != EADDRINUSE)
		t_fail("bind to port %d: %s", ROCE_PORT, strerror(errno));
	return s;
}

void roce_open(struct roce_wire *w, const char *netns, int family)
{
	int home = must_open("/proc/self/ns/net"), there, room = 4 << 20;
	char path[256];

	snprintf(path, sizeof(path), "/var/run/netns/%s", netns);
	there = must_open(path);
	t_check(!setns(there, CLONE_NEWNET), "setns %s: %s", netns, strerror(errno));
	w->family = family;
	w->raw = must_socket(family == 6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
	w->capture = must_socket(AF_PACKET, SOCK_DGRAM,
				 htons(family == 6 ? ETH_P_IPV6 : ETH_P_IP));
	setsockopt(w->capture, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	w->port = hold_port(family);
	t_check(!setns(home, CLONE_NEWNET), "setns home: %s", strerror(errno));
	close(there);
	close(home);
}

void roce_send(struct roce_wire *w, const struct roce_img *img)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	ssize_t n;

	memcpy(&a6.sin6_addr, img->p + 24, 16);
	memcpy(&a4.sin_addr, img->p + 16, 4);
	n = w->family == 6 ?
	    sendto(w->raw, img->p, img->len, 0, (struct sockaddr *)&a6, sizeof(a6)) :
	    sendto(w->raw, img->p, img->len, 0, (struct sockaddr *)&a4, sizeof(a4));
	t_check(n == (ssize_t)img->len, "send a packet of %zu bytes: %s", img->len,
		strerror(errno));
}

/* Find the parts of a caught packet. False when it is not RoCE. */
static bool dissect(struct roce_img *img)
{
	img->ip = img->p[0] >> 4 == 6 ? 40 : (img->p[0] & 15) * 4U;
	img->bth = img->ip + 8;
	if (img->len < img->bth + ROCE_BTH + ROCE_ICRC)
		return false;
	img->icrc = img->len - ROCE_ICRC;
	return img->p[img->ip == 40 ? 6 : 9] == IPPROTO_UDP &&
	       (img->p[img->ip + 2] << 8 | img->p[img->ip + 3]) == ROCE_PORT;
}

int roce_catch(struct roce_wire *w, struct roce_img *img, int ms)
{
	struct pollfd pfd = { .fd = w->capture, .events = POLLIN };
	double end = t_now() + ms / 1000.0;

	for (;;) {
		double left = end - t_now();
		struct sockaddr_ll from;
		socklen_t flen = sizeof(from);
		ssize_t n;

		if (left < 0 || poll(&pfd, 1, left * 1000 + 1) <= 0)
			return -1;
		n = recvfrom(w->capture, img->p, sizeof(img->p), 0, (struct sockaddr *)&from,
			     &flen);
		if (n < 20 || from.sll_pkttype != PACKET_HOST)
			continue;
		img->len = n;
		if (dissect(img))
			return 0;
	}
}
