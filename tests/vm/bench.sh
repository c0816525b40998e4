#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [--rounds 3] [--quick] [--drivers 'ours inbox'] [--write]: perftest on the tree's driver
# and on the kernel's own, one device looped back, on plain user-mode Linux; a boot for each driver
# in each round, the drivers in turn. Prints a table of medians and ratios; keeps every figure in
# the cache; --write puts the table into Documentation/performance.md, between its two markers.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=page.sh
. "$LAB_VM/page.sh"

rounds=3 divide=1 drivers='ours inbox' write=
while [ $# != 0 ]; do
	case $1 in
	--rounds) rounds=$2 && shift ;;
	--drivers) drivers=$2 && shift ;;
	--quick) divide=10 ;;
	--write) write=1 ;;
	*) die "unknown option $1; known are --rounds N, --drivers LIST, --quick, --write" ;;
	esac
	shift
done

# A figure is one line of the result: ROUND DRIVER METRIC VALUE.
measure() {
	local round driver log rc
	for ((round = 1; round <= rounds; round++)); do
		for driver in $drivers; do
			log=$work/run
			say "round $round of $rounds, $driver (load $(cut -c1-4 /proc/loadavg))"
			rc=0
			"$LAB_VM/uml.sh" run plain --driver "$driver" --timeout 900 -- \
				/src/tests/vm/bench-guest.sh "$divide" >"$log" 2>&1 || rc=$?
			job=$(sed -n 's/.*; job folder //p' "$log")
			if [ $rc != 0 ] || [ ! -s "$job/result" ]; then
				cat "$log" >&2
				failed=1
			fi
			[ ! -s "$job/result" ] ||
				sed "s/^/$round $driver /" "$job/result" >>"$work/result"
		done
	done
}

table() {
	local linux
	linux=$(sed -n 's/.*Linux version \([0-9.]*\).*/\1/p' "$job/kernel.log" | head -n 1)
	echo "Plain user-mode Linux $linux, 2 CPUs, one device looped back over veth (MTU 9000,"
	echo "path MTU 4096), $rounds rounds with the drivers in turn: median (range). The ratio is"
	echo "rxe-odp to in-box: more is better, except for times."
	echo
	"$LAB_VM/bench-table.py" "$work/result"
}

failed=0 job='' work=
[ -z "$write" ] || page_check performance.md bench
scratch work
: >"$work/result"
keep_awake
measure
[ -s "$work/result" ] || die "no figure at all"
table >"$work/table"
cat "$work/table"
kept=$LAB_CACHE/bench-$(date +%Y%m%d-%H%M%S).tsv
tr ' ' '\t' <"$work/result" >"$kept"
say "every figure: $kept"
[ $failed = 0 ] || die "some runs failed, see above"
[ -z "$write" ] || page_write performance.md bench "$work/table"
