#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `make demo`: on a fresh Debian 12 or 13, installs what it needs, makes a virtual machine with
# Debian's own kernel $KERNEL (6.12), builds the module there by DKMS, and runs on it an example of
# on-demand paging (sparse.c) and well-known RDMA programs; then the same on the in-box driver
# (guest.sh). Prints what was shown, what ran, and how the two compare. Fails if anything of ours
# fails; how the in-box driver fares is only told.
set -euo pipefail
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
export KERNEL=${KERNEL:-6.12}

# The same as in guest.sh.
MARK='demo: the in-box driver from here on'
failures=() status=0 log='' job='' work=''

# show: the output of a step as it comes, each line with the time.
show() {
	local line
	while IFS= read -r line; do
		case $line in
		\[*) echo "$line" >&2 ;;
		*) say "$line" ;;
		esac
	done
}

# step SECONDS TEXT COMMAND...: its output is shown, and kept in $log; its exit status in `status`.
step() {
	local limit=$1 pid
	say "== $2"
	shift 2
	status=0
	: >"$log"
	timeout --kill-after=30 "$limit" "$@" >>"$log" 2>&1 </dev/null &
	pid=$!
	tail -n +1 -s 0.2 -f --pid=$pid "$log" | show
	wait $pid || status=$?
	[ $status != 124 ] || say "ERROR: no end after $limit s"
}

must() {
	step "$@"
	[ $status = 0 ] || die "the demo cannot go on: see above"
}

# judge: what failed on our driver, into `failures`.
judge() {
	local driver network program what state name logs=$job/logs
	while IFS=$'\t' read -r driver network program what state _; do
		[ "$driver:$state" != ours:passed ] || continue
		name=ours-$network-${program// /}
		failures+=("$program ($network, $what) $state: $logs/$name.log")
	done < <(grep -P '^ours\t' "$job/result")
	grep -qx 'ours end' "$job/result" || failures+=(
		"not all programs were tried, exit status $status: $job/kernel.log, $logs")
	# A bug told of behind the mark is the in-box driver's, and stays without consequence.
	sed "/$MARK/,\$d" "$job/kernel.log" >"$job/kernel.log.ours"
	"$LAB_VM/splats.sh" "$job/kernel.log.ours" >/dev/null ||
		failures+=("the kernel log tells of a bug: $job/kernel.log.ours")
}

# A ratio above one is in our favour: of times, the in-box one is divided by ours.
# shellcheck disable=SC2016 # awk's own fields
table='
	function cell(status, figure, unit) {
		return figure == "" ? status : sprintf("%8.4g %s", figure, unit)
	}
	function ratio(mine, other, unit) {
		if (mine == "" || other == "")
			return ""
		return sprintf("%.2f x", unit == "us" ? other / mine : mine / other)
	}
	BEGIN {
		FS = "\t"
		form = "%-9s %-19s %-23s %-15s %-15s %s\n"
		printf form, "network", "program", "what", "rxe-odp", "in-box", "as fast"
	}
	NF < 7 { next }
	{ key = $2 FS $3; status[$1, key] = $5; figure[$1, key] = $6; unit[key] = $7 }
	!(key in what) { what[key] = $4; order[++n] = key }
	END {
		for (i = 1; i <= n; i++) {
			key = order[i]
			split(key, name)
			if (!(("inbox", key) in status))
				status["inbox", key] = "not run"
			mine = figure["ours", key]
			other = figure["inbox", key]
			printf form, name[1], name[2], what[key],
				cell(status["ours", key], mine, unit[key]),
				cell(status["inbox", key], other, unit[key]),
				ratio(mine, other, unit[key])
		}
	}
'

passed() {
	grep -cP "^$1\t.*\tpassed\t[^\t]*\t[^\t]*\$" "$job/result" || true
}

# What the example of on-demand paging told, in its words.
on_demand() {
	local told=$job/logs/ours-on-demand-rxe_sparse
	if [ ! -e "$told.log" ] || [ ! -e "$told-i.log" ]; then
		return
	fi
	echo "On-demand paging on rxe-odp, told by tests/demo/sparse.c:"
	sed 's/^/  /' "$told.log"
	echo "The same with the whole address space as the region (implicit):"
	sed -nE '/^(registered|FAILED|unsupported)/p; /^in the end/,$p' "$told-i.log" |
		sed 's/^/  /'
}

report() {
	local load
	load=$(cut -d' ' -f1 /proc/loadavg)
	echo
	sed 's/^ours:/rxe-odp:/; s/^inbox:/in-box: /' "$job/about"
	echo
	on_demand
	echo
	awk "$table" "$job/result" | sed 's/ *$//'
	echo
	echo "on-demand: one device, memory not pinned; loopback: the same device, memory pinned;"
	echo "netns: two devices in two network name spaces, joined by veth."
	echo "Figures are the better of one or two short runs, and compare only within this table."
	# The demo itself keeps two CPUs busy.
	[ "${load%.*}" -lt 3 ] ||
		echo "This machine has other work, its load is $load: the figures say little."
	echo "The output of all programs: $job/logs"
	echo "Passed of $(grep -c "^ours$(printf '\t')" "$job/result"):" \
		"$(passed ours) on rxe-odp, $(passed inbox) on the in-box driver."
}

scratch work
log=$work/log
must 600 "packages of this machine" "$LAB_VM/deps.sh"
must 900 "root file system with Debian's kernel $KERNEL" "$LAB_VM/qemu.sh" build
must 300 "the module, by DKMS" "$LAB_VM/qemu.sh" module
must 900 "the example" "$LAB_VM/guest-build.sh"
step 540 "RDMA programs in the virtual machine" "$LAB_VM/qemu.sh" run --driver ours --timeout 400 \
	-- /src/tests/demo/guest.sh
job=$(sed -n 's/.*; job folder //p' "$log")
[ -s "$job/result" ] || die "nothing ran in the virtual machine: see above, and $job/kernel.log"
judge
report | tee "$job/report"
if [ ${#failures[@]} != 0 ]; then
	printf 'FAILED: %s\n' "${failures[@]}"
	exit 1
fi
say "demo passed"
