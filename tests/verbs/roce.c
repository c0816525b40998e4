// SPDX-License-Identifier: GPL-2.0
/*
 * Making and sealing packets: the half of roce.h without sockets.
 *
 * The ICRC is the CRC-32 of Ethernet (reflected polynomial 0xedb88320, all ones at the start,
 * complemented at the end, low byte first on the wire) over eight bytes of ones and the whole
 * packet from the IP header on, in which all that routers may change counts as ones: IPv4 TOS,
 * TTL and checksum; IPv6 traffic class, flow label and hop limit; UDP checksum; BTH byte 4.
 */
#include <string.h>

#include <arpa/inet.h>

#include "harness.h"
#include "roce.h"

void roce_addr_parse(struct roce_addr *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	a->family = strchr(text, ':') ? 6 : 4;
	if (inet_pton(a->family == 6 ? AF_INET6 : AF_INET, text, a->raw) != 1)
		t_fail("\"%s\" is no address", text);
}

void roce_addr_of_gid(struct roce_addr *a, const uint8_t *gid)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(a, 0, sizeof(*a));
	a->family = memcmp(gid, mapped, 12) ? 6 : 4;
	memcpy(a->raw, a->family == 6 ? gid : gid + 12, a->family == 6 ? 16 : 4);
}

void roce_addr_to_gid(const struct roce_addr *a, uint8_t *gid)
{
	memset(gid, 0, 16);
	if (a->family == 6) {
		memcpy(gid, a->raw, 16);
		return;
	}
	gid[10] = gid[11] = 0xff;
	memcpy(gid + 12, a->raw, 4);
}

void roce_init(struct roce *r, const struct roce_addr *src, const struct roce_addr *dst)
{
	memset(r, 0, sizeof(*r));
	r->src = *src;
	r->dst = *dst;
	r->ttl = 64;
	r->ip_id = 0x1234;
	r->sport = 0xc0de;
	r->udp_checksum = src->family == 6;
	r->flags = 0x40;	/* MigReq: the state that all RoCE traffic is in */
	r->pkey = 0xffff;
}

