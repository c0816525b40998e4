#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfs.sh [fast|full]: NFS over RDMA (net/sunrpc/xprtrdma), client and server both in this guest,
# each with a device of its own and a wire between them: files of all sizes both ways, long listings
# and names, verified I/O, mounts that come and go, the access flags in force, kernel memory, the
# server's device removed under I/O, and the end of all modules. fast verifies 12 MiB and mounts
# three times, full 256 MiB and 20 times.
#
# The server's programs do little but answer the kernel's questions about who may have what. They
# are answered in advance here, so none of them is needed.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma fio python3

export PYTHONDONTWRITEBYTECODE=1
NFSD=/proc/fs/nfsd
EXPORT=/run/nfs/export
MOUNT=/run/nfs/mount
PORT=20049
MIB=12 MOUNTS=3
[ "${1:-}" != full ] || { MIB=256 MOUNTS=20; }

modules() {
	modprobe nfsd || skip "this kernel has no NFS server"
	modprobe nfsv4
	modprobe rpcrdma
}

# answer CACHE LINE: what mountd(8) would say when asked.
answer() {
	printf '%s\n' "$2" >"/proc/net/rpc/$1/channel"
}

# The root of NFS version 4 is the one export: a file system in memory, without squashing.
answers() {
	local never=2147483647 client
	local insecure=0x2 no_subtree_check=0x400 fsid=0x2000
	for client in 10.0.0.1 10.0.0.2; do
		answer auth.unix.ip "nfsd $client $never lab"
	done
	answer nfsd.export \
		"lab $EXPORT $never $((insecure | no_subtree_check | fsid)) 65534 65534 0"
	answer nfsd.fh "lab 1 \\x00000000 $never $EXPORT"
}

serve() {
	mkdir -p $EXPORT $MOUNT /var/lib/nfs/v4recovery
	mountpoint -q $EXPORT || mount -t tmpfs -o size=600m export $EXPORT
	mountpoint -q $NFSD || mount -t nfsd nfsd $NFSD
	# Those before 4 want daemons.
	echo -2 -3 >$NFSD/versions
	echo 10 >$NFSD/nfsv4gracetime
	echo "rdma $PORT" >$NFSD/portlist
	echo 4 >$NFSD/threads
	# A kernel that would ask a program for its old clients ends their time by itself, in 10 s.
	echo Y 2>/dev/null >$NFSD/v4_end_grace || echo "# clients wait for the end of grace"
	answers
}

unserve() {
	echo 0 >$NFSD/threads
	umount $NFSD
	umount $EXPORT
}

attach() {
	mount -i -t nfs4 \
		-o "vers=4.2,proto=rdma,port=$PORT,addr=10.0.0.2,clientaddr=10.0.0.1" \
		10.0.0.2:/ $MOUNT
	grep -q " $MOUNT nfs4 .*proto=rdma" /proc/mounts
}

detach() {
	umount $MOUNT
}

files() {
	"$HERE/files.py" "$@"
}

# Written on one side, and found on the other one.
exchange() {
	attach
	files write $MOUNT 1
	files check $EXPORT 1
	files write $EXPORT 2
	files check $MOUNT 2
	detach
	attach
	files check $MOUNT 1
	files remove $MOUNT 1
	files remove $EXPORT 2
	[ -z "$(ls -A $MOUNT)" ] || fail "something is left"
	detach
}

verify() {
	local io
	attach
	# Some of more than 1 MiB, too.
	verified_on $MOUNT/fio "$1" --bssplit="${SIZES%/*}/5:1049088/5"
	finished wait
	cmp $MOUNT/fio $EXPORT/fio
	rm $MOUNT/fio
	detach
}

# churn COUNT: the core keeps completion queues for the next consumer: what counts is what is left
# after the first mount.
churn() {
	local i base
	files write $EXPORT 3
	attach
	detach
	sleep 1
	base=$(resources)
	for ((i = 1; i <= $1; i++)); do
		attach
		files check $MOUNT 3
		detach
		until_true 10 same_resources "$base"
	done
	files remove $EXPORT 3
}

# ordering WORD: that of the consumer's regions, beside two of a program.
ordering() {
	attach
	files write $MOUNT 4
	"$HERE/regions.py" rxe1 nfs "$1"
	files remove $MOUNT 4
	detach
}

# Files are read, and one is written.
one_round() {
	local i
	for i in 1 2 3; do
		attach
		files check $MOUNT 5
		cp $MOUNT/sized.5.3000001 $MOUNT/copy
		cmp $EXPORT/sized.5.3000001 $EXPORT/copy
		rm $MOUNT/copy
		detach
	done
}

memory() {
	files write $EXPORT 5
	steady 100 one_round
	files remove $EXPORT 5
}

# The server's device goes while fio is at it, and comes back: a mount waits for that.
removed() {
	local io
	attach
	verified_on $MOUNT/fio 4 --verify_backlog=32 --thinktime=10000 --numjobs=4 \
		--offset_increment=4m
	sleep 2
	! ended "$io" || fail "fio ended too early: $(tail -n 3 "$(output_of "$io")")"
	timeout $((30 * RXE_SLOW)) rdma link delete rxe2
	sleep 3
	! ended "$io" || fail "fio ended without a device: $(tail -n 3 "$(output_of "$io")")"
	rdma link add rxe2 type rxe netdev veth2
	until_true 90 ended "$io"
	finished wait
	rm $MOUNT/fio
	detach
}

unload() {
	rmmod rpcrdma
	rdma link delete rxe1
	rdma link delete rxe2
	rmmod rdma_rxe
}

run_case driver 10 driver_is_loaded
run_case network 10 net_self 9000
run_case nfs.modules 20 modules
if [ -d /sys/module/rpcrdma ]; then
	run_case nfs.serve 30 serve
	run_case nfs.exchange 60 exchange
	run_case nfs.verify $((60 + 2 * MIB)) verify "$MIB"
	run_case nfs.churn $((30 + 6 * MOUNTS)) churn "$MOUNTS"
	run_case nfs.regions 60 regions
	run_case nfs.memory 90 memory
	run_case nfs.removed 180 removed
	run_case nfs.unserve 30 unserve
	run_case nfs.unload 30 unload
fi
run_case nfs.log 10 log_clean
summary
