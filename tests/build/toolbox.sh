#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# toolbox.sh: makes what compiles the module for the stock kernel $KERNEL as its own Debian release
# does: gcc, clang, sparse and the kernel's headers. Prints the artefact's folder: root/, for
# chroot, and the kernel's release.
set -euo pipefail
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source=../vm/debian.sh
. "$LAB_VM/debian.sh"

KERNEL=${KERNEL:-6.12}
here=$(cd "$(dirname "$0")" && pwd)
suite=$(user_space)
suites=${LAB_GUESTS[$KERNEL]}
packages=clang,gcc,kmod,libc6-dev,make,sparse

make_toolbox() {
	local work
	[ ! -d "$artefact" ] || return 0
	say "compilers of $suite and the headers of kernel $KERNEL: a minute or two"
	scratch work
	mkdir "$work/out"
	# shellcheck disable=SC2086 # a list of suites
	debian_sources $suites >"$work/sources.list"
	export KERNEL SUITE=${suites##* } TMPDIR=$work
	loudly "$LAB_CACHE/toolbox-$KERNEL.log" nice "${LAB_APART[@]}" \
		mmdebstrap --mode=root --variant=minbase --include="$packages" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--aptopt='Acquire::Retries "3"' --customize-hook="$here/toolbox-hook.sh" \
		"$suite" "$work/out/root" "$work/sources.list"
	cp "$work/out/root/etc/lab-release" "$work/out/release"
	publish "$work/out" "$artefact"
}

# Not the mirror: the same packages come from anywhere. RXE_ODP_REFRESH fetches their newer state.
key=$(echo "$KERNEL $suites $packages ${RXE_ODP_REFRESH:-}" |
	digest - "$here/toolbox-hook.sh" "$LAB_VM/stock-release.sh")
artefact=$LAB_CACHE/toolbox-$KERNEL-$key
[ -d "$artefact" ] || "$LAB_VM/deps.sh"
locked "toolbox-$KERNEL" make_toolbox
echo "$artefact"
