// SPDX-License-Identifier: GPL-2.0
/*
 * verbs.*: what the device claims, what registering costs and is refused, and the counters.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rdma/ib_user_ioctl_verbs.h>

#include "advise.h"
#include "cases.h"
#include "rig.h"

enum { LEN = 6 * 4096 + 77, BIG = 64 << 20, NOBODY = 65534 };

/* Bits of the ABI that older headers have no names for: FLUSH and ATOMIC WRITE, device and ODP. */
static uint32_t device_placement(void)
{
	struct ibv_device_attr_ex attr;

	t_zero(ibv_query_device_ex(ep_dev(0)->ctx, NULL, &attr));
	return (attr.device_cap_flags_ex >> 38 & 1) << 6 |
	       (attr.device_cap_flags_ex >> 40 & 1) << 7;
}

/* What is claimed is what the other cases use: not more, not less. */
static void caps(const struct t_case *c)
{
	uint32_t want = IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_WRITE |
			IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC, ud, rc, uc, rc_want;
	struct ibv_odp_caps caps;

	(void)c;
	odp_needed();
	caps = odp_caps(0);
	rc = caps.per_transport_caps.rc_odp_caps;
	ud = caps.per_transport_caps.ud_odp_caps;
	uc = caps.per_transport_caps.uc_odp_caps;
	t_note("general %#lx, rc %#x, ud %#x, uc %#x", caps.general_caps, rc, ud, uc);
	t_check(caps.general_caps == (IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT),
		"general_caps: got %#lx, expected on-demand paging and implicit",
		caps.general_caps);
	/* Without it the cases atomic.* skip, which are its proof. */
	t_check(ep_dev(1)->attr.atomic_cap == IBV_ATOMIC_GLOB,
		"atomic_cap: got %d, expected IBV_ATOMIC_GLOB", ep_dev(1)->attr.atomic_cap);
	if (ep_dev(0)->attr.max_srq)
		want |= IBV_ODP_SUPPORT_SRQ_RECV;
	rc_want = want | device_placement();
	t_check(rc == rc_want, "rc_odp_caps: got %#x, expected %#x", rc, rc_want);
	want &= IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_SRQ_RECV;
	t_check(ud == want, "ud_odp_caps: got %#x, expected %#x", ud, want);
	want |= IBV_ODP_SUPPORT_WRITE;
	t_check(uc == want, "uc_odp_caps: got %#x, expected %#x", uc, want);
}

/* Registration is refused where the flags or the range make no sense, and for nothing else. */
static void registers(const struct t_case *c)
{
	struct ep_dev *dev = ep_dev(0);
	size_t page = odp_page();
	struct ibv_mr *mr;
	uint8_t *p;

	(void)c;
	odp_needed();
	p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(p != MAP_FAILED, "mmap");
	mr = ibv_reg_mr(dev->pd, p, page, IBV_ACCESS_ON_DEMAND | IBV_ACCESS_REMOTE_WRITE);
	t_check(!mr && errno == EINVAL, "REMOTE_WRITE without LOCAL_WRITE: got %s",
		mr ? "success" : t_errname(errno));
	mr = ibv_reg_mr(dev->pd, (void *)(~0UL - page + 1), 2 * page,
			IBV_ACCESS_ON_DEMAND | IBV_ACCESS_REMOTE_READ);
	t_check(!mr, "a range that wraps around was registered");
	mr = ibv_reg_mr(dev->pd, NULL, SIZE_MAX, IBV_ACCESS_LOCAL_WRITE);
	t_check(!mr, "the whole address space was registered without on-demand paging");
	/* Memory that is not there yet is what on-demand is for. */
	t_check(!munmap(p, 4 * page), "munmap");
	mr = odp_reg(dev, p, 4 * page, RIGHTS_ALL);
	t_zero(ibv_dereg_mr(mr));
	mr = odp_reg(dev, p, 4 * page, RIGHTS_ALL | IBV_ACCESS_RELAXED_ORDERING);
	t_zero(ibv_dereg_mr(mr));
	mr = odp_reg(dev, p, 4 * page, RIGHTS_ALL | IBV_ACCESS_HUGETLB);
	t_zero(ibv_dereg_mr(mr));
}

