// SPDX-License-Identifier: GPL-2.0
/*
 * The QP under attack of victim.h. Its receives land in one guarded buffer, so any byte that a bad
 * packet writes is seen by victim_ignores().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

static const char *attacker_netns, *attacker_address, *counter_name;

int victim_args(int *argc, char ***argv)
{
	if (*argc < 4) {
		fprintf(stderr, "usage: %s NETNS ADDRESS COUNTER|- [options] [NAME or GLOB ...]\n"
			"NETNS and ADDRESS: where packets are made; COUNTER: counts bad ICRCs,\n"
			"or - for a driver that does not count what it drops by reason\n",
			(*argv)[0]);
		return -1;
	}
	attacker_netns = (*argv)[1];
	attacker_address = (*argv)[2];
	counter_name = (*argv)[3];
	t_opts.family = strchr(attacker_address, ':') ? 6 : 4;
	*argc -= 3;
	*argv += 3;
	return 0;
}

static void connect_phantom(struct victim *v)
{
	ep_up(&v->e, &v->phantom);
	v->psn = v->phantom.psn;
}

void victim_open(struct victim *v)
{
	struct ep_cfg cfg = ep_rc();

	memset(v, 0, sizeof(*v));
	roce_addr_parse(&v->me, attacker_address);
	roce_addr_of_gid(&v->it, ep_dev(0)->gid.raw);
	roce_open(&v->wire, attacker_netns, v->me.family);
	cfg.timeout = 14;
	cfg.recv_wr = 64;
	ep_open(&v->e, 0, &cfg);
	v->phantom.qpn = PHANTOM_QPN;
	v->phantom.psn = t_rand() & 0xffffff;
	roce_addr_to_gid(&v->me, v->phantom.gid.raw);
	connect_phantom(v);
	buf_open(&v->buf, v->e.dev, VICTIM_ROOM, 4093, RIGHTS_ALL);
	cfg = ep_rc();
	ep_pair_open(&v->live, &cfg);
}

void victim_again(struct victim *v)
{
	struct ibv_wc wc;

	ep_to(&v->e, IBV_QPS_RESET);
	while (ibv_poll_cq(v->e.rcq, 1, &wc) > 0 || ibv_poll_cq(v->e.scq, 1, &wc) > 0)
		;
	v->phantom.psn = t_rand() & 0xffffff;
	v->e.psn = t_rand() & 0xffffff;
	connect_phantom(v);
	buf_refill(&v->buf);
}

void victim_packet(struct victim *v, struct roce *r, uint8_t opcode)
{
	roce_init(r, &v->me, &v->it);
	r->opcode = opcode;
	r->qpn = v->e.qp->qp_num;
	r->psn = v->psn | 1U << 31;
}

void victim_send(struct victim *v, const struct roce *r)
{
	static struct roce_img img;

	roce_build(r, &img);
	roce_send(&v->wire, &img);
}

void victim_recv(struct victim *v, size_t off, size_t len)
{
	struct ibv_sge sge = buf_sge(&v->buf, off, len);

	ep_recv(&v->e, &sge, 1, 0x4ec);
}

void victim_takes(struct victim *v, size_t off, size_t len, uint64_t seed, uint64_t pos)
{
	struct ibv_wc wc;

	cq_poll(v->e.rcq, &wc, "good packet at the victim");
	wc_want(&wc, IBV_WC_SUCCESS, "good packet at the victim");
	t_check(wc.byte_len == len, "byte_len: got %u, expected %zu", wc.byte_len, len);
	buf_expect(&v->buf, off, len, seed, pos, "victim's memory");
	v->psn = (v->psn + 1) & 0xffffff;
}

void victim_ignores(struct victim *v, const char *what)
{
	cq_none(v->e.rcq, 20, what);
	buf_same(&v->buf, what);
	ep_want_state(&v->e, IBV_QPS_RTS, "victim's");
}

void victim_lives(struct victim *v)
{
	size_t len = 1 + t_rand() % 500;
	uint64_t seed = t_rand();
	uint8_t data[512];
	struct roce r;

	buf_refill(&v->buf);
	pattern_fill(data, len, seed, 0);
	victim_recv(v, 7, 600);
	victim_packet(v, &r, OP_SEND_ONLY);
	r.payload = data;
	r.len = len;
	victim_send(v, &r);
	victim_takes(v, 7, len, seed, 0);
	buf_refill(&v->buf);
	pair_proves(&v->live);
}

void victim_ack(struct victim *v, uint32_t psn)
{
	struct roce r;

	victim_packet(v, &r, OP_ACK);
	r.psn = psn;
	roce_aeth(&r, 0x1f, 0);
	victim_send(v, &r);
}

bool victim_counts(void)
{
	return strcmp(counter_name, "-") != 0;
}

uint64_t victim_counter(struct victim *v)
{
	return victim_counts() ? ep_counter(v->e.dev, counter_name) : 0;
}

uint64_t victim_drops(struct victim *v, const char *reason)
{
	return victim_counts() ? ep_counter(v->e.dev, reason) : 0;
}

void victim_counted(struct victim *v, uint64_t before, uint64_t n)
{
	victim_dropped(v, counter_name, before, n);
}

void victim_dropped(struct victim *v, const char *reason, uint64_t before, uint64_t n)
{
	double end = t_now() + t_seconds(2);
	uint64_t got;

	if (!victim_counts())
		return;
	do
		got = victim_drops(v, reason) - before;
	while (got < n && t_now() < end);
	t_check(got == n, "%s rose by %lu, expected %lu", reason, got, n);
}

/* Catch packets for the phantom until one of @opcode, and of PSN @psn unless that is negative. */
static void catch(struct victim *v, uint8_t opcode, int32_t psn, struct roce_img *img)
{
	double end = t_now() + t_seconds(5);

	t_wait("a packet of opcode %#x from the victim", opcode);
	while (t_now() < end)
		if (!roce_catch(&v->wire, img, 200) && roce_qpn(img) == PHANTOM_QPN &&
		    roce_opcode(img) == opcode && (psn < 0 || roce_psn(img) == (uint32_t)psn))
			return;
	t_fail("no packet of opcode %#x from the victim", opcode);
}

void victim_answer(struct victim *v, uint8_t opcode, struct roce_img *img)
{
	catch(v, opcode, -1, img);
}

void victim_request(struct victim *v, uint8_t opcode, uint32_t psn, struct roce_img *img)
{
	catch(v, opcode, psn & 0xffffff, img);
}
