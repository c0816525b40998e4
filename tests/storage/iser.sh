# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# iSER: open-iscsi with the kernel's initiator, and the kernel's target, set up by configfs alone,
# with a disk in memory behind it. Sourced by storage.sh; what it expects of a transport is told
# there.

TARGET=/sys/kernel/config/target
IQN=iqn.2026-11.test:disk
PORTAL=10.0.0.2:3260
# shellcheck disable=SC2034 # read by name
ISER_MODULES='ib_iser ib_isert iscsi_target_mod target_core_mod'

# cpus_but_first 0|1: off or on.
cpus_but_first() {
	local cpu
	for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
		[ ! -e "$cpu" ] || echo "$1" >"$cpu"
	done
}

iser_modules() {
	modprobe -a target_core_mod iscsi_target_mod ib_isert sd_mod ib_iser
	[ -d $TARGET/core ] || fail "no $TARGET"
	mkdir -p /etc/iscsi /run/lock
	echo InitiatorName=iqn.2026-11.test:initiator >/etc/iscsi/initiatorname.iscsi
	setsid iscsid -f >"$WORK/iscsid" 2>&1 </dev/null 3>&- &
	until_true 10 grep -q ISCSIADM /proc/net/unix
}

# A command that comes before the target has ended a login may keep a CPU for ever
# (Documentation/consumers.rst). With one CPU, who ends logins is not to be preempted.
finish_logins() {
	local thread
	cpus_but_first 0
	for thread in $(pgrep -x iscsi_np); do
		chrt --fifo --pid 1 "$thread"
	done
}

iser_serve() {
	local group=$TARGET/iscsi/$IQN/tpgt_1 disk=$TARGET/core/rd_mcp_0/disk
	mkdir -p "$disk" "$TARGET/iscsi"
	echo "rd_pages=$((DISK_MIB * 256))" >"$disk/control"
	echo 1 >"$disk/enable"
	mkdir -p "$group/lun/lun_0" "$group/np/0.0.0.0:3260"
	ln -s "$disk" "$group/lun/lun_0/disk"
	echo 1 >"$group/np/0.0.0.0:3260/iser"
	# Anybody may log in and write.
	echo 0 >"$group/attrib/authentication"
	echo 1 >"$group/attrib/generate_node_acls"
	echo 1 >"$group/attrib/cache_dynamic_acls"
	echo 0 >"$group/attrib/demo_mode_write_protect"
	echo 1 >"$group/enable"
	finish_logins
}

iser_unserve() {
	local group=$TARGET/iscsi/$IQN/tpgt_1
	echo 0 >"$group/enable"
	rm "$group/lun/lun_0/disk"
	rmdir "$group/lun/lun_0"
	echo 0 >"$group/np/0.0.0.0:3260/iser"
	rmdir "$group/np/0.0.0.0:3260" "$group" "$TARGET/iscsi/$IQN" "$TARGET/iscsi"
	rmdir "$TARGET/core/rd_mcp_0/disk" "$TARGET/core/rd_mcp_0"
	cpus_but_first 1
}

iscsi_node() {
	iscsiadm -m node -T $IQN -p $PORTAL "$@"
}

iser_attach() {
	[ -e "/etc/iscsi/nodes/$IQN" ] || iser_describe
	iscsi_node --login
}

# Of a session that lost its target, commands wait; the timer for silence suits slow guests.
iser_describe() {
	iscsi_node -I iser -o new
	iscsi_node -o update -n 'node.session.timeo.replacement_timeout' -v 300
	iscsi_node -o update -n 'node.conn[0].timeo.noop_out_interval' -v 5
	iscsi_node -o update -n 'node.conn[0].timeo.noop_out_timeout' -v 30
	iscsi_node -o update -n 'node.conn[0].timeo.login_timeout' -v 60
}

# A listener on any address hears by the new device, too.
iser_returned() {
	:
}

iser_detach() {
	iscsi_node --logout
}

iser_name() {
	find /sys/class/iscsi_session/session*/device/target*/ -path '*/block/*' -prune \
		-printf '%f\n' | grep -x 'sd[a-z]*'
}

# The session outlives its connection, and gets another one when there is a device again.
# shellcheck disable=SC2034 # read by name
ISER_SURVIVES=yes
# shellcheck disable=SC2034 # read by name
ISER_SHARES=no

# Only the target sees what is on its disk.
iser_behind() {
	echo none
}
