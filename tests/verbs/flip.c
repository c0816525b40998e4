// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_flip: is the ICRC computed, checked and counted, bit for bit?
 *
 *   rxe_flip NETNS ADDRESS COUNTER|- [options] [NAME or GLOB ...]
 *
 * A good packet made by hand must be taken. The same packet with any one covered bit changed on the
 * way must be dropped without a trace but for the counter; with any masked bit changed it must be
 * taken. And what the victim sends must have the ICRC that we compute for it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

enum { OFF = 100 };

/* A SEND ONLY of @len bytes, receive posted, not yet sent. */
static void make_send(struct victim *v, struct roce *r, uint8_t *data, size_t len, uint64_t *seed)
{
	*seed = t_rand();
	pattern_fill(data, len, *seed, 0);
	victim_packet(v, r, OP_SEND_ONLY);
	r->payload = data;
	r->len = len;
}

/* Good packets of all payload lengths around pad and block edges, checksum or not. */
static void good(const struct t_case *c)
{
	uint8_t data[1024];
	struct victim v;
	struct roce r;
	uint64_t seed, before;

	(void)c;
	victim_open(&v);
	before = victim_counter(&v);
	for (size_t len = 0; len <= 1024; len += len < 70 ? 1 : 53) {
		t_where("good packet of %zu bytes", len);
		buf_refill(&v.buf);
		victim_recv(&v, OFF, 1024);
		make_send(&v, &r, data, len, &seed);
		r.ip_id = 1 + t_rand() % 65535;
		r.sport = t_rand();
		if (v.me.family == 4)
			r.udp_checksum = t_rand() & 1;
		victim_send(&v, &r);
		victim_takes(&v, OFF, len, seed, 0);
	}
	t_check(victim_counter(&v) == before, "a good packet raised the counter");
	victim_lives(&v);
}

/* The victim must take this image, whatever was changed. */
static void taken(struct victim *v, struct roce_img *img, size_t len, uint64_t seed,
		  const char *what)
{
	t_where("%s", what);
	buf_refill(&v->buf);
	victim_recv(v, OFF, len);
	roce_send(&v->wire, img);
	victim_takes(v, OFF, len, seed, 0);
}

/* What routers may change must not matter. */
static void masked(const struct t_case *c)
{
	static struct roce_img img;
	uint8_t data[333];
	char what[80];
	struct victim v;
	struct roce r;
	uint64_t seed;

	(void)c;
	victim_open(&v);
	for (int bit = 0; bit < 8; bit++) {
		make_send(&v, &r, data, sizeof(data), &seed);
		roce_build(&r, &img);
		img.p[img.bth + 4] ^= 1 << bit;
		roce_rechecksum(&img);
		snprintf(what, sizeof(what), "bit %d of BTH byte 4", bit);
		taken(&v, &img, sizeof(data), seed, what);
	}
	for (int bit = 0; bit < 8; bit++) {
		make_send(&v, &r, data, sizeof(data), &seed);
		roce_build(&r, &img);
		/* IPv6: the low half of byte 0 and the high half of byte 1. */
		img.p[v.me.family == 6 && bit < 4 ? 0 : 1] ^= 1 << bit;
		snprintf(what, sizeof(what), "bit %d of TOS or traffic class", bit);
		taken(&v, &img, sizeof(data), seed, what);
	}
	for (int ttl = 1; ttl < 256; ttl += 127) {
		make_send(&v, &r, data, sizeof(data), &seed);
		roce_build(&r, &img);
		img.p[v.me.family == 6 ? 7 : 8] = ttl;
		snprintf(what, sizeof(what), "TTL %d", ttl);
		taken(&v, &img, sizeof(data), seed, what);
	}
	victim_lives(&v);
}

/* A bit of the image that the ICRC covers: where it is, and whether only the ICRC can tell. */
struct covered {
	const char *what;
	size_t from, to;	/* bytes, relative to the IP header */
	bool counted;		/* nothing else than the ICRC refuses the packet */
};

