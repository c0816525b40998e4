#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every suite, whole, on every kernel; what `make test-all` runs. Takes hours: Debian's kernels run
# on an emulated machine. Ends with one table, suite by kernel.
#
#   tests/all.sh [--write] [SUITE...]   all suites, or those whose name begins with one of the words
#
# What passed is kept, and not run again while what the suite stands on is as it was (suite.sh): a
# run that was ended goes on where it was.
# --write puts the results into tests/results.txt, where those of other suites stay as they are, and
# the table of that file into Documentation/testing.rst.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=vm/lib.sh
. tests/vm/lib.sh
# shellcheck source=vm/page.sh
. tests/vm/page.sh
# shellcheck source=suite.sh
. tests/suite.sh

uml_suites() {
	uml proof 300 /src/tests/vm/guest-proof.sh
	uml one 1800 /src/tests/net/one.sh
	uml two 1800 /src/tests/net/two-ns.sh
	uml links 900 /src/tests/net/links.sh
	uml mcast 1200 /src/tests/net/mcast.sh
	uml icrc 600 /src/tests/net/icrc.sh
	uml wire 900 /src/tests/net/wire.sh
	uml odp 7200 /src/tests/odp/odp.sh full
	uml hostile 900 /src/tests/net/hostile.sh
	uml scribble 900 /src/tests/net/scribble.sh 60
	uml observe 900 /src/tests/net/observe.sh
	uml apps 7200 /src/tests/net/apps.sh full
	uml pyverbs 1200 /src/tests/pyverbs/pyverbs.sh
	uml churn 3600 /src/tests/net/churn.sh 20
	uml storage 3600 /src/tests/storage/storage.sh full
	uml nfs 1800 /src/tests/storage/nfs.sh full
	uml smc 600 /src/tests/sockets/smc.sh
	# Without checkers: RDS does not stand up to them (Documentation/consumers.rst).
	suite uml-rds 660 tests/vm/uml.sh run plain --mem 2G --driver ours --timeout 600 \
		-- /src/tests/sockets/rds.sh
	uml many 1800 /src/tests/net/many.sh 1000
	# Likewise: so many mapped queues are given back in one go with per-CPU memory, which is at
	# the other end of the kernel's addresses, and for all between the other kernel fills its
	# shadow (kasan_release_vmalloc()), of 64 GiB. There: a tenth of it, in make test.
	suite uml-crowd 1900 tests/vm/uml.sh run plain --mem 6G --driver ours --timeout 1800 \
		-- /src/tests/net/crowd.sh
	suite uml-kmod 900 tests/kmod/run.sh debug
	suite uml-dmabuf 900 tests/dmabuf/run.sh debug
	suite uml-interop 1800 tests/interop/run.sh debug plain
}

stock_suites() {
	stock proof 600 /src/tests/vm/guest-proof.sh
	stock one 3600 /src/tests/net/one.sh
	stock two 3600 /src/tests/net/two-ns.sh
	stock links 1200 /src/tests/net/links.sh
	stock mcast 1800 /src/tests/net/mcast.sh
	stock icrc 1200 /src/tests/net/icrc.sh
	stock wire 1800 /src/tests/net/wire.sh
	stock odp 7200 /src/tests/odp/odp.sh full
	stock hostile 1800 /src/tests/net/hostile.sh
	stock scribble 900 /src/tests/net/scribble.sh 60
	stock observe 1200 /src/tests/net/observe.sh
	stock apps 7200 /src/tests/net/apps.sh full
	stock pyverbs 1800 /src/tests/pyverbs/pyverbs.sh
	stock churn 1800 /src/tests/net/churn.sh 6
	stock storage 7200 /src/tests/storage/storage.sh full
	stock nfs 1800 /src/tests/storage/nfs.sh full
	stock rds 1200 /src/tests/sockets/rds.sh
	stock smc 1200 /src/tests/sockets/smc.sh
	stock kmod 1200 /src/tests/kmod/guest.sh
	stock dmabuf 1800 /src/tests/dmabuf/guest.sh
	stock many 1800 /src/tests/net/many.sh 200
	suite "stock-$KERNEL-interop" 3600 tests/interop/run.sh "$KERNEL" plain
	stock crowd 3600 /src/tests/net/crowd.sh 1000 10000
}

RECORD=tests/results.txt

write=
[ "${1:-}" != --write ] || { write=1 && shift; }
# shellcheck disable=SC2034 # suite.sh looks at it
ONLY=("$@")
[ -z "$write" ] || page_check testing.rst suites
keep_results

step "packages of the host" tests/vm/deps.sh
host_suites
for KERNEL in 6.1 6.12 7.2; do
	suite "stock-$KERNEL-build" 1200 tests/build/run.sh $KERNEL
done
export KERNEL=6.12
if any_of uml-; then
	step "root file system and test programs of user-mode Linux" tests/vm/guest-build.sh
	step "user-mode Linux with its checkers" tests/vm/uml.sh build debug
	step "user-mode Linux without checkers" tests/vm/uml.sh build plain
fi
uml_suites
for KERNEL in 6.12 7.2 6.1; do
	! any_of "stock-$KERNEL-" || step "Debian's kernel $KERNEL" tests/vm/guest-build.sh
	stock_suites
done
KERNEL=7.2-sid
! any_of "stock-$KERNEL-" || step "Debian's newest user space" tests/vm/guest-build.sh
stock pyverbs 1800 /src/tests/pyverbs/pyverbs.sh
# What bookworm's user space cannot ask of its kernel, and a container's can.
KERNEL=6.1-trixie
! any_of "stock-$KERNEL-" || step "Debian's oldest kernel, newer programs" tests/vm/guest-build.sh
stock one 1800 /src/tests/net/one.sh 'place.*' 'rc.*.sizes'
stock odp 1800 /src/tests/odp/odp.sh fast 'err.*' 'advise.*' 'verbs.*' 'persist.*'
say "done"

rc=0
conclude || rc=1
work=''
scratch work
if [ -n "$write" ]; then
	recorded $RECORD >"$work/lines"
	python3 tests/all-table.py <"$work/lines" >"$work/table"
	{ echo "# SPDX-License-Identifier: GPL-2.0" && sed 's/ older$//' "$work/lines"; } >$RECORD
	page_write testing.rst suites "$work/table"
else
	recorded /dev/null | python3 tests/all-table.py >"$work/table"
fi
cat "$work/table"
exit $rc
