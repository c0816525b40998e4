# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tables of figures in pages of Documentation: each between two marker lines of its own, which are
# <!-- NAME:begin --> and <!-- NAME:end --> in a .md, `.. NAME:begin` and `.. NAME:end` in a .rst.
# Sourced after lib.sh.

# page_marker PAGE NAME:begin|NAME:end
page_marker() {
	if [[ $1 == *.md ]]; then
		echo "<!-- $2 -->"
	else
		echo ".. $2"
	fi
}

# page_check PAGE NAME: the page has the two markers; asked before anything is measured.
page_check() {
	local page=$LAB_TREE/Documentation/$1 marker
	for marker in "$(page_marker "$1" "$2:begin")" "$(page_marker "$1" "$2:end")"; do
		grep -qxF -- "$marker" "$page" || die "$page needs a line '$marker'"
	done
}

# page_write PAGE NAME FILE: what is in FILE stands between the markers, instead of what did.
page_write() {
	local page=$LAB_TREE/Documentation/$1 text
	text=$(awk -v first="$(page_marker "$1" "$2:begin")" \
		-v last="$(page_marker "$1" "$2:end")" -v table="$3" '
		$0 == last { skip = 0 }
		!skip { print }
		$0 == first {
			while ((getline line <table) > 0)
				print line
			skip = 1
		}
	' "$page")
	printf '%s\n' "$text" >"$page"
	say "written: $page"
}