/* The victim must drop the image; the counter rises if nothing before the ICRC check refuses it. */
static void dropped(struct victim *v, struct roce_img *img, bool counted, const char *what)
{
	uint64_t before = victim_counter(v);

	t_where("%s", what);
	roce_send(&v->wire, img);
	if (counted)
		victim_counted(v, before, 1);
	victim_ignores(v, what);
	t_where("%s", "");
}

/* Bit classes of one packet of the family. Bytes of masked fields are left out. */
static int classes(const struct roce_img *img, struct covered *k)
{
	int n = 0;

	if (img->ip == 20)
		k[n++] = (struct covered){ "IP id", 4, 6, true };
	k[n++] = (struct covered){ "UDP source port", img->ip, img->ip + 2, true };
	k[n++] = (struct covered){ "BTH opcode", img->bth, img->bth + 1, false };
	k[n++] = (struct covered){ "BTH flags", img->bth + 1, img->bth + 2, false };
	k[n++] = (struct covered){ "BTH P_Key", img->bth + 2, img->bth + 4, false };
	k[n++] = (struct covered){ "BTH QPN", img->bth + 5, img->bth + 8, false };
	k[n++] = (struct covered){ "BTH AckReq", img->bth + 8, img->bth + 9, true };
	k[n++] = (struct covered){ "BTH PSN", img->bth + 9, img->bth + 12, true };
	k[n++] = (struct covered){ "payload start", img->payload, img->payload + 3, true };
	k[n++] = (struct covered){ "payload end", img->icrc - 6, img->icrc - 2, true };
	k[n++] = (struct covered){ "pad", img->icrc - 1, img->icrc, true };
	k[n++] = (struct covered){ "ICRC", img->icrc, img->icrc + 4, true };
	return n;
}

/* Each bit of each class, one at a time, on a packet whose good twin is taken right after. */
static void covered_bits(const struct t_case *c)
{
	static struct roce_img img;
	struct covered k[16];
	uint8_t data[57];
	char what[80];
	struct victim v;
	struct roce r;
	uint64_t seed;

	(void)c;
	victim_open(&v);
	make_send(&v, &r, data, sizeof(data), &seed);
	roce_build(&r, &img);
	buf_refill(&v.buf);
	victim_recv(&v, OFF, sizeof(data));
	for (int i = 0, n = classes(&img, k); i < n; i++)
		for (size_t byte = k[i].from; byte < k[i].to; byte++)
			for (int bit = 0; bit < 8; bit++) {
				/* UDP checksums would hide the ICRC: IPv6 gets a right one. */
				struct roce_img bad = img;

				bad.p[byte] ^= 1 << bit;
				roce_rechecksum(&bad);
				snprintf(what, sizeof(what), "%s, byte %zu bit %d", k[i].what,
					 byte, bit);
				dropped(&v, &bad, k[i].counted, what);
			}
	t_where("the good twin");
	roce_send(&v.wire, &img);
	victim_takes(&v, OFF, sizeof(data), seed, 0);
	victim_lives(&v);
}

/* Random flips of several bits anywhere behind the BTH. */
static void random_bits(const struct t_case *c)
{
	static struct roce_img img;
	static uint8_t data[1000];
	struct victim v;
	struct roce r;
	uint64_t seed, before;

	victim_open(&v);
	before = victim_counter(&v);
	make_send(&v, &r, data, sizeof(data), &seed);
	roce_build(&r, &img);
	buf_refill(&v.buf);
	victim_recv(&v, OFF, sizeof(data));
	for (int i = 0; i < c->arg; i++) {
		struct roce_img bad = img;

		for (int n = 1 + t_rand() % 4; n; n--) {
			size_t span = img.len - img.payload;

			bad.p[img.payload + t_rand() % span] ^= 1 << t_rand() % 8;
		}
		if (!memcmp(bad.p, img.p, img.len))
			continue;
		roce_rechecksum(&bad);
		roce_send(&v.wire, &bad);
		before++;
		if (i % 50 == 49)
			victim_ignores(&v, "random flips");
	}
	victim_ignores(&v, "random flips");
	t_check(!victim_counts() || victim_counter(&v) == before,
		"the counter is %lu, expected %lu", victim_counter(&v), before);
	roce_send(&v.wire, &img);
	victim_takes(&v, OFF, sizeof(data), seed, 0);
	victim_lives(&v);
}

