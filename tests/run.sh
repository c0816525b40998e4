#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A fast selection of the suites, in the order of how fast they find something; what `make test`
# runs. All of them whole, on all kernels: tests/all.sh.
#
#   tests/run.sh [SUITE...]    all suites, or those whose name begins with one of the words
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=vm/lib.sh
. tests/vm/lib.sh
# shellcheck source=suite.sh
. tests/suite.sh

# shellcheck disable=SC2034 # suite.sh looks at it
ONLY=("$@")
# What passes counts for all.sh, too, where that does the same.
# shellcheck disable=SC2034
AGAIN=1
! git rev-parse --git-dir >/dev/null 2>&1 || keep_results

# User-mode Linux has the user space of Debian 13.
uml_user_space() {
	KERNEL=6.12 tests/vm/guest-build.sh
}

uml_suites() {
	uml proof 120 /src/tests/vm/guest-proof.sh
	uml one 900 /src/tests/net/one.sh
	uml two 900 /src/tests/net/two-ns.sh
	uml links 600 /src/tests/net/links.sh
	uml mcast 900 /src/tests/net/mcast.sh
	uml icrc 300 /src/tests/net/icrc.sh
	uml wire 600 /src/tests/net/wire.sh
	uml odp 1200 /src/tests/odp/odp.sh fast
	uml hostile 600 /src/tests/net/hostile.sh
	uml scribble 400 /src/tests/net/scribble.sh 10
	uml observe 600 /src/tests/net/observe.sh
	uml apps 900 /src/tests/net/apps.sh
	uml pyverbs 600 /src/tests/pyverbs/pyverbs.sh
	uml churn 900 /src/tests/net/churn.sh 3
}

more_uml_suites() {
	uml nfs 600 /src/tests/storage/nfs.sh
	uml smc 400 /src/tests/sockets/smc.sh
	uml many 600 /src/tests/net/many.sh 200
	uml crowd 600 /src/tests/net/crowd.sh 1000 10000
	suite uml-kmod 600 tests/kmod/run.sh debug
	suite uml-dmabuf 800 tests/dmabuf/run.sh debug
	suite uml-interop 1200 tests/interop/run.sh debug plain
}

stock_suites() {
	stock proof 300 /src/tests/vm/guest-proof.sh
	stock one 600 /src/tests/net/one.sh 'rc.*.sizes' 'sgl.*' 'atomic.*' 'cq.*' 'flush.*' 'ud.*'
	stock odp 1800 /src/tests/odp/odp.sh fast
	stock apps 1200 /src/tests/net/apps.sh
	stock links 600 /src/tests/net/links.sh
	stock pyverbs 900 /src/tests/pyverbs/pyverbs.sh
	stock mcast 900 /src/tests/net/mcast.sh
	stock observe 600 /src/tests/net/observe.sh
	stock dmabuf 900 /src/tests/dmabuf/guest.sh
	stock storage 1200 /src/tests/storage/storage.sh fast 'nvme.*' \
		iser.verify iser.churn iser.regions srp.verify srp.churn srp.regions
	stock rds 600 /src/tests/sockets/rds.sh
}

uml_kernels() {
	! any_of uml- || step "user-mode Linux with its checkers" tests/vm/uml.sh build debug
	! any_of uml- || step "user-mode Linux without checkers" tests/vm/uml.sh build plain
}

stock_kernel() {
	! any_of "stock-$KERNEL-" || step "Debian's kernel $KERNEL" tests/vm/guest-build.sh
}

# Two halves that take about as long as each other.
one_half() {
	uml_kernels
	uml_suites
}

other_half() {
	stock_kernel
	stock_suites
	uml_kernels
	more_uml_suites
}

KERNEL=${KERNEL:-6.12}
export KERNEL

step "packages of the host" tests/vm/deps.sh
host_suites
! any_of uml- || step "root file system and test programs of user-mode Linux" uml_user_space
side_by_side one_half other_half
say "done"
conclude
