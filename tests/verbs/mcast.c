// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_mcast: a member of multicast groups that a script can watch, and somebody who sends to one.
 *
 *   rxe_mcast [options] hold GROUP...          attach, print "attached", wait to be killed;
 *                                              at SIGUSR1 detach, print "detached", wait on
 *   rxe_mcast [options] hear COUNT GROUP       attach, print "attached", take COUNT datagrams, each
 *                                              once, in order and with every byte checked, print
 *                                              "heard COUNT", end
 *   rxe_mcast [options] send COUNT GROUP       send them
 *
 * Options are those of rxe_verbs; a GROUP is an IPv4 or IPv6 address. Both ends must have the same
 * --seed. A datagram's bytes are those of the seed's stream from the datagram's number times 1000
 * on; the number comes as immediate data.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xfer.h"

/* Receives for more than is sent: a listener that gets no CPU for a while loses nothing. */
enum { GRH = 40, LEN = 1000, SLOTS = 512, MCAST_QPN = 0xffffff };

static struct ep e;
static struct buf buf;

static union ibv_gid parse(const char *text)
{
	union ibv_gid g = { };

	if (inet_pton(AF_INET6, text, g.raw) == 1) {
		t_opts.family = 6;
		return g;
	}
	t_check(inet_pton(AF_INET, text, g.raw + 12) == 1, "'%s' is no address", text);
	g.raw[10] = 0xff;
	g.raw[11] = 0xff;
	t_opts.family = 4;
	return g;
}

static void say(const char *what, int n)
{
	printf(n < 0 ? "%s\n" : "%s %d\n", what, n);
	fflush(stdout);
}

static void open_up(void)
{
	struct ep_cfg cfg = ep_ud();
	struct ep_peer self;

	cfg.recv_wr = SLOTS;
	ep_open(&e, 0, &cfg);
	self = ep_self(&e);
	ep_up(&e, &self);
	buf_open(&buf, e.dev, (size_t)SLOTS * (GRH + LEN), 1, IBV_ACCESS_LOCAL_WRITE);
}

static void hold(int num, char **groups)
{
	union ibv_gid g[num];
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < num; i++)
		g[i] = parse(groups[i]);
	open_up();
	for (int i = 0; i < num; i++)
		t_zero(ibv_attach_mcast(e.qp, &g[i], 0));
	say("attached", -1);
	sigwait(&set, &sig);
	for (int i = 0; i < num; i++)
		t_zero(ibv_detach_mcast(e.qp, &g[i], 0));
	say("detached", -1);
	pause();
}

static void post(int slot)
{
	struct ibv_sge sge = buf_sge(&buf, (size_t)slot * (GRH + LEN), GRH + LEN);

	ep_recv(&e, &sge, 1, slot);
}

static void hear(int count, const char *group)
{
	union ibv_gid g = parse(group);
	struct ibv_wc wc;

	open_up();
	for (int i = 0; i < SLOTS; i++)
		post(i);
	t_zero(ibv_attach_mcast(e.qp, &g, 0));
	say("attached", -1);
	for (int i = 0; i < count; i++) {
		cq_poll_for(e.rcq, &wc, "a datagram", 60);
		wc_want(&wc, IBV_WC_SUCCESS, "a datagram");
		t_check(wc.byte_len == GRH + LEN && wc.wc_flags & IBV_WC_WITH_IMM,
			"byte_len %u, flags %#x", wc.byte_len, wc.wc_flags);
		t_check(ntohl(wc.imm_data) == (uint32_t)i, "datagram %u, expected %d",
			ntohl(wc.imm_data), i);
		buf_range(&buf, wc.wr_id * (GRH + LEN) + GRH, LEN, t_opts.seed, (uint64_t)i * LEN,
			  "datagram");
		post(wc.wr_id);
	}
	cq_none(e.rcq, 50, "a datagram too many");
	t_zero(ibv_detach_mcast(e.qp, &g, 0));
	say("heard", count);
}

static void send_all(int count, const char *group)
{
	union ibv_gid g = parse(group);
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_SEND_WITH_IMM, .sge = &sge, .nsge = 1, .qpn = MCAST_QPN };

	open_up();
	op.ah = ep_make_ah(e.dev, e.dev->pd, &g);
	op.qkey = e.cfg.qkey;
	sge = buf_sge(&buf, 1, LEN);
	for (int i = 0; i < count; i++) {
		pattern_fill(buf.p + 1, LEN, t_opts.seed, (uint64_t)i * LEN);
		op.imm = i;
		ep_post(&e, &op);
		cq_want(e.scq, IBV_WC_SUCCESS, 0, "datagram");
		usleep(1000);
	}
	say("sent", count);
}

static void complain(const char *reason)
{
	fprintf(stderr, "rxe_mcast: %s\n", reason);
}

int main(int argc, char **argv)
{
	int i = t_begin(argc, argv);

	t_on_fail(complain);
	if (argc - i >= 2 && !strcmp(argv[i], "hold"))
		hold(argc - i - 1, argv + i + 1);
	else if (argc - i == 3 && !strcmp(argv[i], "hear"))
		hear(atoi(argv[i + 1]), argv[i + 2]);
	else if (argc - i == 3 && !strcmp(argv[i], "send"))
		send_all(atoi(argv[i + 1]), argv[i + 2]);
	else
		t_fail("usage: [options] hold GROUP... | hear COUNT GROUP | send COUNT GROUP");
	return 0;
}
