#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# storage.sh [fast|full] [PATTERN...]: disks over the kernel's own consumers of RDMA, initiator and
# target both in this guest, each with a device of its own and a wire between them. Verified I/O,
# connections that come and go, either device removed under I/O, the access flags in force, kernel
# memory, and the end of all modules; and a shorter round in which the target receives by a shared
# queue, T.srq.*, where it can. fast verifies 12 MiB and connects three times, full 256 MiB and 20
# times; the shorter round is always the fast one. PATTERN selects cases, like 'nvme.*', iser.churn.
#
# A transport T brings the functions T_modules (load), T_serve and T_unserve (the target), T_attach
# and T_detach (the initiator), T_name (of the disk: fails if there is none), T_behind (a device
# that shows what is on the target's disk, or none), T_returned (the target's device was away, and
# is another one now); T_MODULES to unload in the end; T_SURVIVES: do commands wait for the
# initiator's own device to come back? T_SHARES: can the target's queue pairs share a receive queue?
# They do if $SRQ is 1.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=nvme.sh
. "$(dirname "$0")/nvme.sh"
# shellcheck source=iser.sh
. "$(dirname "$0")/iser.sh"
# shellcheck source=srp.sh
. "$(dirname "$0")/srp.sh"
need_tools ip rdma fio nvme iscsiadm python3

DISK_MIB=64 MIB=12 CONNECTS=3 SRQ=0 ROUND=''
case ${1:-} in
full) DISK_MIB=256 MIB=256 CONNECTS=20 ;;&
fast | full) shift ;;
esac
choose "$@"

# config_tree: where targets are made. The guest mounts it at its start, if it is there by then.
config_tree() {
	[ -d /sys/kernel/config ] || modprobe configfs
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
}

# Progress, past what a case keeps for itself.
exec 3>&1
told() {
	echo "  [$SECONDS s] $*" >&3
}

has_disk() {
	local name
	name=$("${T}_name") && [ -b "/dev/$name" ] && [ "$(cat "/sys/block/$name/size")" -gt 0 ]
}

no_disk() {
	! "${T}_name"
}

# receives_as_asked: by a shared queue, which queue pairs are on, or with none. The initiators never
# make one.
receives_as_asked() {
	local queues
	queues=$(rdma resource show srq)
	if [ $SRQ = 1 ]; then
		grep -qE '^dev rxe2 .* lqpn [0-9]' <<<"$queues" || fail "none is shared: $queues"
	else
		expect "$queues" '' "shared receive queues"
	fi
}

# attach: the name of the disk in `disk`.
attach() {
	"${T}_attach"
	until_true 10 has_disk
	disk=$("${T}_name")
	receives_as_asked
}

detach() {
	"${T}_detach"
	until_true 10 no_disk
}

# moved DISK: MiB written and read so far.
moved() {
	awk '{ printf "%d MiB written, %d read", $7 / 2048, $3 / 2048 }' "/sys/block/$1/stat"
}

# watched PID: until it ends, what the disk has done, every 10 seconds. Return: its status.
watched() {
	local next=$((SECONDS + 10))
	while ! ended "$1"; do
		sleep 0.2
		if [ $SECONDS -ge $next ] && [ -e "/sys/block/$disk/stat" ]; then
			told "$CASE: $(moved "$disk")"
			next=$((next + 10))
		fi
	done
	wait "$1"
}

# verified MIB [OPTION...]: see verified_on; of the disk.
verified() {
	verified_on "/dev/$disk" "$@"
}

# all_of DEVICE MIB: the first so many MiB, past the page cache.
all_of() {
	dd if="$1" bs=1M count="$2" iflag=direct status=none
}

# same_behind MIB: what the initiator reads is what is on the target's disk: not both wrong in the
# same way.
same_behind() {
	local behind
	behind=$("${T}_behind")
	[ "$behind" != none ] || return 0
	cmp <(all_of "/dev/$disk" "$1") <(all_of "$behind" "$1")
}

# verify MIB
verify() {
	local disk io
	attach
	verified "$1"
	finished watched
	same_behind "$1"
	# Reads among the writes, and two who do it.
	verified 6 --verify_backlog=64 --numjobs=2 --offset_increment=6m
	finished watched
	same_behind 12
	rdma resource show srq | sed 's/^/# /'
	detach
}

# read_part I: some blocks, each an odd number of sectors, are those of $WORK/content.
read_part() {
	local bs=$((512 * (2 * $1 + 1))) at=$((512 * 977 * ($1 % 8)))
	cmp <(dd if="/dev/$disk" bs=$bs skip=$at count=7 iflag=direct,skip_bytes status=none) \
		<(dd if="$WORK/content" bs=$bs skip=$at count=7 iflag=skip_bytes status=none)
}

disconnected() {
	! grep -q ' type RC ' < <(rdma resource show qp)
}

# churn COUNT: the core keeps completion queues for the next consumer: what counts is what is left
# after the first connection.
churn() {
	local i base disk io
	attach
	verified 8
	finished watched
	dd if="/dev/$disk" of="$WORK/content" bs=1M count=8 iflag=direct status=none
	[ "$(tr -d '\0' <"$WORK/content" | head -c 100000 | wc -c)" = 100000 ] ||
		fail "nothing is on the disk"
	detach
	until_true 10 disconnected
	sleep 1
	base=$(resources)
	for ((i = 1; i <= $1; i++)); do
		attach
		read_part "$i"
		detach
		until_true 10 same_resources "$base"
		((i % 5)) || told "$CASE: $i times"
	done
}

