# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the parts of apps.sh share: which cases run, a server in ns2 with its client in ns1, GIDs,
# and what is asked of every program. Sourced after lib.sh.
#
LIMIT=$((40 * RXE_SLOW))
APPS_BOUND=$((2 * LIMIT / RXE_SLOW + 5))
APPS_FULL=''

# app NAME FUNCTION [ARG...]: a case of both selections. more: one of the full selection alone.
app() {
	local name=$1
	shift
	! chosen "$name" || run_case "apps.$name" $APPS_BOUND "$@"
}

more() {
	[ -z "$APPS_FULL" ] || app "$@"
}

# gid_of DEVICE ADDRESS: the index of the GID of that address.
gid_of() {
	local i gid want
	case $2 in
	fd00::?) want=fd00:0000:0000:0000:0000:0000:0000:000${2#fd00::} ;;
	*)
		# shellcheck disable=SC2086 # four numbers on purpose
		want=$(printf '0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x' ${2//./ })
		;;
	esac
	for ((i = 0; i < 16; i++)); do
		gid=$(cat "/sys/class/infiniband/$1/ports/1/gids/$i")
		if [ "$gid" = "$want" ]; then
			echo "$i"
			return
		fi
	done
	fail "no GID of $2 on $1"
}

# needs_program PROGRAM...: what a guest does not have is no failure of the driver's.
needs_program() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

# needs_option PROGRAM OPTION: by its own account of them.
needs_option() {
	local help
	needs_program "$1"
	help=$("$1" --help 2>&1) || true
	[[ $help == *"$2"* ]] || skip "this $1 has no $2"
}

# listens: someone in ns2 waits for a connection, by TCP or by RDMA-CM, for datagrams other than
# RoCE's, or for a multicast group's.
listens() {
	grep -q . < <(in_ns 2 ss -Hltn) || grep -q 'state LISTEN' < <(rdma resource show cm_id) ||
		grep -q . < <(in_ns 2 ss -Huln 'sport != 4791') ||
		grep -q 'inet *239' < <(in_ns 2 ip maddr show dev veth2)
}

# ready PID: that server listens, or has ended, or takes too long.
ready() {
	local i
	for ((i = 0; i < 15 * RXE_SLOW; i++)); do
		listens && return
		! ended "$1" || return 0
		sleep 0.1
	done
}

# both SERVER_COMMAND -- CLIENT_COMMAND: the server in ns2, then the client in ns1; both must end
# well.
both() {
	local server=() pid rc=0
	while [ "$1" != -- ]; do
		server+=("$1")
		shift
	done
	shift
	start pid ip netns exec ns2 timeout "$LIMIT" "${server[@]}"
	ready "$pid"
	in_ns 1 timeout "$LIMIT" "$@" || rc=$?
	[ $rc = 0 ] || kill "$pid" 2>/dev/null || true
	[ $rc = 0 ] ||
		fail "client '$*': status $rc; server: $(tail -n 2 "$(output_of "$pid")")"
	wait "$pid" || fail "server '${server[*]}' failed: $(tail -n 2 "$(output_of "$pid")")"
	sed 's/^/server: /' "$(output_of "$pid")"
}

# refused WORDS COMMAND...: a program that asks for what the device does not have says so and ends,
# before it would wait for a peer.
refused() {
	local words=$1 rc=0
	shift
	in_ns 2 timeout "$LIMIT" "$@" || rc=$?
	[ $rc != 124 ] || fail "it was not refused: $*"
	[ $rc != 0 ] || fail "it succeeded: $*"
	said "$words" || fail "it failed (status $rc) without '$words': $*"
}

# said WORDS: shows the first line of the case's output that has them, if there is one.
said() {
	local line
	line=$(grep -aiE -m1 "$1" "$WORK/out") && echo "# $line"
}

# sent DEVICE: packets of it so far.
sent() {
	counter "$1" sent_pkts
}

# over DEVICE PACKETS COMMAND...: COMMAND succeeds, and so many packets at least left by DEVICE: the
# program did not find another way.
over() {
	local device=$1 least=$2 before now
	shift 2
	before=$(sent "$device")
	"$@"
	now=$(sent "$device")
	[ $((now - before)) -ge "$least" ] ||
		fail "$((now - before)) packets left by $device, expected $least at least"
	echo "# $((now - before)) packets"
}
