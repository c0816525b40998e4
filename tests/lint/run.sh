#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [CHECK...]: run all checks, or those named. Reads the tree and installs nothing; what a
# check needs and does not find makes it a skip with a reason (packages.txt lists the packages).
# Environment: KDIR, the build folder of the kernel to check against (default: see lib.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

checks=(
	layers rooms spdx text headings words sizes versions fills shell headers sparse kerneldoc
	checkpatch
)
[ $# -eq 0 ] || checks=("$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Output, exit status and milliseconds of one check, as files.
run() {
	local start=$EPOCHREALTIME status=0
	"$here/$1.sh" > "$work/$1" 2>&1 || status=$?
	echo "$status $(((${EPOCHREALTIME/./} - ${start/./}) / 1000))" > "$work/$1.end"
}

# All at once, told in the order of the list. The slow ones begin first.
declare -A pids=()
for ((i = ${#checks[@]} - 1; i >= 0; i--)); do
	run "${checks[i]}" &
	pids[${checks[i]}]=$!
done

passed=0 failed=0 skipped=0
for check in "${checks[@]}"; do
	wait "${pids[$check]}"
	read -r status ms < "$work/$check.end"
	output=$(cat "$work/$check")
	case $status in
	0)
		passed=$((passed + 1))
		echo "ok $check (${output:+$output, }$ms ms)"
		;;
	77)
		skipped=$((skipped + 1))
		echo "skip $check: $output"
		;;
	*)
		failed=$((failed + 1))
		printf '%s\nFAIL %s (%d ms)\n' "$output" "$check" "$ms"
		;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
