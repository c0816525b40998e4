#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The user-mode Linux labs: a whole Linux 7.2 as a process, booted in a second, at native speed.
#   uml.sh build plain|debug      the kernel, from Debian's source package; prints its folder
#   uml.sh module plain|debug     the tree's rdma_rxe.ko for it, every warning an error; prints it
#   uml.sh run plain|debug [--mem 2G] [--driver ours|inbox|none] [--timeout SECONDS] -- COMMAND...
# debug adds KASAN, lockdep, debug objects and failing allocations (config/uml-debug.config).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=job.sh
. "$LAB_VM/job.sh"

# The user space is that of the stock guest 6.12, whatever stock kernel the caller works with.
export KERNEL=6.12

usage() {
	sed -n '4,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# The configuration of a variant, and all that decides what its kernel is besides the source.
fragments() {
	echo "$LAB_VM/config/uml.config"
	[ "$variant" = plain ] || echo "$LAB_VM/config/uml-debug.config"
}

inputs() {
	fragments
	printf '%s\n' "$LAB_VM"/config/uml-{signal,spinlock,vector}.patch
	[ "$variant" = plain ] || echo "$LAB_VM/config/uml-stacktrace.patch"
}

# Kconfig drops silently what it cannot have: a lab without its checkers would pass everything.
check_config() {
	local line
	while read -r line; do
		grep -qxF "$line" "$1" ||
			die "the configuration lost $line: $(grep "${line%%=*}[ =]" "$1")"
	done < <(grep -h '^CONFIG' "$2")
}

make_kernel() {
	local work
	[ ! -d "$kernel" ] || return 0
	say "user-mode Linux $variant: four to six minutes"
	scratch work
	mkdir "$work/out"
	fragments | xargs cat >"$work/fragment"
	loudly "$log" make -C "$source" ARCH=um O="$work/out" \
		KCONFIG_ALLCONFIG="$work/fragment" allnoconfig
	check_config "$work/out/.config" "$work/fragment"
	loudly "$log" nice make -C "$source" ARCH=um O="$work/out" -j"$(nproc)"
	loudly "$log" make -C "$source" ARCH=um O="$work/out" \
		INSTALL_MOD_PATH="$work/install" modules_install
	mv "$work/install/lib/modules"/* "$work/out/installed"
	rm -f "$work/out/installed/build"
	# Modules are built against headers, scripts and symbols: the kernel's own objects can go.
	find "$work/out" -name '*.o' -not -path '*/scripts/*' -delete
	rm -f "$work/out"/vmlinux*
	# Its own place is the only path of a build folder that the build leaves in it.
	sed -i "s|$work/out|$kernel|" "$work/out/Makefile"
	publish "$work/out" "$kernel"
}

# The module is built in a copy of the sources, so that the tree stays clean: a copy for each kernel
# and each list of files, in which make finds what it has built already.
make_module() {
	local list copy
	list=$(module_sources)
	copy=$LAB_CACHE/module-uml-$variant-$(echo "$kernel $list" | digest -)
	mkdir -p "$copy"
	prune "$copy"
	# By content, with the time of now: make builds what changed, also back to an older text.
	rsync -rlpgo --checksum --files-from=- "$LAB_TREE" "$copy" <<<"$list"
	# W=1e: also the warnings that the kernel leaves off by default, each of them an error.
	loudly "$copy/build.log" nice make -C "$kernel" ARCH=um M="$copy" W=1e -j"$(nproc)" modules
	if grep -i 'warning:' "$copy/build.log" >&2; then
		rm -f "$copy/rdma_rxe.ko"
		die "the module built with warnings"
	fi
	module=$copy/rdma_rxe.ko
}

build() {
	source=$("$LAB_VM/source.sh")
	# shellcheck disable=SC2046 # file names without spaces
	key=$(basename "$source" | digest - $(inputs))
	kernel=$LAB_CACHE/uml-$variant-$key
	log=$LAB_CACHE/uml-$variant.log
	locked "uml-$variant" make_kernel
}

# The links, as parameters of the kernel.
links() {
	local i fd mtu mac
	for i in "${!JOB_LINKS[@]}"; do
		IFS=, read -r fd mtu mac <<<"${JOB_LINKS[i]}"
		echo "vec$i:transport=fd,fd=$fd,mtu=$mtu,mac=$mac"
	done
}

run() {
	local rootfs modules tests
	job_options "$@"
	build
	rootfs=$("$LAB_VM/rootfs.sh")
	modules=$kernel/installed
	job_create uml "$variant" "LAB_MODULES=$modules"
	if [ "$JOB_DRIVER" = ours ]; then
		locked "module-uml-$variant" make_module
		cp "$module" "$JOB/rdma_rxe.ko"
	fi
	tests=$(guest_tests)
	mkdir -p "$tests"
	allow_mappings
	say "user-mode Linux $variant, driver $JOB_DRIVER, $JOB_MEM"
	# shellcheck disable=SC2086,SC2046 # several parameters
	job_guest "$kernel/linux" "mem=$JOB_MEM" ncpus=2 seccomp=auto "uml_dir=$JOB" umid=uml \
		"ubd0=$JOB/disk,$rootfs/root.img" root=/dev/ubda rw init=/sbin/lab-stage1 \
		con=null con0=null,fd:1 con1=null,fd:2 console=tty1 panic=-1 $(links) $JOB_APPEND \
		LAB_KIND=uml "LAB_TREE=$LAB_TREE" "LAB_JOB=$JOB" "LAB_TESTS=$tests"
	job_verdict
}

# User-mode Linux has a mapping of the host for every page of its processes.
allow_mappings() {
	local want=4000000
	[ "$(cat /proc/sys/vm/max_map_count)" -ge $want ] || sysctl -q -w vm.max_map_count=$want ||
		say "cannot raise vm.max_map_count: programs with more than about 250 MiB will fail"
}

main() {
	[ $# -ge 2 ] || usage
	local verb=$1
	variant=$2
	shift 2
	case $variant in plain | debug) ;; *) usage ;; esac
	case $verb in
	build)
		build
		echo "$kernel"
		;;
	module)
		build
		locked "module-uml-$variant" make_module
		echo "$module"
		;;
	run) run "$@" ;;
	*) usage ;;
	esac
}

main "$@"
