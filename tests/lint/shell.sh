#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every shell script through shellcheck; and strict mode in every *.sh that is run. A script without
# that ending is some system's init or hook, which may have to live through errors. In strict mode
# nobody writes to "grep -q", which ends as soon as it knows: who still has something to say then is
# ended by SIGPIPE, and what was found counts as not found. It reads from < <(COMMAND) instead.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

strict_mode() {
	files '\.sh$' | while IFS= read -r file; do
		grep -q '^#!.*bash' < <(sed -n 1p "$file") || continue
		grep -q '^set -euo pipefail$' "$file" ||
			echo "$file:1: no \"set -euo pipefail\""
	done
}

into_grep() {
	# shellcheck disable=SC2016 # perl's own variables
	files '\.sh$' | tr '\n' '\0' | xargs -0 -r perl -0777 -ne '
		next if m,^#!/bin/sh,;
		print "$ARGV:", 1 + (substr($_, 0, $-[0]) =~ tr/\n//), ": a pipe into grep -q\n"
			while /(?<!\|)\|\s*grep -\w*q/g;
	'
}

command -v shellcheck >/dev/null || skip "shellcheck is not installed (package shellcheck)"
# A script is read with those that it sources: so all of them are one thing to know.
all=$({ shellcheck --version && shell_files | tr '\n' '\0' | xargs -0 -r sha256sum; } | sha256sum)
[ -n "$(news shell <<<"$all")" ] || exit 0
{
	strict_mode
	into_grep
	shell_files | tr '\n' '\0' | {
		xargs -0 -r -n 4 -P "$LINT_JOBS" shellcheck -x -P SCRIPTDIR -P . -f gcc 2>&1 || true
	}
} | offences
found_clean shell <<<"$all"
