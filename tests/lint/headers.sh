#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every header compiles alone: those that the unit suites use against the shim, and all of them
# against the kernel's headers, with the flags that the kernel's own build gives the module.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile_alone FLAGS...: each header named on standard input, twice in a row to try its guard.
compile_alone() {
	local header
	while IFS= read -r header; do
		printf '#include "%s"\n#include "%s"\n' "$LINT_TREE/$header" "$LINT_TREE/$header" \
			> "$work/$(tr / _ <<< "$header").c"
		printf '%s\0' "$work/$(tr / _ <<< "$header").c"
	done | { xargs -0 -r -n 1 -P "$LINT_JOBS" "$@" 2>&1 || true; } |
		{ grep -E '(error|warning):' || true; } | sed "s,$LINT_TREE/,,"
}

against_shim() {
	files "^$RXE/wire/.*\.h$|^$RXE/compat/(crc32|unaligned)\.h$" |
		compile_alone gcc -std=gnu11 -Wall -Werror -fsyntax-only \
			-I "$LINT_TREE/tests/unit/shim" -I "$LINT_TREE/include"
}

# The compiler's command line for this module, learnt from the kernel's build of an empty file in a
# folder that looks like the tree. It is to be run from the kernel's build folder.
kernel_flags() {
	local entry
	mkdir "$work/probe"
	for entry in drivers include dkms.conf; do
		[ ! -e "$entry" ] || ln -s "$LINT_TREE/$entry" "$work/probe/$entry"
	done
	{
		[ ! -e Kbuild ] || cat Kbuild
		echo 'obj-m := probe.o'
	} > "$work/probe/Kbuild"
	touch "$work/probe/probe.c"
	# Not with the flags of a make that called: a silent one would print no command line.
	env -u MAKEFLAGS -u MFLAGS make -C "$KDIR" M="$work/probe" V=1 probe.o > "$work/log" 2>&1 ||
		return 1
	grep -E '^ *(#.*)?gcc.* -o [^ ]*probe\.o ' "$work/log" | tail -n 1 | sed -E \
		-e 's/^.*\bgcc(-[0-9]+)? /gcc\1 /' -e 's/ -Wp,-MM?D,[^ ]*//' \
		-e 's/ -c -o .*$//' -e 's/ ;.*$//'
}

against_kernel() {
	local flags
	if ! flags=$(kernel_flags) || [ -z "$flags" ]; then
		tail -n 3 "$work/log" | sed "s,^,$KDIR: ,"
		echo "$KDIR: the kernel's build shows no command line for this module"
		return 0
	fi
	# The command line quotes for the shell.
	# shellcheck disable=SC2016 # for the script to expand
	printf '#!/bin/sh\ncd "%s" && exec %s -fsyntax-only "$1"\n' \
		"$(readlink -f "$KDIR")" "$flags" > "$work/cc"
	chmod +x "$work/cc"
	files '^(drivers|include)/.*\.h$' | compile_alone "$work/cc"
}

command -v gcc >/dev/null || skip "gcc is not installed"
if [ -e "$KDIR/Makefile" ]; then
	{ against_shim; against_kernel; } | offences
	echo "against the shim and $(basename "$(readlink -f "$KDIR")")"
else
	against_shim | offences
	echo "against the shim only: no kernel build folder $KDIR, give one with KDIR="
fi
