// SPDX-License-Identifier: GPL-2.0
/*
 * The TCP connection of two rxe_peer processes, and the greeting in which each learns the other's
 * QP. The server answers each client in a process of its own, under a deadline like a case.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

const char *peer_host, *peer_port;

void peer_send(struct peer_link *l, const struct peer_msg *m)
{
	if (send(l->sock, m, sizeof(*m), MSG_NOSIGNAL) != sizeof(*m))
		t_fail("the other process is gone: %s", strerror(errno));
}

bool peer_try_get(struct peer_link *l, struct peer_msg *m)
{
	ssize_t n;

	t_wait("message of the other process");
	n = recv(l->sock, m, sizeof(*m), MSG_WAITALL);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return false;
	t_check(n == sizeof(*m), "message of the other process: %zd bytes", n);
	t_check(m->kind != PEER_FAILED, "the other process: %.*s", (int)sizeof(m->text), m->text);
	return true;
}

void peer_get(struct peer_link *l, struct peer_msg *m)
{
	t_check(peer_try_get(l, m), "the other process closed the connection");
}

/* A socket for @passive use or connected, or -1. */
static int open_socket(bool passive)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0,
	};
	struct addrinfo *ai;
	int sock, one = 1, rc;

	if (getaddrinfo(peer_host, peer_port, &hints, &ai))
		return -1;
	sock = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	rc = passive ? bind(sock, ai->ai_addr, ai->ai_addrlen) || listen(sock, 16) :
		       connect(sock, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	if (!rc)
		return sock;
	close(sock);
	return -1;
}

/*
 * Close by reset: a connection whose network is gone would else linger for minutes, and its network
 * namespace with it.
 */
static void no_lingering(int sock)
{
	struct linger l = { .l_onoff = 1 };

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static struct peer_link *failing;

static void tell_failure(const char *reason)
{
	struct peer_msg m = { .kind = PEER_FAILED };

	snprintf(m.text, sizeof(m.text), "%s", reason);
	send(failing->sock, &m, sizeof(m), MSG_NOSIGNAL);
}

static void make_end(struct peer_link *l, const struct peer_msg *hello)
{
	struct ep_cfg cfg = hello->type == IBV_QPT_UD ? ep_ud() : ep_rc();

	if (hello->mtu && hello->mtu < cfg.mtu)
		cfg.mtu = hello->mtu;
	cfg.recv_wr = 64;
	ep_open(&l->e, 0, &cfg);
}

void peer_dial(struct peer_link *l, struct peer_msg *hello)
{
	struct peer_msg answer;

	memset(l, 0, sizeof(*l));
	for (int i = 0; (l->sock = open_socket(false)) < 0 && i < 100; i++)
		usleep(100000);
	t_check(l->sock >= 0, "connect to %s port %s: %s", peer_host, peer_port, strerror(errno));
	no_lingering(l->sock);
	failing = l;
	t_on_fail(tell_failure);
	hello->kind = PEER_HELLO;
	hello->mtu = ep_dev(0)->mtu;
	make_end(l, hello);
	hello->peer = ep_self(&l->e);
	peer_send(l, hello);
	peer_get(l, &answer);
	l->e.cfg.mtu = hello->mtu = answer.mtu;
	l->other = answer.peer;
	ep_up(&l->e, &l->other);
	peer_send(l, hello);
	peer_get(l, &answer);
}

static void answer_hello(struct peer_link *l, struct peer_msg *hello)
{
	struct peer_msg mine;

	peer_get(l, hello);
	make_end(l, hello);
	mine = *hello;
	mine.mtu = hello->mtu = l->e.cfg.mtu;
	mine.peer = ep_self(&l->e);
	l->other = hello->peer;
	ep_up(&l->e, &l->other);
	peer_send(l, &mine);
	/* The second round: by now the client's QP is up too. */
	peer_get(l, &mine);
	peer_send(l, &mine);
}

static int conn;
static void (*serve_fn)(struct peer_link *l, const struct peer_msg *hello);

static void serve_one(const struct t_case *c)
{
	struct peer_link l = { .sock = conn };
	struct peer_msg hello;

	(void)c;
	failing = &l;
	t_on_fail(tell_failure);
	answer_hello(&l, &hello);
	serve_fn(&l, &hello);
	if (!hello.traffic)
		ep_close(&l.e);
}

int peer_serve(int seconds, void (*serve)(struct peer_link *l, const struct peer_msg *hello))
{
	static const struct t_case one = { "server", serve_one, 0, 0, 120 };
	struct pollfd pfd = { .fd = open_socket(true), .events = POLLIN };

	if (pfd.fd < 0) {
		fprintf(stderr, "rxe_peer: listen on %s port %s: %s\n", peer_host, peer_port,
			strerror(errno));
		return 2;
	}
	serve_fn = serve;
	while (poll(&pfd, 1, seconds * 1000) > 0) {
		conn = accept(pfd.fd, NULL, NULL);
		if (conn < 0)
			continue;
		no_lingering(conn);
		t_run_one(&one);
		close(conn);
	}
	return t_summary();
}
