#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# pyverbs.sh [MODULE...]: the distribution's own tests of its libibverbs and librdmacm, as its
# package python3-pyverbs has them, on one device, looped back: all modules, or those named
# (test_qp, ...). skips.txt has the tests that may skip, and that must, for each release of
# rdma-core. On the in-box driver nothing is asked of skips: there they are only told.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_tools ip rdma python3 gunzip

HERE=$NET_DIR/../pyverbs
MEMORY=$NET_DIR/../vm/guest-memory.sh
PACKAGED=/usr/share/doc/rdma-core/tests

# Debian compresses what is documentation to it.
unpack() {
	[ -e "$PACKAGED/run_tests.py" ] || die "no tests in $PACKAGED: package python3-pyverbs"
	cp -r "$PACKAGED" "$WORK/tests"
	find "$WORK/tests" -name '*.py.gz' -exec gunzip {} +
}

# Some tests want huge pages; where there are none, skips.txt knows.
huge_pages() {
	local said
	said=$(bash -ec '. "$1"; mem_huge 16' prepare "$MEMORY" 2>&1) ||
		echo "# no pool of huge pages: ${said##*$'\n'}"
}

# gid_index: of 10.0.0.1. Left alone, the tests take the first one, the link-local address, which
# net_one does not make.
gid_index() {
	(cd /sys/class/infiniband/rxe0/ports/1/gids && grep -l 'ffff:0a00:0001' -- *) | head -n 1
}

nothing_left() {
	until_true 10 as_before
}

as_before() {
	local now
	now=$(resources)
	echo "objects: $now; before: $before"
	[ "$now" = "$before" ]
}

run_case driver 10 driver_is_loaded
unpack
huge_pages
version=$(dpkg-query -W -f '${Version}' python3-pyverbs)
echo "# rdma-core $version, Linux $(uname -r), driver $RXE_DRIVER"
options=(--limit $((90 * RXE_SLOW)) --version "${version%%.*}")
options+=(--lab "${LAB_KIND:-uml},${LAB_VARIANT:-plain}")
[ "$RXE_DRIVER" != ours ] || options+=(--judge)
net_one 9000
before=$(resources)
run_program pyverbs python3 "$HERE/suite.py" "${options[@]}" "$HERE/skips.txt" "$WORK/tests" \
	"$@" -- --dev rxe0 --port 1 --gid "$(gid_index)"
run_case nothing_left 30 nothing_left
net_one_down
summary
