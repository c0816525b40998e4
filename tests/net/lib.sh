# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of this folder share: cases with a deadline, the closing line, namespaces with
# devices, and readings of counters and resources. Sourced, as root, inside a guest whose init name
# space has no RDMA device yet.
#
# Variables that the caller may set:
#   RXE_DRIVER  ours or inbox: which rdma_rxe must be loaded (default: $LAB_DRIVER, else ours)
#   RXE_TESTS   folder of rxe_verbs and its sisters (default: /opt/rxe-tests, else ../verbs/build)
#   RXE_SLOW    factor on every deadline (default: 10 on a debug kernel, 5 in QEMU, else 1)
#
# A case is a function. It succeeds, or fails at its first failing command, or calls skip REASON;
# its output is shown when it fails. Lines are "ok NAME TIME", "FAIL NAME (reason) TIME" and "skip
# NAME (reason) TIME"; the last line is "N passed, N failed, N skipped".

NET_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../vm/guest-net.sh
. "$NET_DIR/../vm/guest-net.sh"

RXE_DRIVER=${RXE_DRIVER:-${LAB_DRIVER:-ours}}
case ${LAB_VARIANT:-}.${LAB_KIND:-} in
debug.*) RXE_SLOW=${RXE_SLOW:-10} ;;
*.qemu) RXE_SLOW=${RXE_SLOW:-5} ;;
*) RXE_SLOW=${RXE_SLOW:-1} ;;
esac
if [ -z "${RXE_TESTS:-}" ]; then
	RXE_TESTS=$NET_DIR/../verbs/build
	[ ! -x /opt/rxe-tests/rxe_verbs ] || RXE_TESTS=/opt/rxe-tests
fi
PATH=$RXE_TESTS:$PATH
WORK=$(mktemp -d)
NET_PASSED=0 NET_FAILED=0 NET_SKIPPED=0
# What choose() was given: each pattern, and whether a case was found that it selects.
declare -A CHOICE=()

die() {
	echo "${0##*/}: $*" >&2
	exit 2
}

# skip REASON: ends the running case.
skip() {
	echo "$*"
	exit 77
}

# fail TEXT: ends the running case.
fail() {
	echo "$*"
	exit 1
}

# expect GOT WANT WHAT
expect() {
	[ "$1" = "$2" ] || fail "$3: got '$1', expected '$2'"
}

need_tools() {
	local t
	for t; do
		command -v "$t" >/dev/null || die "$t is missing: install the package that has it"
	done
}

# driver_is_loaded: the rdma_rxe in the kernel is the one that this run is about. A module built
# outside of the kernel carries the taint flag O.
driver_is_loaded() {
	local taint
	[ -d /sys/module/rdma_rxe ] || modprobe rdma_rxe || fail "rdma_rxe is not loaded"
	taint=$(cat /sys/module/rdma_rxe/taint)
	case $RXE_DRIVER in
	ours) [[ $taint == *O* ]] || fail "the in-box rdma_rxe is loaded (taint '$taint')" ;;
	inbox) [[ $taint != *O* ]] || fail "another rdma_rxe is loaded (taint '$taint')" ;;
	*) fail "RXE_DRIVER is '$RXE_DRIVER', expected ours or inbox" ;;
	esac
}

# load_module: the driver that this run is about, wherever the lab put it.
load_module() {
	if [ "$RXE_DRIVER" = ours ] && [ -f /job/rdma_rxe.ko ]; then
		insmod /job/rdma_rxe.ko
	else
		modprobe rdma_rxe
	fi
}

seconds_since() {
	local us=$((${EPOCHREALTIME/./} - ${1/./}))
	printf '%d.%02ds' $((us / 1000000)) $((us / 10000 % 100))
}

# watch_case PID LIMIT: kills the process group of a case that takes too long.
watch_case() {
	local i
	for ((i = 0; i < $2 * 5; i++)); do
		sleep 0.2
		kill -0 "$1" 2>/dev/null || return 0
	done
	echo "no end after $2 s" >>"$WORK/out"
	touch "$WORK/hung"
	kill -9 -- "-$1" 2>/dev/null
}

