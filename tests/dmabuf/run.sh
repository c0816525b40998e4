#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The dma-buf cases on user-mode Linux: builds the test exporter for the lab's kernel and runs
# guest.sh in it.
#	run.sh plain|debug [GLOB...]
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

variant=${1:?usage: run.sh plain|debug [GLOB...]}
shift
kernel=$("$LAB_VM/uml.sh" build "$variant")
# Beside the test programs: the guest sees this folder.
tests=$(KERNEL=6.12 guest_tests)
mkdir -p "$tests"
copy=
scratch copy
loudly "$copy/build.log" "$LAB_TREE/tests/dmabuf/build.sh" "$copy" -C "$kernel" ARCH=um
mv "$copy/rxe_exporter.ko" "$tests/rxe_exporter-$variant.ko"
"$LAB_VM/uml.sh" run "$variant" --mem 2G --driver ours --timeout 500 -- \
	/src/tests/dmabuf/guest.sh "/opt/rxe-tests/rxe_exporter-$variant.ko" "$@"