/* A number of /proc/self/status in KiB. */
static long status(const char *key)
{
	return file_number("/proc/self/status", key);
}

/*
 * A program without rights and with RLIMIT_MEMLOCK 0 cannot pin, and need not: both ends work on
 * demand. It opens the device itself; a file opened by root would not take its doorbells.
 */
static void memlock(const struct t_case *c)
{
	struct rlimit none = { };
	struct xfer x = { IBV_WR_RDMA_WRITE, NULL, NULL, 13, 13, LEN - 32, 0 };
	struct ep_cfg cfg;
	struct ep_pair p;
	struct mem to, from;
	struct ibv_mr *mr;

	(void)c;
	odp_needed();
	t_check(!setrlimit(RLIMIT_MEMLOCK, &none), "setrlimit: %s", strerror(errno));
	t_check(!setresuid(NOBODY, NOBODY, NOBODY), "setresuid: %s", strerror(errno));
	mem_plain(&to, PLACE_ANON, LEN, 1001, false);
	mem_plain(&from, PLACE_ANON, LEN, 37, false);
	mr = ibv_reg_mr(ep_dev(1)->pd, to.b.p, to.b.len, RIGHTS_ALL);
	t_check(!mr && (errno == EPERM || errno == ENOMEM),
		"pinning with RLIMIT_MEMLOCK 0: got %s, expected EPERM or ENOMEM",
		mr ? "success" : t_errname(errno));
	mr = ibv_reg_mr(ep_dev(1)->pd, NULL, SIZE_MAX, RIGHTS_ALL | IBV_ACCESS_ON_DEMAND);
	t_check(mr, "an implicit region of nobody's: %s", strerror(errno));
	mem_reg(&to, ep_dev(1), RIGHTS_ALL);
	mem_reg(&from, ep_dev(0), RIGHTS_ALL);
	cfg = ep_rc();
	ep_pair_open(&p, &cfg);
	x.src = &from.b;
	x.dst = &to.b;
	xfer_run(&p, &x);
}

/* Nothing is pinned or locked for a region on demand; a pinned one shows that the count works. */
static void vmpin(const struct t_case *c)
{
	long before, lck;
	struct ibv_mr *mr;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	before = status("VmPin");
	lck = status("VmLck");
	t_check(before >= 0 && lck >= 0, "no VmPin or VmLck in /proc/self/status");
	mr = ibv_reg_mr(r.p.b.dev->pd, r.m.b.p, r.m.b.len, RIGHTS_ALL);
	t_check(mr && status("VmPin") > before, "a pinned region does not show in VmPin");
	t_zero(ibv_dereg_mr(mr));
	mr = odp_reg(r.p.b.dev, mmap(NULL, BIG, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), BIG, RIGHTS_ALL);
	rig_warm(&r);
	rig_proves(&r, "regions on demand");
	t_check(status("VmPin") == before && status("VmLck") == lck,
		"VmPin went from %ld to %ld KiB, VmLck from %ld to %ld", before, status("VmPin"),
		lck, status("VmLck"));
	t_zero(ibv_dereg_mr(mr));
	rig_close(&r);
}

/* The counters of one region: faults when pages come, invalidations when they go. */
static void mr_counters(const struct t_case *c)
{
	struct mr_stats s[4];
	struct mem m;
	struct rig r;

	(void)c;
	odp_needed();
	pages_stay();
	mem_holes(&m, PLACE_ANON, LEN, 1001);
	rig_around(&r, &m);
	s[0] = mr_stats(r.p.b.dev, r.m.b.mr);
	t_check(!s[0].faults && !s[0].invalidations && !s[0].prefetches,
		"a new region has counters %lu, %lu, %lu", s[0].faults, s[0].invalidations,
		s[0].prefetches);
	rig_write(&r);
	s[1] = mr_stats(r.p.b.dev, r.m.b.mr);
	t_check(s[1].faults > 0, "page_faults stays 0 when pages come");
	rig_write(&r);
	s[2] = mr_stats(r.p.b.dev, r.m.b.mr);
	t_check(s[2].faults == s[1].faults, "page_faults went up by %lu without a fault",
		s[2].faults - s[1].faults);
	t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "madvise");
	s[3] = mr_stats(r.p.b.dev, r.m.b.mr);
	t_check(s[3].invalidations > s[2].invalidations,
		"page_invalidations stays %lu when pages go", s[3].invalidations);
	t_check(!s[3].prefetches, "page_prefetch went up by %lu without a prefetch",
		s[3].prefetches);
	rig_write(&r);
	t_check(mr_stats(r.p.b.dev, r.m.b.mr).faults > s[3].faults,
		"page_faults stays %lu when pages come again", s[3].faults);
	rig_close(&r);
}

