#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# many.sh [COUNT]: COUNT (1,000) devices on as many dummy netdevs: made, looked at, some used,
# deleted. Prints the kernel memory that one device takes, and fails if it does not come back.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_verbs

COUNT=${1:-1000}

netdevs() {
	local n
	for ((n = 0; n < COUNT; n++)); do
		echo "link add d$n group 77 type dummy"
		echo "link set d$n up"
	done | ip -batch -
	ip addr add 10.9.9.1/24 dev d0
	ip addr add 10.9.10.1/24 dev "d$((COUNT / 2))"
	ip addr add 10.9.11.1/24 dev "d$((COUNT - 1))"
}

devices() {
	local n before now start=$SECONDS
	settle_memory
	before=$(kernel_kib)
	for ((n = 0; n < COUNT; n++)); do
		echo "link add rxe$n type rxe netdev d$n"
	done | rdma -b -
	sleep 1
	expect "$(find /sys/class/infiniband -name 'rxe*' | wc -l)" "$COUNT" "number of devices"
	now=$(kernel_kib)
	echo "$before $now" >"$WORK/kib"
	echo "# $COUNT devices in $((SECONDS - start)) s: $(((now - before) / COUNT)) KiB each"
}

used() {
	local n
	for n in 0 $((COUNT / 2)) $((COUNT - 1)); do
		rxe_verbs -d "rxe$n" -x "$RXE_SLOW" rc.write.sizes ud.imm
	done
}

deleted() {
	local n start=$SECONDS
	for ((n = 0; n < COUNT; n++)); do
		echo "link delete rxe$n"
	done | rdma -b -
	no_links || fail "devices are left: $(find /sys/class/infiniband -name 'rxe*' | wc -l)"
	echo "# deleted in $((SECONDS - start)) s"
}

# What one device took must come back, but for a tenth that allocators keep.
memory_back() {
	local before most now
	read -r before most <"$WORK/kib"
	settle_memory
	now=$(kernel_kib)
	echo "# kernel memory: $before KiB before, $most with the devices, $now after"
	((now - before <= (most - before) / 10 + 2048)) ||
		fail "$((now - before)) KiB of $((most - before)) did not come back"
}

netdevs_gone() {
	ip link del group 77
}

run_case driver 10 driver_is_loaded
run_case many.netdevs 120 netdevs
run_case many.add 300 devices
run_case many.use 30 used
run_case many.delete 300 deleted
run_case many.memory 60 memory_back
run_case many.netdevs_gone 200 netdevs_gone
summary
