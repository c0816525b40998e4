#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel consumer's cases on user-mode Linux: builds the module of this folder for the lab's
# kernel and runs guest.sh in it.
#	run.sh plain|debug
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

variant=${1:?usage: run.sh plain|debug}
kernel=$("$LAB_VM/uml.sh" build "$variant")
# Beside the test programs: the guest sees this folder.
tests=$(KERNEL=6.12 guest_tests)
mkdir -p "$tests"
copy=
scratch copy
cp "$LAB_TREE"/tests/kmod/{Kbuild,*.c,*.h} "$copy/"
loudly "$copy/build.log" nice make -C "$kernel" ARCH=um M="$copy" W=1e -j2 modules
if grep -i 'warning:' "$copy/build.log" >&2; then
	die "the module built with warnings"
fi
mv "$copy/rxe_kmod.ko" "$tests/rxe_kmod-$variant.ko"
"$LAB_VM/uml.sh" run "$variant" --driver ours --timeout 300 -- \
	/src/tests/kmod/guest.sh "/opt/rxe-tests/rxe_kmod-$variant.ko"
