#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Words that no file may have; the patterns and the reasons are in words.txt.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t ours < <(files . '^LICENSE$|^tests/lint/(words\.txt|selftest\.sh)$')
grep -vE '^(#|$)' "$LINT_HERE/words.txt" | while IFS=$'\t' read -r pattern reason; do
	{ grep -HnIP -- "$pattern" "${ours[@]}" || true; } |
		awk -v why="$reason" '{ print $0 "  <- " why }'
done | offences
