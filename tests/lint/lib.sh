# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # variables for the checks
#
# What the checks share. A check is a script of its own that looks at the tree $LINT_TREE, prints
# each offending line as FILE:LINE: WHAT, and exits with 0 for ok, 1 for offences, 77 for skipped
# (the last line it prints is then the reason). It may be run alone. Paths are relative to the tree.

LINT_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LINT_TREE=$(cd "${LINT_TREE:-$LINT_HERE/../..}" && pwd)
LINT_JOBS=$(nproc)
RXE=drivers/infiniband/sw/rxe
cd "$LINT_TREE" || exit 1

# The kernel to check against: its build folder, as for building the module. The running one's, or
# else the newest that has one.
if [ -z "${KDIR:-}" ]; then
	KDIR=/lib/modules/$(uname -r)/build
	if [ ! -e "$KDIR/Makefile" ]; then
		KDIR=$(printf '%s\n' /lib/modules/*/build/Makefile | sort -V | tail -n 1)
		KDIR=${KDIR%/Makefile}
	fi
fi
# A kernel source that another test fetched may be lying in the cache.
LINT_SOURCE=${RXE_ODP_CACHE:-/var/cache/rxe-odp}/linux-source

# What the slow checks have found to be clean, a line each, by content: see news and found_clean.
LINT_KNOWN=${RXE_ODP_CACHE:-/var/cache/rxe-odp}/lint

skip() {
	echo "$*"
	exit 77
}

# Every text file of ours, one a line: what git would commit, or without git all but build output.
all_files() {
	if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$LINT_TREE" ]; then
		git ls-files -co --exclude-standard | while IFS= read -r file; do
			[ ! -f "$file" ] || echo "$file"
		done
	else
		find . -name .git -prune -o -name build -prune -o -type f -print | sed 's,^\./,,' |
			grep -vE '\.(o|ko|cmd|mod|mod\.c|order|symvers)$'
	fi | LC_ALL=C sort
}

# files REGEX [REGEX-NOT]: those of all_files whose path matches.
files() {
	all_files | { grep -E -- "$1" || true; } | { grep -Ev -- "${2:-^$}" || true; }
}

c_files() {
	files '\.[ch]$' '\.mod\.c$'
}

driver_files() {
	files '^(drivers|include)/.*\.[ch]$' '\.mod\.c$'
}

# Shell scripts by name or by first line.
shell_files() {
	all_files | while IFS= read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*.*) ;;
		*) ! grep -qaE '^#!.*\b(ba|da)?sh\b' < <(sed -n 1p "$file") || echo "$file" ;;
		esac
	done
}

# offences: passes standard input on; fails if there was any.
offences() {
	! grep .
}

# news LIST: those lines of standard input that LIST of what is known to be clean does not have. A
# line has the digests of all that the verdict depends on.
news() {
	local known=$LINT_KNOWN/$1
	[ -r "$known" ] || known=/dev/null
	grep -vxFf "$known" || true
}

# found_clean LIST: the lines of standard input are known from now on, where there is a cache.
found_clean() {
	mkdir -p "$LINT_KNOWN" 2>/dev/null && [ -w "$LINT_KNOWN" ] || return 0
	cat >>"$LINT_KNOWN/$1"
}

# kernel_script NAME: the path of one of the kernel's scripts: what a variable of that name in
# capitals says, else the build folder's, else the cache's.
kernel_script() {
	local var=${1%.*} file
	var=${var^^}
	var=${var//-/_}
	for file in "${!var:-}" "$KDIR/scripts/$1" "$LINT_SOURCE/scripts/$1"; do
		if [ -n "$file" ] && [ -f "$file" ]; then
			echo "$file"
			return 0
		fi
	done
	return 1
}
