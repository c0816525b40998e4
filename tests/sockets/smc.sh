#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# smc.sh: SMC-R (net/smc, version 2), stream sockets between two name spaces with a device each, of
# which neither sees the other's: SMC would use that, too. What a program sends goes by TCP when SMC
# finds no device that it can use, and the program does not notice: the devices' counters tell.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_tools ip rdma python3

HERE=$(cd "$(dirname "$0")" && pwd)
# The tree is not for the programs to write to.
export PYTHONDONTWRITEBYTECODE=1

modules() {
	modprobe smc || skip "this kernel has no SMC"
	"$HERE/smc.py" identify
}

# sent N: bytes, by the device of name space N.
sent() {
	in_ns "$1" cat "/sys/class/infiniband/rxe$1/ports/1/hw_counters/sent_bytes"
}

# talk: three connections with 4.6 MB each way.
talk() {
	local server rc=0
	start server in_ns 2 "$HERE/smc.py" serve 10.0.0.2
	until_true 20 grep -q listening "$(output_of "$server")"
	in_ns 1 timeout $((60 * RXE_SLOW)) "$HERE/smc.py" connect 10.0.0.2
	wait "$server" || rc=$?
	cat "$(output_of "$server")"
	[ $rc = 0 ] || fail "the server ended with status $rc"
}

# exchange: the same, by RDMA.
exchange() {
	local n before=() now
	for n in 1 2; do
		before[n]=$(sent $n)
	done
	talk
	for n in 1 2; do
		now=$(($(sent $n) - before[n]))
		echo "# rxe$n has sent $now bytes"
		[ $now -gt 13000000 ] || fail "rxe$n has sent $now bytes: this was TCP"
	done
}

# Two name spaces that ask their peers each second whether they are there.
network() {
	local n
	netns_mode exclusive
	up_two 9000
	for n in 1 2; do
		in_ns $n sysctl -q net.smc.smcr_testlink_time=1
	done
}

has_no_links() {
	! grep -q '\[smc' < <(in_ns "$1" rdma resource show qp)
}

# removed N OTHER: the other side knows that its peer's device has gone when that is silent. A
# connection made before goes by the old link, and is lost. The first ones with the new device may
# still use TCP.
removed() {
	! has_no_links "$2" || fail "there is no QP of SMC"
	in_ns "$1" timeout $((30 * RXE_SLOW)) rdma link delete "rxe$1"
	until_true 60 has_no_links "$2"
	in_ns "$1" rdma link add "rxe$1" type rxe netdev "veth$1"
	place "$1"
	until_true 20 in_ns "$1" grep -q ACTIVE "/sys/class/infiniband/rxe$1/ports/1/state"
	talk
	exchange
}

unload() {
	down_two
	netns_mode shared
	rmmod smc_diag 2>/dev/null || true
	until_true 20 rmmod smc
}

run_case driver 10 driver_is_loaded
run_case smc.modules 20 modules
if [ -d /sys/module/smc ]; then
	run_case network 20 network
	run_case smc.exchange 120 exchange
	run_case smc.again 120 exchange
	run_case smc.removed.server 180 removed 2 1
	run_case smc.removed.client 180 removed 1 2
	run_case smc.unload 60 unload
fi
run_case smc.log 10 log_clean
summary
