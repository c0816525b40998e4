#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# apps.sh [fast|full] [CASE...]: the programs that people run on RDMA, between two namespaces:
# libibverbs' pingpongs, perftest, librdmacm's programs, and, where the guest has them, UCX,
# libfabric and Open MPI. fast, the default, runs each with its main options, full with all that
# mean something here. CASE is a pattern of names without "apps.". Each program is bounded in time
# and must say what it says when all went well.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=apps/pair.sh
. "$NET_DIR/apps/pair.sh"
# shellcheck source=apps/pingpong.sh
. "$NET_DIR/apps/pingpong.sh"
# shellcheck source=apps/perftest.sh
. "$NET_DIR/apps/perftest.sh"
# shellcheck source=apps/rdmacm.sh
. "$NET_DIR/apps/rdmacm.sh"
# shellcheck source=apps/header.sh
. "$NET_DIR/apps/header.sh"
# shellcheck source=apps/ucx.sh
. "$NET_DIR/apps/ucx.sh"
# shellcheck source=apps/fabric.sh
. "$NET_DIR/apps/fabric.sh"
# shellcheck source=apps/mpi.sh
. "$NET_DIR/apps/mpi.sh"
need_tools ip rdma ss ibv_rc_pingpong ib_write_bw mckey rping ucmatose udaddy

case ${1:-fast} in
fast) APPS_FULL='' ;;
full) APPS_FULL=1 ;;
*) die "the selection is fast or full, not $1" ;;
esac
choose "${@:2}"

run_case driver 10 driver_is_loaded
run_case apps.up 20 up_two 9000
pingpong_cases
perftest_cases
rdmacm_cases
header_cases
ucx_cases
fabric_cases
run_case apps.down 20 down_two
mpi_cases
summary
