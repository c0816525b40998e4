/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two processes, one on each end of a network: a TCP connection on which they agree what to do, and
 * a pair of QPs on which they do it.
 *
 * The "driver" posts operations; the "follower" owns the remote buffer, posts receives, and checks
 * what arrived. Normally the client drives; a case may turn the roles. Each step is a message from
 * the driver and an answer from the follower; a failure at the follower travels back as text, so
 * that it is reported at the client.
 */
#ifndef TESTS_VERBS_PEER_H
#define TESTS_VERBS_PEER_H

#include "xfer.h"

enum peer_kind { PEER_HELLO, PEER_PREPARE, PEER_CHECK, PEER_BYE, PEER_FAILED };

/* struct peer_msg - one step; both ends are on one machine, so it travels as it is. */
struct peer_msg {
	enum peer_kind kind;
	enum ibv_wr_opcode code;
	enum ibv_qp_type type;		/* HELLO */
	bool turned;			/* HELLO: the server drives */
	bool traffic;			/* HELLO: endless receives, no checks at the follower */
	int mtu;			/* HELLO */
	struct ep_peer peer;		/* HELLO */
	size_t len;			/* of the transfer */
	size_t off;			/* in the follower's buffer */
	uint64_t seed, pos;		/* of the driver's data; answer: of the follower's buffer */
	uint64_t value;			/* atomics: before; CHECK: after */
	uint32_t imm;			/* immediate data, in host order */
	uint64_t addr;			/* answer: of the follower's buffer */
	uint32_t rkey;
	char text[400];			/* FAILED */
};

/* struct peer_link - one connection of the two processes. */
struct peer_link {
	int sock;
	struct ep e;
	struct ep_peer other;
	struct buf buf;			/* follower: what is written and read */
};

/* peer_address - where the two meet; set by main. */
extern const char *peer_host, *peer_port;

void peer_send(struct peer_link *l, const struct peer_msg *m);
/* peer_get - the next message; fails the case on FAILED, or if the other end is gone. */
void peer_get(struct peer_link *l, struct peer_msg *m);
/* peer_try_get - the same, but false if the other end closed the connection. */
bool peer_try_get(struct peer_link *l, struct peer_msg *m);

/* peer_dial - the client's half of the greeting; fills @hello's peer fields itself. */
void peer_dial(struct peer_link *l, struct peer_msg *hello);
/* peer_serve - accept connections until @seconds pass without one; returns the exit status. */
int peer_serve(int seconds, void (*serve)(struct peer_link *l, const struct peer_msg *hello));

/* The two roles, in peer_cases.c. */
void peer_follow(struct peer_link *l, const struct peer_msg *hello);
void peer_served(struct peer_link *l, const struct peer_msg *hello);
int peer_traffic(int seconds);

extern const struct t_case peer_cases[];

#endif
