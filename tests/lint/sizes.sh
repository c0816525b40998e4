#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Files of at most 700 lines. Functions of at most 100 lines, and over the driver a median of at
# most 18 and a 90th percentile of at most 60. A function is what kernel style makes of it: a
# signature, a brace in the first column, a brace in the first column. Tables are not functions.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

long_files() {
	files . '^LICENSE$' | while IFS= read -r file; do
		lines=$(wc -l < "$file")
		[ "$lines" -le 700 ] || echo "$file:1: $lines lines, limit 700"
	done
}

# FILE LINE LENGTH of every function, from the first line of its signature to its closing brace.
# shellcheck disable=SC2016 # awk's own fields
functions='
	FNR == 1 { start = body = 0 }
	!body && (/^[#}\/ ]/ || /^$/ || /;$/ || /\*\/$/) { start = 0; next }
	!body && /^{$/ { body = start; next }
	!body && !start && /^[A-Za-z_]/ { start = FNR }
	body && /^}/ { print FILENAME, body, FNR - body + 1; start = body = 0 }
'

measure() {
	tr '\n' '\0' | xargs -0 -r awk "$functions"
}

# Percentiles over the driver; the figures go out by descriptor 3 when they are within the limits.
spread() {
	driver_files | measure | awk '{ print $3 }' | sort -n | awk '
		{ n[NR] = $1 }
		END {
			if (!NR)
				exit
			median = NR % 2 ? n[(NR + 1) / 2] : (n[NR / 2] + n[NR / 2 + 1]) / 2
			rank = int(NR * 0.9)
			p90 = n[rank < NR * 0.9 ? rank + 1 : rank]
			figures = NR " functions, median " median ", p90 " p90 ", longest " n[NR]
			if (median > 18 || p90 > 60)
				print "drivers: " figures "; limits: median 18, p90 60"
			else
				print figures > "/dev/fd/3"
		}'
}

figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
{
	long_files
	c_files | measure |
		awk '$3 > 100 { print $1 ":" $2 ": function of " $3 " lines, limit 100" }'
	spread 3>"$figures"
} | offences
cat "$figures"
