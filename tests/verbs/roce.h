/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RoCEv2 packets made by hand: built from fields, with an ICRC of our own computing, sent from a
 * raw socket of a chosen namespace, and caught on their way back. Nothing here is shared with the
 * driver, so that a mistake in one is seen by the other.
 *
 * Words: the "image" of a packet is its IP header, UDP header, BTH, extended headers, payload, pad
 * and ICRC, in one array. Offsets into it are the same for all packets of a family.
 */
#ifndef TESTS_VERBS_ROCE_H
#define TESTS_VERBS_ROCE_H

#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

enum {
	ROCE_PORT = 4791,
	ROCE_MAX = 9000,	/* bytes of an image */
	ROCE_BTH = 12, ROCE_DETH = 8, ROCE_RETH = 16, ROCE_AETH = 4, ROCE_ATMETH = 28, ROCE_IMM = 4,
	ROCE_ICRC = 4,
	/* Opcodes of reliable connections, and one of datagrams. */
	OP_SEND_FIRST = 0x00, OP_SEND_MIDDLE = 0x01, OP_SEND_LAST = 0x02, OP_SEND_ONLY = 0x04,
	OP_WRITE_FIRST = 0x06, OP_WRITE_MIDDLE = 0x07, OP_WRITE_LAST = 0x08, OP_WRITE_ONLY = 0x0a,
	OP_READ_REQUEST = 0x0c, OP_READ_RESP_FIRST = 0x0d, OP_READ_RESP_ONLY = 0x10,
	OP_ACK = 0x11, OP_ATOMIC_ACK = 0x12, OP_CMP_SWP = 0x13, OP_FETCH_ADD = 0x14,
	OP_UD_SEND_ONLY = 0x64,
};

/* struct roce_addr - one end: an IPv4 or an IPv6 address. */
struct roce_addr {
	int family;		/* 4 or 6 */
	uint8_t raw[16];	/* IPv4: the first four */
};

/* struct roce - the fields of a packet; roce_init() gives each its usual value. */
struct roce {
	struct roce_addr src, dst;
	uint8_t tos, ttl;
	uint16_t ip_id;
	uint16_t sport;
	int udp_checksum;	/* 0: none (IPv4 only), 1: right, 2: wrong */
	uint8_t opcode;
	uint8_t flags;		/* BTH byte 1: SE, MigReq, pad count, version */
	uint16_t pkey;
	uint8_t resv8a;		/* BTH byte 4: FECN, BECN, reserved */
	uint32_t qpn;
	uint32_t psn;		/* bit 31: AckReq */
	uint8_t ext[64];	/* extended headers */
	size_t ext_len;
	const void *payload;
	size_t len;
};

/* struct roce_img - a finished packet. */
struct roce_img {
	uint8_t p[ROCE_MAX];
	size_t len;
	size_t ip;		/* bytes of the IP header: where the UDP header starts */
	size_t bth;		/* where the BTH starts */
	size_t payload;		/* where the payload starts */
	size_t icrc;		/* where the ICRC starts */
};

void roce_addr_parse(struct roce_addr *a, const char *text);
void roce_addr_of_gid(struct roce_addr *a, const uint8_t *gid);
void roce_addr_to_gid(const struct roce_addr *a, uint8_t *gid);

void roce_init(struct roce *r, const struct roce_addr *src, const struct roce_addr *dst);
/* roce_reth - append address, key and length of an RDMA operation to the extended headers. */
void roce_reth(struct roce *r, uint64_t addr, uint32_t rkey, uint32_t len);
void roce_aeth(struct roce *r, uint8_t syndrome, uint32_t msn);
void roce_atmeth(struct roce *r, uint64_t addr, uint32_t rkey, uint64_t swap, uint64_t cmp);
void roce_deth(struct roce *r, uint32_t qkey, uint32_t qpn);

/* roce_build - the image, with pad count, lengths and ICRC right. */
void roce_build(const struct roce *r, struct roce_img *img);
/* roce_seal - compute the ICRC of an image whose length or bytes were changed by hand. */
void roce_seal(struct roce_img *img);
/* roce_rechecksum - make the UDP checksum right again, if the image has one. */
void roce_rechecksum(struct roce_img *img);
/* roce_icrc - the ICRC that the image should have. */
uint32_t roce_icrc(const struct roce_img *img);
/* roce_resize - cut the image (ICRC excluded) to @len bytes behind the UDP header, and seal it. */
void roce_resize(struct roce_img *img, size_t len);

/* struct roce_wire - sockets in the attacker's namespace. */
struct roce_wire {
	int raw;		/* sends images */
	int capture;		/* sees what arrives */
	int port;		/* holds UDP port 4791, so that nobody answers with ICMP */
	int family;
};

void roce_open(struct roce_wire *w, const char *netns, int family);
void roce_send(struct roce_wire *w, const struct roce_img *img);
/* roce_catch - the next RoCE packet that arrives, within @ms; 0 on success, -1 if none came. */
int roce_catch(struct roce_wire *w, struct roce_img *img, int ms);

/* Fields of a caught image. */
uint8_t roce_opcode(const struct roce_img *img);
uint32_t roce_psn(const struct roce_img *img);
uint32_t roce_qpn(const struct roce_img *img);

#endif
