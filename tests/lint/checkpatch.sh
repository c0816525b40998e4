#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's checkpatch.pl over our C, less the types in checkpatch.txt, which says why. A file
# that this tool has found clean is not given to it again.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

tool=$(kernel_script checkpatch.pl) ||
	skip "no scripts/checkpatch.pl in $KDIR or $LINT_SOURCE; name one with CHECKPATCH="
perl -e 'use POSIX; use Term::ANSIColor' 2>/dev/null || skip "perl is not installed (package perl)"
# FILE:LINE: LEVEL:TYPE: TEXT, less what the list excuses.
# shellcheck disable=SC2016 # awk's own fields
excuse='
	NR == FNR { if (/^[A-Z]/) { type[++n] = $1; path[n] = $2 } next }
	{
		split($0, part, ":")
		for (i = 1; i <= n; i++)
			if (part[4] == type[i] && part[1] ~ path[i])
				next
		print
	}
'
# It leaves a cache of names in the working folder, which therefore is one of its own.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
list=checkpatch-$(cat "$tool" "$LINT_HERE"/checkpatch.{sh,txt} | sha256sum | cut -c 1-16)
# The shim defines under the kernel's own names what the kernel asks all others to use.
files '\.[ch]$' '\.mod\.c$|^tests/unit/shim/' | tr '\n' '\0' | xargs -0 -r sha256sum |
	news "$list" >"$work/news"
sed "s,^[0-9a-f]*  ,$LINT_TREE/," "$work/news" | tr '\n' '\0' | {
	cd "$work"
	xargs -0 -r -n 8 -P "$LINT_JOBS" perl "$tool" --no-tree --no-strict --no-summary --terse \
		--show-types --quiet --color=never --max-line-length=100 -f 2>&1 || true
} | sed "s,^$LINT_TREE/,," | awk -F '\t' "$excuse" "$LINT_HERE/checkpatch.txt" - | offences
found_clean "$list" <"$work/news"
