#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh [MODULE [GLOB...]]: in a guest: the cases of rxe_dmabuf, all or those that the GLOBs
# name, on one device looped back. MODULE is the test exporter; without one, or with "-", it is
# built here, for the kernel that runs.
set -euo pipefail
# shellcheck source=tests/net/lib.sh
. /src/tests/net/lib.sh
need_tools ip rdma rxe_dmabuf

module=${1:--}
shift $(($# ? 1 : 0))

build() {
	/src/tests/dmabuf/build.sh /run/dmabuf -C "/lib/modules/$(uname -r)/build"
}

run_case driver 10 driver_is_loaded
if [ "$module" = - ]; then
	run_case exporter 60 build
	module=/run/dmabuf/rxe_exporter.ko
fi
insmod "$module"
net_one 9000
RXE_NETDEV=veth0 run_program dmabuf rxe_dmabuf -d rxe0 -x "$RXE_SLOW" "$@"
run_case device.goes 20 net_one_down
# Nothing of ours holds a buffer, so nobody holds the exporter.
run_case exporter.goes 10 rmmod rxe_exporter
run_case log 10 log_clean
summary