/* An acknowledgement with a wrong bit does not complete a SEND; the right one does. */
static void bad_ack(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_SEND, .id = 9 };
	static struct roce_img img, ack;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	ep_post(&v.e, &op);
	victim_answer(&v, OP_SEND_ONLY, &img);
	victim_packet(&v, &r, OP_ACK);
	r.psn = roce_psn(&img);
	roce_aeth(&r, 0x1f, 1);
	roce_build(&r, &ack);
	for (int bit = 0; bit < 32; bit++) {
		struct roce_img bad = ack;

		bad.p[bad.icrc + bit / 8] ^= 1 << bit % 8;
		roce_rechecksum(&bad);
		roce_send(&v.wire, &bad);
	}
	cq_none(v.e.scq, 40, "acknowledgements with wrong ICRCs");
	roce_send(&v.wire, &ack);
	cq_want(v.e.scq, IBV_WC_SUCCESS, 9, "SEND");
	victim_lives(&v);
}

/* The victim's own packets: ICRC, and the fields that have one right value. */
static void sealed(const struct t_case *c)
{
	static struct roce_img img;
	struct victim v;
	struct buf src;
	uint32_t sent = 0;

	(void)c;
	victim_open(&v);
	buf_open(&src, v.e.dev, 1000, 3, 0);
	for (size_t len = 0; len < 1000; len += len < 20 ? 1 : 97) {
		struct ibv_sge sge = buf_sge(&src, 0, len);
		struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1 };
		struct pattern_bad bad;
		uint32_t want, got = 0;

		t_where("SEND of %zu bytes on the wire", len);
		ep_post(&v.e, &op);
		victim_request(&v, OP_SEND_ONLY, v.e.psn + sent++, &img);
		want = roce_icrc(&img);
		for (int i = 0; i < 4; i++)
			got |= (uint32_t)img.p[img.icrc + i] << (8 * i);
		t_check(got == want, "ICRC: got %#x, expected %#x", got, want);
		t_check((img.p[img.bth + 1] & 0x0f) == 0, "version is %u",
			img.p[img.bth + 1] & 0x0f);
		t_check((img.p[img.bth + 1] >> 4 & 3) == (-len & 3), "pad count is %u",
			img.p[img.bth + 1] >> 4 & 3);
		t_check((img.p[img.bth + 2] | 0x80) == 0xff && img.p[img.bth + 3] == 0xff,
			"P_Key is not the default");
		t_check(img.icrc - img.bth - ROCE_BTH == len + (-len & 3), "payload of %zu bytes",
			img.icrc - img.bth - ROCE_BTH);
		t_check(!pattern_check(img.p + img.bth + ROCE_BTH, len, src.seed, 0, &bad),
			"payload byte %zu is wrong", bad.off);
		victim_ack(&v, roce_psn(&img));
		cq_want(v.e.scq, IBV_WC_SUCCESS, 0, "SEND");
	}
}

static const struct t_case cases[] = {
	{ "flip.good", good, 0, 0, 0 },
	{ "flip.sealed", sealed, 0, 0, 0 },
	{ "flip.masked", masked, 0, 0, 0 },
	{ "flip.covered", covered_bits, 0, 0, 120 },
	{ "flip.random", random_bits, 1000, 0, 0 },
	{ "flip.bad_ack", bad_ack, 0, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	static const struct t_table tables[] = { { cases }, { NULL } };

	if (victim_args(&argc, &argv))
		return 2;
	return t_main(argc, argv, tables);
}