/* The counters of the device, which sum over its regions. */
static void dev_counters(const struct t_case *c)
{
	static const char *const names[] = { "odp_page_faults",
						"odp_page_invalidations" };
	uint64_t before[2];
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	for (int i = 0; i < 2; i++)
		before[i] = ep_counter(ep_dev(1), names[i]);
	rig_write(&r);
	t_check(ep_counter(ep_dev(1), names[0]) > before[0], "%s stays %lu", names[0], before[0]);
	t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "madvise");
	t_check(ep_counter(ep_dev(1), names[1]) > before[1], "%s stays %lu", names[1], before[1]);
	rig_close(&r);
}

static const char *const tool_names[] = {
	"odp_page_faults", "odp_page_invalidations", "odp_page_prefetch", "odp_page_retries",
};

enum { TOOL_NAMES = sizeof(tool_names) / sizeof(tool_names[0]) };

/* Two looks at one thing: those of a tool, and those of sysfs. */
static void same_by_tool(uint64_t *sum)
{
	uint64_t tool;

	for (int i = 0; i < TOOL_NAMES; i++) {
		sum[i] = ep_counter(ep_dev(1), tool_names[i]);
		tool = link_stat(1, tool_names[i]);
		t_check(tool == sum[i], "%s: the tool says %lu, sysfs %lu", tool_names[i], tool,
			sum[i]);
	}
}

/* What `rdma statistic show link` prints is what sysfs has, before and after pages come and go. */
static void tool_counters(const struct t_case *c)
{
	uint64_t before[TOOL_NAMES], after[TOOL_NAMES];
	struct ibv_sge sge;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	same_by_tool(before);
	rig_write(&r);
	t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "madvise");
	sge = buf_sge(&r.m.b, 0, LEN);
	t_zero(advise_ioctl(r.p.b.dev->pd, IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH,
			    IB_UVERBS_ADVISE_MR_FLAG_FLUSH, &sge, 1));
	same_by_tool(after);
	for (int i = 0; i < 3; i++)
		t_check(after[i] > before[i], "%s stays %lu", tool_names[i], before[i]);
	rig_close(&r);
}

/* Faults that fail are no leak: as many objects as before, however often. */
static void objects_stay(const struct t_case *c)
{
	int mrs = objects(1, "mr"), qps = objects(1, "qp");
	struct rig r;

	(void)c;
	for (int i = 0; i < 20; i++) {
		rig_open(&r, PLACE_ANON, LEN);
		rig_warm(&r);
		rig_close(&r);
	}
	t_check(objects(1, "mr") == mrs && objects(1, "qp") == qps,
		"%d regions and %d QPs, expected %d and %d", objects(1, "mr"), objects(1, "qp"),
		mrs, qps);
}

const struct t_case cases_verbs[] = {
	{ "verbs.caps", caps, 0, 0, 0 },
	{ "verbs.registers", registers, 0, 0, 0 },
	{ "verbs.memlock", memlock, 0, 0, 0 },
	{ "verbs.vmpin", vmpin, 0, 0, 0 },
	{ "verbs.counters.mr", mr_counters, 0, 0, 0 },
	{ "verbs.counters.device", dev_counters, 0, 0, 0 },
	{ "verbs.counters.tool", tool_counters, 0, 0, 0 },
	{ "verbs.objects", objects_stay, 0, 0, 0 },
	{ }
};