# run_case NAME LIMIT FUNCTION [ARG...]
run_case() {
	local name=$1 limit=$(($2 * RXE_SLOW)) start=$EPOCHREALTIME pid watcher rc=0 reason
	shift 2
	rm -f "$WORK/hung"
	: >"$WORK/out"
	set -m
	(
		set -euo pipefail
		"$@"
	) >>"$WORK/out" 2>&1 </dev/null &
	pid=$!
	watch_case "$pid" "$limit" >/dev/null 2>&1 &
	watcher=$!
	set +m
	wait "$pid" 2>/dev/null || rc=$?
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	reason=$(tail -n 1 "$WORK/out")
	# What a case left in the background ends with it.
	kill -9 -- "-$pid" 2>/dev/null || true
	case $rc in
	0)
		NET_PASSED=$((NET_PASSED + 1))
		echo "ok $name $(seconds_since "$start")"
		grep '^#' "$WORK/out" || true
		;;
	77)
		NET_SKIPPED=$((NET_SKIPPED + 1))
		echo "skip $name ($reason) $(seconds_since "$start")"
		;;
	*)
		NET_FAILED=$((NET_FAILED + 1))
		echo "FAIL $name ($reason) $(seconds_since "$start")"
		sed 's/^/    | /' "$WORK/out" | tail -n 40
		;;
	esac
}

# choose PATTERN...: only cases whose names match one of the patterns; all if there is none.
choose() {
	local pattern
	for pattern; do
		CHOICE[$pattern]=''
	done
}

