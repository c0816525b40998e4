#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [--rounds 5] [--write]: what on-demand paging costs, on plain user-mode Linux with one
# device looped back: registration, memory, warm transfers against pinned ones, first touches and
# munmap against the CPU's own. All in one boot, the two sides of each comparison in turn. Prints a
# table of medians and ratios; keeps every figure in the cache; --write puts the table into
# Documentation/performance.md. Wants an otherwise idle machine.
set -euo pipefail
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source=../vm/page.sh
. "$LAB_VM/page.sh"

rounds=5 write=
while [ $# != 0 ]; do
	case $1 in
	--rounds) rounds=$2 && shift ;;
	--write) write=1 ;;
	*) die "unknown option $1; known are --rounds N, --write" ;;
	esac
	shift
done

# measure: the guest's figures in $work/result, lines ROUND METRIC VARIANT VALUE.
measure() {
	local log=$work/log rc=0
	"$LAB_VM/uml.sh" run plain --driver ours --mem 3G --timeout $((300 + 300 * rounds)) -- \
		/src/tests/odp/bench-guest.sh "$rounds" 2>&1 | tee "$log" >&2 || rc=$?
	job=$(sed -n 's/.*; job folder //p' "$log")
	[ -s "$job/result" ] || die "no figure at all, see above"
	cp "$job/result" "$work/result"
	return $rc
}

table() {
	local linux
	linux=$(sed -n 's/.*Linux version \([0-9.]*\).*/\1/p' "$job/kernel.log" | head -n 1)
	echo "Plain user-mode Linux $linux, 2 CPUs, 3 GiB, one device looped back over veth (MTU"
	echo "9000, path MTU 4096), one boot, $rounds rounds, the sides in turn: median (range)."
	echo "The ratio is that of the figure to what it compares with: the median of all turns."
	echo
	"$LAB_TREE/tests/odp/bench-table.py" "$work/result"
}

job='' work='' failed=0
[ -z "$write" ] || page_check performance.md odp
scratch work
KERNEL=6.12 "$LAB_VM/guest-build.sh" >/dev/null
say "$rounds rounds of four minutes (load $(cut -c1-4 /proc/loadavg))"
keep_awake
measure || failed=1
table >"$work/table"
cat "$work/table"
kept=$LAB_CACHE/bench-odp-$(date +%Y%m%d-%H%M%S).tsv
tr ' ' '\t' <"$work/result" >"$kept"
say "every figure: $kept"
[ $failed = 0 ] || die "some measurements failed, see above"
[ -z "$write" ] || page_write performance.md odp "$work/table"
