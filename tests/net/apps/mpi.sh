# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Open MPI over UCX: two ranks in one guest that may talk by one device alone, rxe0, looped back.
# mpi.py sends, checks every byte, and ends with a line of what it checked. Sourced by apps.sh.

# mpi TRANSPORTS [TEST...]: the tests of mpi.py, or some.
mpi() {
	local how=$1
	shift
	needs_program mpirun ucx_info
	over rxe0 100 timeout "$LIMIT" mpirun --allow-run-as-root -np 2 --oversubscribe \
		--mca pml ucx --mca osc ucx --mca btl self --mca opal_common_ucx_tls any \
		--mca opal_common_ucx_devices any \
		-x "UCX_TLS=$how,self" -x UCX_NET_DEVICES=rxe0:1 \
		-x "UCX_IB_GID_INDEX=$(gid_of rxe0 10.0.0.1)" -x UCX_FENCE_MODE=weak \
		python3 "$NET_DIR/apps/mpi.py" "$@"
	! ucx_complains || fail "UCX complained"
	grep -qE '^# [0-9]+ bytes checked' "$WORK/out" || fail "mpi.py did not come to its end"
}

mpi_cases() {
	local how test
	run_case apps.mpi.up 20 net_one 9000
	app mpi.rc mpi rc_v
	app mpi.ud mpi ud_v point exchange reduce
	for how in rc_v ud_v rc_v,ud_v; do
		for test in point exchange many reduce collect windows counters; do
			more mpi.$how.$test mpi $how $test
		done
	done
	run_case apps.mpi.down 20 net_one_down
}
