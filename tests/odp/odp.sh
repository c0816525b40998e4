#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# odp.sh [fast|full] [--pinned] [--implicit] [GLOB...]: the cases of rxe_odp on one device, looped
# back, and cases of rxe_verbs with their buffers on demand; full runs longer, then some again with
# a small path MTU, by regions of the whole address space (for GLOBs: --implicit), and between two
# devices in name spaces of their own. With GLOBs only those of rxe_odp.
#
# First it prepares what the cases look for: swap on compressed memory, pools of huge pages, folders
# for ordinary files and for files on a DAX file system. What a guest cannot have is told in a line
# "# no ...", and the cases that need it skip.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_tools ip rdma rxe_odp rxe_verbs

MEMORY=$NET_DIR/../vm/guest-memory.sh
export FILES=/var/tmp/odp

MODE=fast
case ${1:-} in
fast | full)
	MODE=$1
	shift
	;;
esac
options=()
verbs_options=(--odp)
if [ "${1:-}" = --pinned ]; then
	options+=(--pinned)
	verbs_options=()
	shift
fi
implicit=()
if [ "${1:-}" = --implicit ]; then
	implicit=(-O)
	shift
fi
[ "$MODE" = fast ] || options+=(--full)

# Of the matrix, fast takes one path MTU: the other one differs in the sizes around it.
FAST=('verbs.*' 'data.*.mtu1024' 'kinds.*.mtu1024' 'kinds.*.inline_*' 'kinds.*.atomic_write'
	'touch.*' 'region.*' 'change.*' 'fork.*' 'flow.*' 'reach.*' 'company.*' 'err.*' 'atomic.*'
	'advise.*' 'persist.*' 'life.*' limit.memcg limit.oom limit.oom.reaper limit.reaper
	limit.rings limit.chunks 'storm.*.qps4' 'storm.replace.*' storm.versions)
# With a small path MTU. The rows of the matrix say theirs.
SMALL=('touch.*' 'region.*' 'change.*' 'fork.*' 'err.*' 'storm.*.qps4')
# By regions of the whole address space, buffers at the other end too. Not those of bounds (region),
# nor what is counted for one end alone (reach, company, advise).
WHOLE=('data.*.mtu1024' 'kinds.*.mtu1024' 'touch.*' 'change.*' 'fork.*' 'flow.*' 'err.*' 'atomic.*'
	'storm.*.qps4')
# Between two devices: what goes by the wire, and what depends on who is where.
TWO=('data.anon.*' 'data.memfd.*' 'kinds.memfd.*' 'change.dontneed.*' 'change.uffd.*' 'flow.*'
	'err.*' 'life.*' 'storm.*.qps4')
# Of unreliable connections what fits into a queue: nothing holds a peer back while pages come.
VERBS=('long.*' 'place.*' 'srq.*' 'mw.*' 'inv.*' 'inline.*' 'uc.*.sizes' 'uc.*.mtu*' 'uc.*.1m')
# By regions of the whole address space; not what asks for their bounds.
IMPLICIT=('rc.*.sizes' 'atomic.*' place.words place.word_order place.flushes 'sgl.*' 'ud.sizes.*'
	'srq.*' 'uc.*.sizes')
VERBS_FULL=('rc.*' 'ud.*' 'sgl.*' 'atomic.*' 'queue.*')

told() {
	echo "# $*"
}

# prepare WHAT COMMAND...: a function of guest-memory.sh; whether it worked.
prepare() {
	local what=$1 said
	shift
	said=$(bash -ec '. "$1"; shift; "$@"' prepare "$MEMORY" "$@" 2>&1) && return
	told "no $what: ${said##*$'\n'}"
	return 1
}

# Of memory in quarters: a region of 4 GiB with 512 MiB needs more than half of 6 GiB.
swap_size() {
	local quarters=2
	[ "$MODE" = fast ] || quarters=3
	awk -v quarters=$quarters '/^MemTotal:/ { print int($2 / 4 * quarters) "K" }' /proc/meminfo
}

prepare_all() {
	local thp=/sys/kernel/mm/transparent_hugepage/enabled
	prepare swap mem_swap "$(swap_size)" || true
	prepare "pool of huge pages" mem_huge 16 || true
	if [ -w $thp ]; then
		echo madvise >$thp
	else
		told "no transparent huge pages in this kernel"
	fi
	! prepare "folder for files" prepare_files || options+=(--files "$FILES")
	! prepare "DAX file system" mem_dax "$WORK/dax" || options+=(--dax "$WORK/dax")
}

# The root file system, or a disk in memory: not tmpfs, whose pages are never written back.
prepare_files() {
	mkdir -p "$FILES"
	[ "$(stat -f -c %T "$FILES")" != tmpfs ] || mem_disk "$FILES"
}
export -f prepare_files

# odp TAG ARGUMENT...: rxe_odp; its own options come first.
odp() {
	local tag=$1
	shift
	run_program "$tag" rxe_odp "${options[@]}" "${implicit[@]}" -x "$RXE_SLOW" "$@"
}

one_device() {
	net_one 9000
	if [ $# != 0 ]; then
		odp v4 -d rxe0 "$@"
		net_one_down
		return
	fi
	if [ "$MODE" = fast ]; then
		odp v4 -d rxe0 "${FAST[@]}"
	else
		odp v4 -d rxe0
		odp small -d rxe0 -m 1024 "${SMALL[@]}"
		[ ${#verbs_options[@]} = 0 ] || odp whole -d rxe0 -O "${WHOLE[@]}"
		VERBS+=("${VERBS_FULL[@]}")
	fi
	run_program odp rxe_verbs "${verbs_options[@]}" -d rxe0 -x "$RXE_SLOW" "${VERBS[@]}"
	[ ${#verbs_options[@]} = 0 ] ||
		run_program implicit rxe_verbs --implicit -d rxe0 -x "$RXE_SLOW" "${IMPLICIT[@]}"
	net_one_down
}

two_devices() {
	up_two 9000
	odp two -d rxe1 -D rxe2 -n ns1 -N ns2 "${TWO[@]}"
	down_two
}

run_case driver 10 driver_is_loaded
prepare_all
one_device "$@"
if [ $# = 0 ] && [ "$MODE" = full ]; then
	two_devices
fi
summary
