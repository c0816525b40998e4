# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# SRP: the kernel's initiator and target over RDMA-CM, set up by sysfs and configfs alone, with a
# disk in memory behind it. Sourced by storage.sh; what it expects of a transport is told there.

SRPT=/sys/kernel/config/target/srpt
SRP_PORT=5555
SRP_BACKSTORE=/sys/kernel/config/target/core/rd_mcp_1
SRP_WARNING='WARNING: .*srpt_cache_put'
# shellcheck disable=SC2034 # read by name
SRP_MODULES='ib_srp ib_srpt target_core_mod'

# Of a session that lost its target, commands wait, for a while.
srp_modules() {
	modprobe -a target_core_mod ib_srpt sd_mod
	modprobe ib_srp reconnect_delay=2 fast_io_fail_tmo=off dev_loss_tmo=300
}

# The target is called by the last half of its port's first GID.
srp_target() {
	cut -d: -f5-8 /sys/class/infiniband/rxe2/ports/1/gids/0
}

srp_open_group() {
	local group=$SRPT/$1/$1 address
	mkdir -p "$group/lun/lun_0"
	ln -s $SRP_BACKSTORE/disk "$group/lun/lun_0/disk"
	# Who is not known by address may only read.
	for address in 10.0.0.1 10.0.0.2; do
		mkdir -p "$group/acls/$address/lun_0"
		ln -s "$group/lun/lun_0" "$group/acls/$address/lun_0/disk"
		echo 0 >"$group/acls/$address/lun_0/write_protect"
	done
	# Of the device, and so of each new one.
	echo "$SRQ" >"$group/attrib/use_srq"
	echo 1 >"$group/enable"
}

srp_close_group() {
	local group=$SRPT/$1/$1 address
	echo 0 >"$group/enable"
	for address in 10.0.0.1 10.0.0.2; do
		rm "$group/acls/$address/lun_0/disk"
		rmdir "$group/acls/$address/lun_0" "$group/acls/$address"
	done
	rm "$group/lun/lun_0/disk"
	rmdir "$group/lun/lun_0" "$group" "$SRPT/$1"
}

srp_serve() {
	mkdir -p $SRP_BACKSTORE/disk $SRPT
	echo "rd_pages=$((DISK_MIB * 256))" >$SRP_BACKSTORE/disk/control
	echo 1 >$SRP_BACKSTORE/disk/enable
	echo $SRP_PORT >$SRPT/discovery_auth/rdma_cm_port
	srp_open_group "$(srp_target)"
	[ "$SRQ" = 0 ] || srp_first_end
}

# The first channel with a shared queue that ends makes the target warn, once in a module's life
# (Documentation/consumers.rst): off the console, which has to be free of warnings, and of the log
# later (srp_known).
srp_first_end() {
	local level
	read -r level _ </proc/sys/kernel/printk
	# shellcheck disable=SC2064 # the level as it is now
	trap "echo $level >/proc/sys/kernel/printk" EXIT
	echo 1 >/proc/sys/kernel/printk
	srp_attach
	until_true 10 has_disk
	srp_detach
	until_true 10 no_disk
	(until_true 5 srp_warned) || echo "# the target does not warn"
}

# srp_warned: to the last line.
srp_warned() {
	grep -q 'end trace' < <(dmesg | sed -n "/$SRP_WARNING/,\$p")
}

# srp_known: a log but for that warning, which is there once at most.
srp_known() {
	awk -v known="$SRP_WARNING" '
		/cut here/ { printf "%s", text; block = 1; mine = 0; text = "" }
		!block { print; next }
		{ text = text $0 "\n" }
		$0 ~ known && !seen { mine = seen = 1 }
		/end trace/ { if (!mine) printf "%s", text; block = 0; text = "" }
		END { printf "%s", text }'
}

srp_unserve() {
	srp_close_group "$(srp_target)"
	echo 0 >$SRPT/discovery_auth/rdma_cm_port
	rmdir $SRPT $SRP_BACKSTORE/disk $SRP_BACKSTORE
}

# The target's groups belong to a device; this one is another, of the same name.
srp_returned() {
	srp_close_group "$(srp_target)"
	srp_open_group "$(srp_target)"
}

srp_log_in() {
	local guid
	guid=$(cat /sys/module/ib_srpt/parameters/srpt_service_guid)
	guid=$(printf %016x "$guid")
	echo "id_ext=$guid,ioc_guid=$guid,dest=10.0.0.2:$SRP_PORT,src=10.0.0.1" \
		>/sys/class/infiniband_srp/srp-rxe1-1/add_target
}

# A session is refused while one to the same target is on its way out: without a disk already.
srp_attach() {
	until_true 10 srp_log_in
}

srp_detach() {
	local port
	for port in /sys/class/srp_remote_ports/port-*; do
		echo 1 >"$port/delete"
	done
}

srp_name() {
	local host
	for host in /sys/class/scsi_host/host*; do
		[ "$(cat "$host/proc_name")" != ib_srp ] ||
			find "$host/device/" -path '*/block/*' -prune -printf '%f\n'
	done | grep -x 'sd[a-z]*'
}

# With the device goes the session, and what waited for it fails.
# shellcheck disable=SC2034 # read by name
SRP_SURVIVES=no
# shellcheck disable=SC2034 # read by name
SRP_SHARES=yes

# Only the target sees what is on its disk.
srp_behind() {
	echo none
}
