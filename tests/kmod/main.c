// SPDX-License-Identifier: GPL-2.0
/*
 * The verbs of a device as a kernel consumer sees them: what programs have no way to, which is fast
 * registration and a key for all of memory. The cases run when the module is loaded, on the device
 * that `device` names; the kernel's log has a line for each, and the sum.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rig.h"

static char *device = "rxe0";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "RDMA device under test");

static const struct {
	const char *name;
	int (*run)(struct rig *rig);
} cases[] = {
	{ "global.key", case_global_key },
	{ "global.holes", case_global_holes },
	{ "fast.sizes", case_sizes },
	{ "fast.edges", case_edges },
	{ "fast.rights", case_rights },
	{ "fast.keys", case_keys },
	{ "fast.local_key", case_local_key },
	{ "fast.zero_based", case_zero_based },
	{ "fast.limits", case_limits },
	{ "fast.errors", case_errors },
	{ "fast.chain", case_chain },
	{ "fast.staged", case_staged },
	{ "fast.fence", case_fence },
	{ "fast.irqs_off", case_irqs_off },
	{ "fast.send_inv", case_send_inv },
	{ "fast.send_inv_refused", case_send_inv_refused },
};

enum result { PASSED, FAILED, SKIPPED, NUM_RESULTS };

static enum result run_case(struct rig *rig, struct ib_device *dev, int i)
{
	static const char *const words[] = { "ok", "FAIL", "skip" };
	enum result result;
	int err = rig_open(rig, dev);

	if (!err)
		err = cases[i].run(rig);
	rig_close(rig);
	result = err == NOT_HERE ? SKIPPED : err ? FAILED : PASSED;
	pr_info("%s %s\n", words[result], cases[i].name);
	return result;
}

/* Called for each device that there is. */
static int add_one(struct ib_device *dev)
{
	int i, num[NUM_RESULTS] = { };
	struct rig *rig;

	if (strcmp(dev_name(&dev->dev), device))
		return -EOPNOTSUPP;
	rig = kzalloc(sizeof(*rig), GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		num[rig ? run_case(rig, dev, i) : FAILED]++;
	kfree(rig);
	pr_info("%d passed, %d failed, %d skipped\n", num[PASSED], num[FAILED], num[SKIPPED]);
	return 0;
}

static struct ib_client client = {
	.name = KBUILD_MODNAME,
	.add = add_one,
};

static int __init kmod_init(void)
{
	return ib_register_client(&client);
}
module_init(kmod_init);

static void __exit kmod_exit(void)
{
	ib_unregister_client(&client);
}
module_exit(kmod_exit);

MODULE_DESCRIPTION("Kernel verbs cases for soft RoCE");
MODULE_LICENSE("GPL");