# ordering WORD: that of the consumer's regions, beside two of a program.
ordering() {
	local disk io
	attach
	verified 4
	finished watched
	"$HERE/regions.py" rxe1 "${T}" "$1"
	detach
}

# removed N GOES_ON: the device of veth N goes while fio is at it, and comes back; does I/O go on?
removed() {
	local n=$1 io disk rc=0
	attach
	# A rate would be simpler, but starves what is read back. And one at a time each: of a disk
	# that goes a read may find the end at once, which fio's other engine takes for a success.
	verified 4 --verify_backlog=32 --thinktime=10000 --ioengine=psync --numjobs=8 \
		--offset_increment=4m
	sleep 2
	! ended "$io" || fail "fio ended too early: $(tail -n 3 "$(output_of "$io")")"
	told "$CASE: $(moved "$disk"); removing rxe$n"
	timeout $((30 * RXE_SLOW)) rdma link delete "rxe$n"
	told "$CASE: removed"
	sleep 3
	[ "$2" != yes ] || ! ended "$io" || fail "fio ended without a device"
	rdma link add "rxe$n" type rxe netdev "veth$n"
	[ "$n" = 1 ] || "${T}_returned"
	until_true 60 ended "$io"
	wait "$io" || rc=$?
	told "$CASE: fio ended with status $rc"
	sed -n 's/^ *\(write\|read\): /# \1: /p' "$(output_of "$io")"
	! grep -i 'verify: ' "$(output_of "$io")" || fail "fio found other bytes"
	if [ "$2" = yes ]; then
		[ $rc = 0 ] || fail "I/O did not go on: $(grep -m1 -i error "$(output_of "$io")")"
	else
		[ $rc != 0 ] || fail "I/O went on"
		grep -m1 '^fio: .*error' "$(output_of "$io")" | sed 's/^/# /' || fail "no I/O error"
		until_true 20 no_disk
		attach
	fi
	verified 4
	finished watched
	receives_as_asked
	detach
}

# A thousand small commands each way, and connections.
one_round() {
	local disk io
	attach
	verified 1 --bssplit=512/50:1536/50
	finished watched
	detach
	churn 2
}

# remove MODULE: and those on top of it, which the kernel loaded by itself.
remove() {
	local holder
	for holder in "/sys/module/$1/holders/"*; do
		[ ! -e "$holder" ] || rmmod "${holder##*/}"
	done
	rmmod "$1"
}

unload() {
	local module
	[ "$T" != iser ] || iscsiadm -k 0
	for module in $1; do
		until_true 10 remove "$module"
	done
}

# at NAME LIMIT FUNCTION [ARGUMENT...]: a case of the transport. One that failed may have left a
# connection.
at() {
	local name=$1 limit=$2
	shift 2
	CASE=$T$ROUND.$name
	chosen "$CASE" || return 0
	run_case "$CASE" "$limit" "$@"
	! "${T}_name" >/dev/null 2>&1 || "${T}_detach" >/dev/null 2>&1 || true
}

# with_target CASES: the modules and the target, and CASES with them.
with_target() {
	local modules=${T^^}_MODULES
	run_case "$T$ROUND.load" 20 "${T}_modules"
	run_case "$T$ROUND.serve" 10 "${T}_serve"
	"$@"
	run_case "$T$ROUND.unserve" 10 "${T}_unserve"
	run_case "$T$ROUND.unload" 20 unload "${!modules}"
}

all_cases() {
	local survives=${T^^}_SURVIVES
	at verify $((60 + 2 * MIB)) verify "$MIB"
	at churn $((20 + 6 * CONNECTS)) churn "$CONNECTS"
	at regions 60 regions
	at memory 90 steady 100 one_round
	at target_removed 120 removed 2 yes
	at initiator_removed 120 removed 1 "${!survives}"
}

# What differs is who the target's receives belong to, and when they end.
shared_cases() {
	at verify 84 verify 12
	at churn 38 churn 3
	at target_removed 120 removed 2 yes
}

# touched CASE...: is any of these cases of the transport asked for?
touched() {
	chosen "${@/#/$T$ROUND.}"
}

one_transport() {
	local shares=${T^^}_SHARES
	! touched verify churn regions memory target_removed initiator_removed ||
		with_target all_cases
	[ "${!shares}" = yes ] || return 0
	ROUND=.srq SRQ=1
	! touched verify churn target_removed || with_target shared_cases
	ROUND='' SRQ=0
}

end_of_driver() {
	rdma link delete rxe1
	rdma link delete rxe2
	rmmod rdma_rxe
	[ ! -d /sys/module/rdma_rxe ] || fail "rdma_rxe is still there"
}

# No bug in the kernel's log, but for the one that is known.
log_but_known() {
	dmesg | srp_known >"$WORK/dmesg"
	"$NET_DIR/../vm/splats.sh" "$WORK/dmesg"
}

config_tree
run_case driver 10 driver_is_loaded
run_case network 10 net_self 9000
for T in nvme iser srp; do
	one_transport
done
run_case storage.rmmod 20 end_of_driver
run_case storage.log 10 log_but_known
summary
