#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [KERNEL...]: compiles the module for each stock kernel (6.1 6.12 7.2), with the compilers
# of the kernel's own Debian release: by gcc with the warnings of W=1, by clang with the same, and
# read by sparse. Any warning about our files is a failure.
set -euo pipefail
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)

# Debian's kernels are gcc's. These say no to what of their configuration only gcc can do, or only
# matters to code that is run. Of the warnings that are off, one is about gcc's own options, and one
# about `const` twice in the kernel's headers.
clang=(
	CC=clang CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_RETHUNK= CONFIG_SLS=
	CONFIG_MITIGATION_RETHUNK= CONFIG_MITIGATION_SLS= CONFIG_FTRACE_MCOUNT_USE_CC=
	CONFIG_INIT_STACK_ALL_ZERO= CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=
	CONFIG_UBSAN_BOUNDS_STRICT= CONFIG_UBSAN_ARRAY_BOUNDS=y
	KCFLAGS='-Wno-unknown-warning-option -Wno-duplicate-decl-specifier'
)
# A function that takes a lock only if it succeeds is beyond sparse; lockdep sees to those. Linux
# 7.2 wants a newer sparse than Debian's, which sparse.h makes up for, and make must be told so:
# its script that asks for the version is not in Debian's headers.
sparse=(C=2 KBUILD_CHECKSRC=2 CF='-Wno-context -include /src/sparse.h')

passed=0 failed=0

# compile ROOT RELEASE WORK ARGUMENT...: runs apart, so that its mounts end with it.
compile() {
	local root=$1 release=$2 work=$3
	shift 3
	mkdir -p "$work"/{upper,workdir,mnt}
	mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/workdir" \
		overlay "$work/mnt"
	mount -t proc proc "$work/mnt/proc"
	mount --bind /dev "$work/mnt/dev"
	(cd "$LAB_TREE" && module_sources | xargs cp --parents -t "$work/mnt/src")
	cp "$here/sparse.h" "$work/mnt/src"
	chroot "$work/mnt" make -j"$(nproc)" -C "/lib/modules/$release/build" M=/src \
		CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules
	[ -s "$work/mnt/src/rdma_rxe.ko" ]
}

# clean WORD LOG: no warning in it, and a line of WORD for each object of the module.
clean() {
	local word=$1 log=$2 files objects
	! grep -E '^[^ ]*:[0-9]+:.*(warning|error):|^WARNING' "$log" || return 1
	files=$(grep -c "^  $word .*\(core\|rxe\)/.*\.[co]\$" "$log" || true)
	objects=$(grep -c '\.o\( \\\)\?$' "$LAB_TREE/Kbuild")
	[ "$files" -ge "$((objects - 1))" ] || {
		echo "$word of $files files, the module has $objects"
		return 1
	}
}

# try NAME WORD ARGUMENT...: counts what it comes to; WORD is what make calls it.
try() {
	local name=$1 word=$2 log work begin=$SECONDS rc=0
	shift 2
	log=$LAB_CACHE/build-$name.log
	scratch work
	loudly "$log" nice "${LAB_APART[@]}" "$0" --compile "$box/root" "$(cat "$box/release")" \
		"$work" "$@" || rc=$?
	if [ $rc = 0 ] && clean "$word" "$log"; then
		passed=$((passed + 1))
		echo "ok $name $((SECONDS - begin)) s"
	else
		failed=$((failed + 1))
		echo "FAIL $name; see $log"
	fi
}

if [ "${1:-}" = --compile ]; then
	shift
	compile "$@"
	exit
fi
[ $# != 0 ] || set -- 6.1 6.12 7.2
for KERNEL; do
	export KERNEL
	box=$("$here/toolbox.sh")
	try "gcc-$KERNEL" CC W=1
	try "clang-$KERNEL" CC W=1 "${clang[@]}"
	try "sparse-$KERNEL" CHECK "${sparse[@]}"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
