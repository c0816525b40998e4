#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# splats.sh LOG...: fails, and shows the place, if a kernel log tells of a bug: an oops, a warning,
# a sanitizer's or lockdep's report, a hung task, a leak. `splats.sh --test` checks the check.
set -euo pipefail

# One text a line, extended regular expressions.
splats='BUG:
kernel BUG at
WARNING:
KASAN:
UBSAN:
KFENCE:
KCSAN:
Oops
Kernel panic
general protection fault
double fault
Call Trace:
refcount_t:
list_(add|del) corruption
slab-(use-after-free|out-of-bounds)
possible (recursive|circular|irq lock inversion)
inconsistent lock state
suspicious RCU usage
bad unlock balance
lock held when returning to user space
INFO: task .* blocked for more than
INFO: lockdep is turned off
INFO: trying to register non-static key
detected stalls
soft lockup
hard LOCKUP
workqueue lockup
sleeping function called from invalid context
scheduling while atomic
unreferenced object
ODEBUG:
Object .* (already free|padding overwritten)
Bad page (state|map)
Bad rss-counter
page allocation failure
still [0-9]+ objects? remaining|Objects remaining
unregister_netdevice: waiting for .* to become free
DMA-API:
stack-protector:
Modules linked in:'

# Known and harmless, each with its reason; a line that matches is not looked at.
# - A processor model without some mitigation makes the kernel warn of itself at boot.
harmless='Spectre V2 : WARNING:'

one() {
	local log=$1 hits first
	hits=$(grep -nE "$splats" "$log" | grep -vE "$harmless" || true)
	[ -n "$hits" ] || return 0
	first=${hits%%:*}
	printf '%s: the kernel log tells of a bug, at line %s (%s places in all):\n' \
		"$log" "$first" "$(wc -l <<<"$hits")"
	sed -n "$((first > 3 ? first - 3 : 1)),$((first + 60))p" "$log" | sed 's/^/    | /'
	return 1
}

# Every planted text must be found and shown, every pattern must find one, a healthy log must pass.
self_test() {
	local dir plant pattern failed=0 count=0
	dir=$(mktemp -d)
	# shellcheck disable=SC2064 # the path as it is now
	trap "rm -rf '$dir'" EXIT
	printf '[    0.%06d] %s\n' 1 'Linux version 7.2.12' 2 'Spectre V2 : WARNING: as expected' \
		3 'veth0: renamed from eth0' 4 'Freeing unused kernel memory' >"$dir/healthy"
	one "$dir/healthy" || failed=1
	plants >"$dir/plants"
	while read -r plant; do
		sed "3a [    1.000000] $plant" "$dir/healthy" >"$dir/ill"
		count=$((count + 1))
		if one "$dir/ill" >"$dir/out"; then
			echo "not found: $plant"
			failed=1
		elif ! grep -qF "$plant" "$dir/out" || ! grep -q 'line 4 ' "$dir/out"; then
			echo "found, but not shown: $plant"
			failed=1
		fi
	done <"$dir/plants"
	while read -r pattern; do
		grep -qE "$pattern" "$dir/plants" && continue
		echo "nothing planted for: $pattern"
		failed=1
	done <<<"$splats"
	[ "$failed" = 0 ] || exit 1
	echo "$count planted texts found and shown, a healthy log passed"
	echo "$((count + 1)) passed, 0 failed, 0 skipped"
}

plants() {
	cat <<'PLANTS'
BUG: KASAN: slab-use-after-free in rxe_rcv+0x1/0x2
BUG: unable to handle page fault for address: 0000000000001000
BUG: sleeping function called from invalid context at mm/slab.h:1
WARNING: possible circular locking dependency detected
WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 refcount_warn_saturate+0x1/0x2
WARNING: possible recursive locking detected
kernel BUG at mm/usercopy.c:1!
Oops: general protection fault, probably for non-canonical address
Kernel panic - not syncing: Kernel mode fault
Call Trace:
refcount_t: underflow; use-after-free.
list_del corruption, 000000006 is LIST_POISON1
INFO: task kworker/0:1:9 blocked for more than 120 seconds.
rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
watchdog: BUG: soft lockup - CPU#0 stuck for 26s!
unreferenced object 0x000000006 (size 128):
ODEBUG: free active (active state 0) object type: timer_list
UBSAN: array-index-out-of-bounds in rxe/x.c:1
BUG rxe_qp (Not tainted): Objects remaining on __kmem_cache_shutdown()
unregister_netdevice: waiting for veth0 to become free. Usage count = 2
Bad page state in process test  pfn:00001
BUG: Bad rss-counter state mm:0000000012345678 type:MM_ANONPAGES val:1
BUG: KFENCE: use-after-free read in rxe_rcv+0x1/0x2
BUG: KCSAN: data-race in rxe_a / rxe_b
double fault: 0000 [#1] SMP
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
WARNING: bad unlock balance detected!
WARNING: lock held when returning to user space!
INFO: lockdep is turned off.
INFO: trying to register non-static key.
watchdog: Watchdog detected hard LOCKUP on cpu 0
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!
BUG: scheduling while atomic: test/103/0x00000002
Object 0x000000006: Object padding overwritten
test: page allocation failure: order:0, mode:0x800(GFP_ATOMIC)
DMA-API: device driver tries to free DMA memory it has not allocated
Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: m_init
Modules linked in: rdma_rxe
PLANTS
}

if [ "${1:-}" = --test ]; then
	self_test
	exit 0
fi
failed=0
for log; do
	one "$log" || failed=1
done
exit "$failed"
