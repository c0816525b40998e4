// SPDX-License-Identifier: GPL-2.0
/*
 * Opening devices: the half of endpoint.h that knows names, namespaces, ports and GIDs.
 *
 * A device of another network namespace is opened from inside that namespace, since with RDMA
 * namespaces in exclusive mode it is visible only there. The open file keeps working afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"

static int netns_fd(const char *name)
{
	char path[256];
	int fd;

	if (name)
		snprintf(path, sizeof(path), "/var/run/netns/%s", name);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		t_fail("open %s: %s", path, strerror(errno));
	return fd;
}

static void netns_enter(int fd, const char *name)
{
	if (setns(fd, CLONE_NEWNET))
		t_fail("setns %s: %s", name, strerror(errno));
	close(fd);
}

static struct ibv_context *open_named(const char *name)
{
	int n = 0;
	struct ibv_device **list = ibv_get_device_list(&n);
	struct ibv_context *ctx = NULL;
	const char *found = NULL;

	for (int i = 0; list && i < n && !found; i++) {
		if (name && strcmp(name, ibv_get_device_name(list[i])))
			continue;
		found = name ?: "the first device";
		ctx = ibv_open_device(list[i]);
	}
	if (!found)
		t_fail("no RDMA device %s among %d", name ?: "at all", n);
	if (!ctx)
		t_fail("ibv_open_device(%s): %s", found, strerror(errno));
	ibv_free_device_list(list);
	return ctx;
}

static struct ibv_context *open_in(const char *name, const char *netns)
{
	struct ibv_context *ctx;
	int home;

	if (!netns)
		return open_named(name);
	home = netns_fd(NULL);
	netns_enter(netns_fd(netns), netns);
	ctx = open_named(name);
	netns_enter(home, "home");
	return ctx;
}

bool ep_gid_is_v4(const union ibv_gid *gid)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(gid->raw, mapped, sizeof(mapped));
}

/* How well a GID serves: 0 not at all, 1 link-local of the family, 2 a routable one. */
static int gid_score(const struct ibv_gid_entry *e)
{
	bool v4 = ep_gid_is_v4(&e->gid);

	if (e->gid_type != IBV_GID_TYPE_ROCE_V2 || v4 != (t_opts.family == 4))
		return 0;
	return e->gid.raw[0] == 0xfe && (e->gid.raw[1] & 0xc0) == 0x80 ? 1 : 2;
}

static void choose_gid(struct ep_dev *d, int want)
{
	struct ibv_gid_entry e;
	int best = 0;

	if (want >= 0) {
		if (ibv_query_gid(d->ctx, t_opts.port, want, &d->gid))
			t_fail("ibv_query_gid(%d): %s", want, strerror(errno));
		d->gid_index = want;
		return;
	}
	for (int i = 0; i < d->port.gid_tbl_len; i++) {
		if (ibv_query_gid_ex(d->ctx, t_opts.port, i, &e, 0) || gid_score(&e) <= best)
			continue;
		best = gid_score(&e);
		d->gid = e.gid;
		d->gid_index = i;
	}
	if (!best)
		t_fail("no RoCE v2 GID of family IPv%d", t_opts.family);
}

struct ep_dev *ep_dev_open(int side)
{
	struct ep_dev *d = calloc(1, sizeof(*d));
	int second = side && (t_opts.dev[1] || t_opts.netns[1]);

	if (!d)
		t_fail("out of memory");
	d->ctx = open_in(t_opts.dev[second], t_opts.netns[second]);
	t_zero(ibv_query_device(d->ctx, &d->attr));
	t_zero(ibv_query_port(d->ctx, t_opts.port, &d->port));
	if (d->port.state != IBV_PORT_ACTIVE)
		t_fail("port %d is %s, expected active", t_opts.port,
		       ibv_port_state_str(d->port.state));
	choose_gid(d, t_opts.gid[second]);
	d->mtu = 128 << d->port.active_mtu;
	if (t_opts.mtu && t_opts.mtu < d->mtu)
		d->mtu = t_opts.mtu;
	d->pd = ibv_alloc_pd(d->ctx);
	if (!d->pd)
		t_fail("ibv_alloc_pd: %s", strerror(errno));
	return d;
}

struct ep_dev *ep_dev(int side)
{
	static struct ep_dev *devs[2];

	if (side && !t_opts.dev[1] && !t_opts.netns[1])
		side = 0;
	if (!devs[side])
		devs[side] = ep_dev_open(side);
	return devs[side];
}

enum ibv_mtu ep_mtu(int bytes)
{
	for (int m = IBV_MTU_256; m <= IBV_MTU_4096; m++)
		if (128 << m == bytes)
			return m;
	return 0;
}

uint64_t ep_counter(const struct ep_dev *dev, const char *name)
{
	char path[256], text[32] = "";
	FILE *f;

	usleep(40000);
	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/ports/%d/hw_counters/%s",
		 ibv_get_device_name(dev->ctx->device), t_opts.port, name);
	f = fopen(path, "r");
	t_check(f && fgets(text, sizeof(text), f), "cannot read %s", path);
	fclose(f);
	return strtoull(text, NULL, 0);
}

void ep_need_mtu(int bytes)
{
	for (int side = 0; side < 2; side++)
		if (128 << ep_dev(side)->port.active_mtu < bytes)
			t_skip("active MTU is %d, the case needs %d",
			       128 << ep_dev(side)->port.active_mtu, bytes);
}

struct ibv_ah *ep_make_ah(const struct ep_dev *dev, struct ibv_pd *pd, const union ibv_gid *gid)
{
	struct ibv_ah_attr attr;
	struct ibv_ah *ah;
	int tries = 0;

	t_wait("ibv_create_ah");
	ep_ah_attr(dev, gid, &attr);
	do
		ah = ibv_create_ah(pd, &attr);
	while (!ah && errno == ETIMEDOUT && ++tries < 4);
	t_check(ah, "ibv_create_ah: %s", strerror(errno));
	return ah;
}

void ep_ah_attr(const struct ep_dev *dev, const union ibv_gid *gid, struct ibv_ah_attr *ah)
{
	memset(ah, 0, sizeof(*ah));
	ah->is_global = 1;
	ah->port_num = t_opts.port;
	ah->grh.dgid = *gid;
	ah->grh.sgid_index = dev->gid_index;
	ah->grh.hop_limit = 64;
}