static uint8_t *extend(struct roce *r, size_t n)
{
	uint8_t *p = r->ext + r->ext_len;

	t_check(r->ext_len + n <= sizeof(r->ext), "too many extended headers");
	r->ext_len += n;
	return p;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, v >> 32);
	put32(p + 4, v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

void roce_reth(struct roce *r, uint64_t addr, uint32_t rkey, uint32_t len)
{
	uint8_t *p = extend(r, ROCE_RETH);

	put64(p, addr);
	put32(p + 8, rkey);
	put32(p + 12, len);
}

void roce_aeth(struct roce *r, uint8_t syndrome, uint32_t msn)
{
	put32(extend(r, ROCE_AETH), (uint32_t)syndrome << 24 | (msn & 0xffffff));
}

void roce_atmeth(struct roce *r, uint64_t addr, uint32_t rkey, uint64_t swap, uint64_t cmp)
{
	uint8_t *p = extend(r, ROCE_ATMETH);

	put64(p, addr);
	put32(p + 8, rkey);
	put64(p + 12, swap);
	put64(p + 20, cmp);
}

void roce_deth(struct roce *r, uint32_t qkey, uint32_t qpn)
{
	uint8_t *p = extend(r, ROCE_DETH);

	put32(p, qkey);
	put32(p + 4, qpn);
}

static uint32_t crc_bytes(uint32_t crc, const uint8_t *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

static void mask_ip(uint8_t *h, int v6)
{
	if (v6) {
		h[0] |= 0x0f;
		h[1] = h[2] = h[3] = h[7] = 0xff;
	} else {
		h[1] = h[8] = h[10] = h[11] = 0xff;
	}
}

uint32_t roce_icrc(const struct roce_img *img)
{
	static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	uint8_t head[60 + 8 + ROCE_BTH];
	size_t n = img->icrc < img->bth + 5 ? img->icrc : img->bth + 5;
	uint32_t crc;

	memcpy(head, img->p, n);
	mask_ip(head, img->ip == 40);
	if (n >= img->ip + 8)
		head[img->ip + 6] = head[img->ip + 7] = 0xff;
	if (n > img->bth + 4)
		head[img->bth + 4] = 0xff;
	crc = crc_bytes(0xffffffff, ones, 8);
	crc = crc_bytes(crc, head, n);
	return ~crc_bytes(crc, img->p + n, img->icrc - n);
}

static uint16_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t udp_sum(const struct roce_img *img)
{
	size_t alen = img->ip == 40 ? 32 : 8, udp_len = img->len - img->ip;
	const uint8_t *addrs = img->p + (img->ip == 40 ? 8 : 12);
	uint32_t sum = sum16(addrs, alen, 0) + IPPROTO_UDP + udp_len;
	uint16_t s = ~sum16(img->p + img->ip, udp_len, sum);

	return s ? s : 0xffff;
}

void roce_rechecksum(struct roce_img *img)
{
	uint8_t *udp = img->p + img->ip;

	if (!udp[6] && !udp[7])
		return;
	put16(udp + 6, 0);
	put16(udp + 6, udp_sum(img));
}

void roce_seal(struct roce_img *img)
{
	uint8_t *udp = img->p + img->ip;
	uint32_t icrc;

	img->len = img->icrc + ROCE_ICRC;
	if (img->ip == 40)
		put16(img->p + 4, img->len - 40);
	else
		put16(img->p + 2, img->len);
	put16(udp + 4, img->len - img->ip);
	icrc = roce_icrc(img);
	for (int i = 0; i < 4; i++)
		img->p[img->icrc + i] = icrc >> (8 * i);
	roce_rechecksum(img);
}

void roce_resize(struct roce_img *img, size_t len)
{
	img->icrc = img->bth + len;
	roce_seal(img);
}

static size_t put_ip(const struct roce *r, uint8_t *h)
{
	if (r->src.family == 6) {
		put32(h, 6U << 28 | (uint32_t)r->tos << 20 | 0x54321);
		h[6] = IPPROTO_UDP;
		h[7] = r->ttl;
		memcpy(h + 8, r->src.raw, 16);
		memcpy(h + 24, r->dst.raw, 16);
		return 40;
	}
	h[0] = 0x45;
	h[1] = r->tos;
	put16(h + 4, r->ip_id);
	put16(h + 6, 0x4000);
	h[8] = r->ttl;
	h[9] = IPPROTO_UDP;
	memcpy(h + 12, r->src.raw, 4);
	memcpy(h + 16, r->dst.raw, 4);
	return 20;
}

void roce_build(const struct roce *r, struct roce_img *img)
{
	size_t pad = -r->len & 3;
	uint8_t *bth;

	t_check(r->len < ROCE_MAX - 200, "payload of %zu bytes is too long", r->len);
	memset(img, 0, sizeof(*img));
	img->ip = put_ip(r, img->p);
	img->bth = img->ip + 8;
	img->payload = img->bth + ROCE_BTH + r->ext_len;
	img->icrc = img->payload + r->len + pad;
	put16(img->p + img->ip, r->sport);
	put16(img->p + img->ip + 2, ROCE_PORT);
	img->p[img->ip + 6] = r->udp_checksum;	/* not 0: roce_seal() fills it */
	bth = img->p + img->bth;
	bth[0] = r->opcode;
	bth[1] = r->flags | pad << 4;
	put16(bth + 2, r->pkey);
	put32(bth + 4, r->qpn & 0xffffff);
	bth[4] = r->resv8a;
	put32(bth + 8, r->psn);
	memcpy(bth + ROCE_BTH, r->ext, r->ext_len);
	if (r->len)
		memcpy(img->p + img->payload, r->payload, r->len);
	roce_seal(img);
	if (r->udp_checksum == 2)
		img->p[img->ip + 7] ^= 0x55;
}

uint8_t roce_opcode(const struct roce_img *img)
{
	return img->p[img->bth];
}

uint32_t roce_psn(const struct roce_img *img)
{
	return get32(img->p + img->bth + 8) & 0xffffff;
}

uint32_t roce_qpn(const struct roce_img *img)
{
	return get32(img->p + img->bth + 4) & 0xffffff;
}
