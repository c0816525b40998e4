/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A QP under attack: a real RC or UD QP whose peer exists only as packets that we make, and a live
 * pair of QPs beside it whose data must not suffer.
 *
 * The attacker's namespace and address come from the command line: PROGRAM NETNS ADDRESS COUNTER
 * [options]; the victim's device is that of option -d, opened in the namespace of option -n.
 */
#ifndef TESTS_VERBS_VICTIM_H
#define TESTS_VERBS_VICTIM_H

#include "roce.h"
#include "xfer.h"

enum { PHANTOM_QPN = 0x00a77a, VICTIM_ROOM = 16384 };

struct victim {
	struct roce_wire wire;
	struct roce_addr me, it;	/* the attacker's address, the victim's */
	struct ep e;
	struct ep_peer phantom;
	struct buf buf;			/* the victim's memory: receives, and RDMA target */
	uint32_t psn;			/* the next that the victim expects */
	struct ep_pair live;
};

/* victim_args - take NETNS ADDRESS COUNTER off the command line; returns the new argc and argv. */
int victim_args(int *argc, char ***argv);

/* victim_open - an RC QP connected to the phantom, receives not posted, and the live pair. */
void victim_open(struct victim *v);
/* victim_again - RESET and connect again with new PSNs; throws completions away. */
void victim_again(struct victim *v);

/* victim_packet - a packet from the phantom to the victim with the next PSN. */
void victim_packet(struct victim *v, struct roce *r, uint8_t opcode);
void victim_send(struct victim *v, const struct roce *r);

/* victim_recv - post a receive of @len bytes at offset @off of the buffer. */
void victim_recv(struct victim *v, size_t off, size_t len);

/* victim_takes - the receive completes with @len bytes of stream @seed from @pos at @off. */
void victim_takes(struct victim *v, size_t off, size_t len, uint64_t seed, uint64_t pos);

/* victim_ignores - no completion, QP in RTS, buffer unchanged. */
void victim_ignores(struct victim *v, const char *what);

/* victim_lives - a good SEND is taken at the next PSN, and the live pair carries good data. */
void victim_lives(struct victim *v);

/* victim_ack - the phantom acknowledges up to @psn. */
void victim_ack(struct victim *v, uint32_t psn);

/* victim_counter - the counter of the command line, 0 if it is "-". */
uint64_t victim_counter(struct victim *v);
bool victim_counts(void);

/* victim_drops - the counter of a reason, such as "drop_pkey"; 0 if COUNTER is "-". */
uint64_t victim_drops(struct victim *v, const char *reason);

/* victim_counted - the counter of the command line is @n above @before within 2 s, and no more. */
void victim_counted(struct victim *v, uint64_t before, uint64_t n);

/* victim_dropped - the same for the counter of a reason. */
void victim_dropped(struct victim *v, const char *reason, uint64_t before, uint64_t n);

/* victim_answer - catch packets for the phantom until one of opcode @opcode, at most 5 s. */
void victim_answer(struct victim *v, uint8_t opcode, struct roce_img *img);

/* victim_request - the same, until one of PSN @psn: an older one may have been sent again. */
void victim_request(struct victim *v, uint8_t opcode, uint32_t psn, struct roce_img *img);

#endif
