#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rds.sh: RDS over RDMA (net/rds), whose sockets are of this guest's two devices, with a wire
# between them. Messages, RDMA on memory that the kernel registers for a program, pinned and on
# demand, a device that goes and comes back, and the end of RDS.
#
# On demand comes last, and its devices are left alone: RDS never lets go of them then
# (Documentation/consumers.rst).
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_tools ip rdma python3

HERE=$(cd "$(dirname "$0")" && pwd)
# The tree is not for the programs to write to.
export PYTHONDONTWRITEBYTECODE=1
FILES=/var/tmp/rds

modules() {
	modprobe rds || skip "this kernel has no RDS"
	modprobe rds_rdma
}

rds() {
	timeout $((110 * RXE_SLOW)) "$HERE/rds.py" "$@"
}

dax() {
	local said
	modules
	said=$(bash -ec '. "$1"; mem_dax "$2"' dax "$HERE/../vm/guest-memory.sh" $FILES 2>&1) ||
		skip "no DAX file system: ${said##*$'\n'}"
	rds dax $FILES/file
}

# A connection that is lost is made again, by whoever has something to send.
removed() {
	rds messages
	timeout $((30 * RXE_SLOW)) rdma link delete "rxe$1"
	rdma link add "rxe$1" type rxe netdev "veth$1"
	rds connect
	rds messages
}

# Nothing of RDS is left in the devices.
unload() {
	local n
	rmmod rds_rdma rds
	for n in 1 2; do
		rdma link delete "rxe$n"
		rdma link add "rxe$n" type rxe netdev "veth$n"
	done
}

run_case driver 10 driver_is_loaded
run_case network 10 net_self 9000
run_case rds.modules 20 modules
if [ -d /sys/module/rds_rdma ]; then
	run_case rds.connect 120 rds connect
	run_case rds.messages 120 rds messages
	run_case rds.rdma 120 rds rdma
	run_case rds.removed.target 300 removed 2
	run_case rds.removed.source 300 removed 1
	run_case rds.unload 30 unload
	run_case rds.dax 120 dax
fi
run_case rds.log 10 log_clean
summary
