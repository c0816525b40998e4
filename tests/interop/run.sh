#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [NEAR [FAR [GLOB...]]]: the driver against a kernel's own, each in a guest of its own, the
# two joined by virtual Ethernet links of MTU 1500 and 9000; near.sh has the cases, GLOBs choose
# among them.
#   NEAR  the guest with the driver: plain (the default) or debug, user-mode Linux; 6.1, 6.12,
#         6.12-sid or 7.2, a stock kernel in QEMU
#   FAR   the guest with the in-box driver: plain (the default) or a stock kernel
# With NEAR_DRIVER=inbox the in-box driver meets itself, which tells whose a failure is. The last
# line is the count of cases; both guests must also end well, without a bug in their kernel logs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=ends.sh
. "$here/ends.sh"
[ -n "${LINK_FDS:-}" ] || exec "$here/link.py" ${#LINK_MTU[@]} "$0" "$@"
# shellcheck source=../vm/lib.sh
. "$here/../vm/lib.sh"
read -ra fds <<<"$LINK_FDS"
unset LINK_FDS
near=${1:-plain} far=${2:-plain} driver=${NEAR_DRIVER:-ours}
only=("${@:3}") lab=()

usage() {
	sed -n '4,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# slow KERNEL: how much slower than user-mode Linux without checkers, roughly.
slow() {
	case $1 in
	plain) echo 1 ;;
	debug) echo 10 ;;
	*) echo 5 ;;
	esac
}

# programs KERNEL: the tests' programs for its user space.
programs() {
	case $1 in
	plain | debug) KERNEL=6.12 "$LAB_VM/guest-build.sh" ;;
	*) KERNEL=$1 "$LAB_VM/guest-build.sh" ;;
	esac
}

# lab_of KERNEL VERB: the command of that lab, in `lab`.
lab_of() {
	case $1 in
	plain | debug) lab=("$LAB_VM/uml.sh" "$2" "$1") ;;
	*) lab=(env "KERNEL=$1" "$LAB_VM/qemu.sh" "$2") ;;
	esac
}

# guest NUMBER KERNEL DRIVER SECONDS COMMAND...: becomes the near (1) or far (2) guest, with its
# ends of the links only.
guest() {
	local number=$1 driver=$3 seconds=$4 link fd options=()
	lab_of "$2" run
	shift 4
	for link in "${!LINK_MTU[@]}"; do
		fd=${fds[2 * link + 2 - number]}
		exec {fd}>&-
		fd=${fds[2 * link + number - 1]}
		options+=(--link "$fd,${LINK_MTU[link]},$(mac_of "$link" "$number")")
	done
	exec "${lab[@]}" --driver "$driver" --mem 1G --timeout "$seconds" "${options[@]}" -- "$@"
}

# All that takes long, before either guest waits for the other.
build() {
	lab_of "$near" build
	"${lab[@]}"
	lab_of "$far" build
	"${lab[@]}"
	lab_of "$near" module
	[ "$driver" != ours ] || "${lab[@]}"
	programs "$near"
	programs "$far"
}

# ended PID: within 30 seconds, else it is told to.
ended() {
	local i
	for ((i = 0; i < 150; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.2
	done
	kill "$1" 2>/dev/null || true
}

# verdict NAME STATUS LOG: a case of its own: that guest ended well, its kernel too.
verdict() {
	if [ "$2" = 0 ] && ! grep -qa 'kernel log tells of a bug' "$3"; then
		echo "ok $1"
		passed=$((passed + 1))
	else
		echo "FAIL $1 (status $2)"
		tail -n 40 "$3" | sed 's/^/    | /'
		failed=$((failed + 1))
	fi
}

case $near in
plain | debug) ;;
*) [ -n "${LAB_GUESTS[$near]:-}" ] || usage ;;
esac
[ "$far" = plain ] || [ -n "${LAB_GUESTS[$far]:-}" ] || usage
case $driver in ours | inbox) ;; *) die "NEAR_DRIVER is ours or inbox" ;; esac
factor=$(($(slow "$near") > $(slow "$far") ? $(slow "$near") : $(slow "$far")))
limit=$((factor > 1 ? 3600 : 1200))
build >/dev/null
work=
scratch work
guest 2 "$far" inbox $((limit + 60)) /src/tests/interop/far.sh >"$work/far" 2>&1 &
far_pid=$!
near_status=0 far_status=0
guest 1 "$near" "$driver" "$limit" env RXE_SLOW=$factor /src/tests/interop/near.sh "${only[@]}" \
	2>&1 | tee "$work/near" | grep --line-buffered -vE ' passed, .* failed' || near_status=$?
ended "$far_pid"
wait "$far_pid" || far_status=$?

line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$work/near" | tail -n 1 || true)
read -r passed _ failed _ skipped _ <<<"${line:-0 passed, 0 failed, 0 skipped}"
# Cases that failed are counted already.
[ "$failed" = 0 ] || [ "$near_status" != 1 ] || near_status=0
verdict near_guest "$near_status" "$work/near"
verdict far_guest "$far_status" "$work/far"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
