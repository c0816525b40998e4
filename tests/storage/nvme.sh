# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# NVMe over RDMA: the kernel's initiator and target, with a disk in memory behind it. Sourced by
# storage.sh; what it expects of a transport is told there.

NVMET=/sys/kernel/config/nvmet
NQN=nqn.2026-11.test:disk
HOST=5ca1ab1e-0000-4000-8000-000000000001
# shellcheck disable=SC2034 # read by name
NVME_MODULES='nvme_rdma nvmet_rdma nvme_fabrics nvmet'

nvme_modules() {
	modprobe nvmet
	modprobe nvmet_rdma use_srq="$SRQ"
	modprobe nvme_rdma
	modprobe brd rd_nr=1 rd_size=$((DISK_MIB * 1024)) max_part=0
}

# Any address: a listener on one of them would end with that device.
nvme_serve() {
	local subsystem=$NVMET/subsystems/$NQN port=$NVMET/ports/1
	mkdir "$subsystem"
	echo 1 >"$subsystem/attr_allow_any_host"
	mkdir "$subsystem/namespaces/1"
	echo -n /dev/ram0 >"$subsystem/namespaces/1/device_path"
	echo 1 >"$subsystem/namespaces/1/enable"
	mkdir "$port"
	echo rdma >"$port/addr_trtype"
	echo ipv4 >"$port/addr_adrfam"
	echo 0.0.0.0 >"$port/addr_traddr"
	echo 4420 >"$port/addr_trsvcid"
	ln -s "$subsystem" "$port/subsystems/"
}

# unproven COMMAND...: where there is lockdep, it takes no note of the order of locks meanwhile.
unproven() {
	local switch=/proc/sys/kernel/prove_locking rc=0
	[ -e $switch ] || switch=/dev/null
	echo 0 >$switch
	"$@" || rc=$?
	echo 1 >$switch
	return $rc
}

# The port that goes takes two locks of the target in an order that looks wrong, and is not
# (Documentation/consumers.rst).
nvme_unserve() {
	unproven rm "$NVMET/ports/1/subsystems/$NQN"
	rmdir "$NVMET/ports/1"
	rmdir "$NVMET/subsystems/$NQN/namespaces/1"
	rmdir "$NVMET/subsystems/$NQN"
}

# Of a controller that lost its target, commands wait; the keep-alive timer suits slow guests.
nvme_attach() {
	nvme connect -t rdma -a 10.0.0.2 -w 10.0.0.1 -s 4420 -n $NQN --nr-io-queues=2 \
		--queue-size=64 --reconnect-delay=2 --ctrl-loss-tmo=300 --keep-alive-tmo=30 \
		--hostnqn="nqn.2014-08.org.nvmexpress:uuid:$HOST" --hostid=$HOST
}

# A listener on any address hears by the new device, too.
nvme_returned() {
	:
}

nvme_detach() {
	nvme disconnect -n $NQN
}

nvme_name() {
	find /sys/block -name 'nvme*n*' -printf '%f\n' | grep -xE 'nvme[0-9]+n[0-9]+'
}

# With the device goes the controller, and what waited for it fails.
# shellcheck disable=SC2034 # read by name
NVME_SURVIVES=no
# shellcheck disable=SC2034 # read by name
NVME_SHARES=yes

# What is on the disk, without the initiator.
nvme_behind() {
	echo /dev/ram0
}