# chosen NAME...: is one of these cases asked for?
chosen() {
	local name pattern found=
	((${#CHOICE[@]})) || return 0
	for name; do
		for pattern in "${!CHOICE[@]}"; do
			# shellcheck disable=SC2053 # a pattern it is
			[[ $name != $pattern ]] || CHOICE[$pattern]=1 found=1
		done
	done
	[ -n "$found" ]
}

# summary: the closing line; the script's exit status is its.
summary() {
	local pattern
	for pattern in "${!CHOICE[@]}"; do
		[ -z "${CHOICE[$pattern]}" ] || continue
		NET_FAILED=$((NET_FAILED + 1))
		echo "FAIL $pattern (no case of this selection has such a name)"
	done
	echo "$NET_PASSED passed, $NET_FAILED failed, $NET_SKIPPED skipped"
	[ $NET_FAILED = 0 ] && [ $((NET_PASSED + NET_SKIPPED)) != 0 ]
}

# in_ns N COMMAND...: in name space nsN.
in_ns() {
	local n=$1
	shift
	ip netns exec "ns$n" "$@"
}

# start VARIABLE COMMAND...: in the background, its process id in VARIABLE, its output in a file
# named by output_of.
start() {
	local -n start_pid=$1
	local file
	file=$(mktemp "$WORK/started.XXXXXX")
	shift
	"$@" >"$file" 2>&1 </dev/null &
	start_pid=$!
	ln -sf "$file" "$WORK/out.$start_pid"
}

# forget_outputs: of processes that have ended; in a leak test the files would count.
forget_outputs() {
	find "$WORK" \( -name 'started.*' -o -name 'out.[0-9]*' \) -delete
}

output_of() {
	echo "$WORK/out.$1"
}

# until_true SECONDS COMMAND...: waits for COMMAND to succeed.
until_true() {
	local i limit=$(($1 * RXE_SLOW))
	shift
	for ((i = 0; i < limit * 20; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	fail "waited $limit s in vain for: $*"
}

# ended PID: that process is gone, or a zombie.
ended() {
	! grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status" 2>/dev/null
}

# run_program TAG PROGRAM...: a program with case lines and a closing line of its own; its lines
# go out with TAG behind the case's name, its counts into ours.
run_program() {
	local tag=$1 rc=0 line p f s
	shift
	"$@" 2>&1 | tee "$WORK/program" |
		sed -uE "s/^(ok|FAIL|skip) ([^ ]+)/\\1 \\2.$tag/; /passed, .* failed/d" || rc=$?
	line=$(grep -oE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$WORK/program" |
		tail -n 1) || true
	read -r p _ f _ s _ <<<"${line:-0 0 0 0 0 0}"
	if [ -z "$line" ] || { [ $rc != 0 ] && [ "$f" = 0 ]; }; then
		echo "FAIL ${1##*/}.$tag (ended with status $rc)"
		f=$((f + 1))
	fi
	NET_PASSED=$((NET_PASSED + p))
	NET_FAILED=$((NET_FAILED + f))
	NET_SKIPPED=$((NET_SKIPPED + s))
}

# up_victim: both namespaces, but a device in ns2 only: ns1 is where packets are made.
up_victim() {
	net_veth_pair 9000
	for n in 1 2; do
		ip -n "ns$n" addr add "fe80::$n/64" dev "veth$n" nodad
	done
	in_ns 2 rdma link add rxe2 type rxe netdev veth2
	in_ns 1 ping -q -c 1 -W 5 10.0.0.2 >/dev/null
	in_ns 1 ping -q -c 3 -i 0.3 -W 5 fd00::2 >/dev/null
}

# place N: with namespaces exclusive, a device appears in the first one, and moves from there.
place() {
	local said
	in_ns "$1" rdma dev show "rxe$1" >/dev/null 2>&1 && return
	said=$(rdma dev set "rxe$1" netns "ns$1" 2>&1) && return
	down_two
	[[ $said != *"not supported"* ]] || skip "the driver cannot move a device to a namespace"
	fail "rdma dev set rxe$1 netns ns$1: $said"
}

# up_two NETDEV_MTU: ns1 and ns2 with rxe1 and rxe2, both families reachable.
up_two() {
	local n
	net_veth_pair "$1"
	for n in 1 2; do
		# The core asks for neighbours from the link-local address; without one it never
		# asks.
		ip -n "ns$n" addr add "fe80::$n/64" dev "veth$n" nodad
		in_ns $n rdma link add "rxe$n" type rxe netdev "veth$n"
		place $n
	done
	in_ns 1 ping -q -c 1 -W 5 10.0.0.2 >/dev/null
	# The first neighbour discovery of a fresh network may take more than a second.
	in_ns 1 ping -q -c 3 -i 0.3 -W 5 fd00::2 >/dev/null
}

# down_two: everything of up_two that is still there goes. The devices first: with one end of a veth
# pair the other end goes too, and takes its RDMA device along.
down_two() {
	local n
	for n in 1 2; do
		in_ns $n rdma link delete "rxe$n" 2>/dev/null ||
			rdma link delete "rxe$n" 2>/dev/null || true
	done
	for n in 1 2; do
		ip netns del "ns$n" 2>/dev/null || true
	done
	until_true 10 no_links
}

no_links() {
	[ -z "$(ls /sys/class/infiniband 2>/dev/null)" ]
}

# netns_mode shared|exclusive: how name spaces see RDMA devices. Only without other name spaces,
# whose removal takes a moment.
netns_mode() {
	until_true 10 rdma system set netns "$1"
}

# log_clean: nothing in the kernel's log tells of a bug.
log_clean() {
	dmesg >"$WORK/dmesg"
	"$NET_DIR/../vm/splats.sh" "$WORK/dmesg"
}

# counter DEVICE NAME: a hardware counter, summed over its port.
counter() {
	cat "/sys/class/infiniband/$1/ports/1/hw_counters/$2"
}

# resources: how many of each object the RDMA core knows, as one line without the device names.
resources() {
	rdma resource show | sed 's/^[0-9]*: *[^:]*: *//' | sort | uniq -c | tr -s ' \n' ' '
}

# same_resources LINE: as many of each as then.
same_resources() {
	[ "$(resources)" = "$1" ]
}

# settle_memory: caches that can be dropped are. KASAN keeps what was freed in quarantine; shrinking
# a slab empties that.
settle_memory() {
	local slab
	sleep 2
	echo 3 >/proc/sys/vm/drop_caches
	for slab in /sys/kernel/slab/*/shrink; do
		echo 1 >"$slab"
	done
	sleep 1
}

# kernel_kib: kernel memory in KiB: slabs that cannot be reclaimed, vmalloc, per-CPU areas, stacks.
kernel_kib() {
	awk '/^(SUnreclaim|VmallocUsed|Percpu|KernelStack):/ { n += $2 } END { print n }' \
		/proc/meminfo
}

# memory_now NAME: what the kernel holds, and what each slab does.
memory_now() {
	settle_memory
	kernel_kib >"$WORK/kib.$1"
	awk '$4 ~ /^[0-9]+$/ { print $1, $2 * $4 / 1024 }' /proc/slabinfo | sort >"$WORK/slabs.$1"
}

# memory_grew FROM TO: by so many KiB between two memory_now().
memory_grew() {
	echo $(($(cat "$WORK/kib.$2") - $(cat "$WORK/kib.$1")))
}

# fail_grown FROM TO: memory has not come back: how much, and which slabs.
fail_grown() {
	join "$WORK/slabs.$1" "$WORK/slabs.$2" |
		awk '$3 > $2 + 8 { print $3 - $2, "KiB", $1 }' | sort -rn | head -n 8
	fail "$(memory_grew "$1" "$2") KiB did not come back"
}

# steady KIB COMMAND...: what COMMAND takes is given back. The kernel's memory may grow once, for
# its own reasons, but not by so much in each of two runs.
steady() {
	local limit=$1 first second
	shift
	"$@"
	memory_now 0
	"$@"
	memory_now 1
	"$@"
	memory_now 2
	first=$(memory_grew 0 1)
	second=$(memory_grew 1 2)
	echo "# kernel memory: $first KiB more after a round, then $second"
	((first < limit || second < limit)) || fail_grown 1 2
}
