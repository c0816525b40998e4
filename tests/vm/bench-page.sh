# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tables of figures in Documentation/performance.md: each between two markers of its own, lines
# <!-- NAME:begin --> and <!-- NAME:end -->. Sourced after lib.sh.

PERFORMANCE=$LAB_TREE/Documentation/performance.md

# page_check NAME: the page has the two markers; asked before anything is measured.
page_check() {
	[ "$(grep -cE "^<!-- $1:(begin|end) -->\$" "$PERFORMANCE" 2>/dev/null)" = 2 ] ||
		die "$PERFORMANCE needs two lines, <!-- $1:begin --> and <!-- $1:end -->"
}

# page_write NAME FILE: what is in FILE stands between the markers, instead of what did.
page_write() {
	local page
	page=$(awk -v name="$1" -v table="$2" '
		$0 == "<!-- " name ":end -->" { skip = 0 }
		!skip { print }
		$0 == "<!-- " name ":begin -->" {
			while ((getline line <table) > 0)
				print line
			skip = 1
		}
	' "$PERFORMANCE")
	printf '%s\n' "$page" >"$PERFORMANCE"
	say "written: $PERFORMANCE"
}
